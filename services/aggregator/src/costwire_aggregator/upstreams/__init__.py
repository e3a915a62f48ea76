"""Servers of the Prometheus query API: what they are asked, and what their answers say."""

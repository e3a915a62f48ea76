"""Topology of many clusters, folded from their Prometheus servers, with its costs."""

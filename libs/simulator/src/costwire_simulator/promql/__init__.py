"""Instant queries of Prometheus, as far as topologies need them. Pure: samples in and out."""

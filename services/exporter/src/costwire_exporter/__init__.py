"""FOCUS reports as Prometheus text."""

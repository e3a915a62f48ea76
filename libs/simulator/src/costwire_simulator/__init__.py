"""Made-up clusters, and a small Prometheus that scrapes what their exporters tell."""

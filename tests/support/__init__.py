"""What tests of whole pipelines share: reports, processes, a tampering proxy, Prometheus."""

"""What the exporters of an estate tell at a time, as Prometheus text. Pure: no socket, no clock."""

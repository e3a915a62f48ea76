"""The simulator over HTTP: exporters, what finds them, upstreams."""

"""A small Prometheus: it scrapes texts when told, keeps the last ones, answers queries."""

"""Prometheus text into deliveries of the database handler."""

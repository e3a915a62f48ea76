"""Probes, own metrics, and this description."""

from __future__ import annotations

from costwire_runtime.openapi import service_paths

PATHS = service_paths(
    healthy="Whether the process answers; no database is asked",
    ready="Whether the database can be asked",
    not_ready="the store is not open",
)

"""Scratch databases in which keys and charges are compared: few at a time, on disk if need be."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.stores import StoreLimits

_SETTLING = 2
"""So many settlements at a time have one, and share the memory for it."""
_ASKING = 1
_MIB = 1 << 20


class Scratch:
    """Where the databases are made."""

    def __init__(self, folder: Path, limits: StoreLimits) -> None:
        """`folder`: takes what does not fit into memory."""
        self.folder = folder
        self._limits = limits
        self._settling = threading.BoundedSemaphore(_SETTLING)
        self._asking = threading.BoundedSemaphore(_ASKING)

    @contextmanager
    def for_settlement(self, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """For the keys of a delivery; raises `StoreBusy` when its turn does not come."""
        busy = (
            f"compare: other deliveries have been settled for {wait_seconds:g} seconds; "
            "try again in a while"
        )
        with _slot(self._settling, wait_seconds, busy), self._database() as sql:
            yield sql

    @contextmanager
    def for_question(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """For the charges that a question compares; raises `StoreBusy`."""
        seconds = self._limits.query_timeout_seconds
        busy = "compare: other questions have been at it for too long; try again"
        with _slot(self._asking, seconds, busy), self._database() as sql:
            yield sql

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{self._limits.memory_bytes // _SETTLING // _MIB}MiB",
            "threads": self._limits.threads,
            "temp_directory": str(self.folder / uuid.uuid4().hex),
            "preserve_insertion_order": "false",
        }
        with duckdb.connect(":memory:", config=config) as sql:
            sql.execute("SET arrow_lossless_conversion = true")
            yield sql


@contextmanager
def _slot(free: threading.BoundedSemaphore, seconds: float, busy: str) -> Iterator[None]:
    if not free.acquire(timeout=seconds):
        raise StoreBusy(busy)
    try:
        yield
    finally:
        free.release()

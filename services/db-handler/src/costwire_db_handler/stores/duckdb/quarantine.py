"""The quarantined rows of deliveries: kept as they came, listed with rule and reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import duckdb
import pyarrow as pa

from costwire_db_handler.stores.duckdb.watchdog import MIB

FIELDS = ("file", "line", "raw", "column", "rule", "reason")
Origin = Literal["exporter", "handler"]

_SCHEMA = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in FIELDS])
_CHUNK = 5_000
_CHUNK_BYTES = 8 * MIB


def replace(
    sql: duckdb.DuckDBPyConnection, commit: int, origin: Origin, rows: Iterable[dict[str, Any]]
) -> int:
    """Keep these rows instead of those that the same side told before; gives their number."""
    sql.execute("DELETE FROM costwire.quarantine WHERE commit = ? AND origin = ?", [commit, origin])
    told = 0
    for chunk in _chunks(rows):
        sql.register("quarantined", pa.Table.from_pylist(chunk, schema=_SCHEMA))
        sql.execute(
            "INSERT INTO costwire.quarantine "
            'SELECT ?, ?, file, line, raw, "column", rule, reason FROM quarantined',
            [commit, origin],
        )
        sql.unregister("quarantined")
        told += len(chunk)
    return told


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row["raw"])
        if len(chunk) >= _CHUNK or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def count(sql: duckdb.DuckDBPyConnection, commit: int, origin: Origin) -> int:
    """How many rows one side told."""
    found = sql.execute(
        "SELECT count(*) FROM costwire.quarantine WHERE commit = ? AND origin = ?",
        [commit, origin],
    ).fetchall()
    return int(found[0][0])


def rows_of(sql: duckdb.DuckDBPyConnection, commit: int) -> Iterator[dict[str, Any]]:
    """The rows of a delivery, by file and line."""
    found = sql.execute(
        'SELECT file, line, raw, "column", rule, reason FROM costwire.quarantine '
        "WHERE commit = ? ORDER BY file, line",
        [commit],
    )
    while chunk := found.fetchmany(_CHUNK):
        for row in chunk:
            yield dict(zip(FIELDS, row, strict=True))

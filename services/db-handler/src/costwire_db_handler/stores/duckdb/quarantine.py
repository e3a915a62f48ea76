"""The quarantined rows of deliveries: kept as they came, listed with rule and reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from costwire_db_handler.quarantined import FIELDS, Origin, pieces

_SCHEMA = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in FIELDS])
_CHUNK = 5_000


def replace(
    sql: duckdb.DuckDBPyConnection, commit: int, origin: Origin, rows: Iterable[dict[str, Any]]
) -> int:
    """Keep these rows instead of those that the same side told before; gives their number."""
    sql.execute("DELETE FROM costwire.quarantine WHERE commit = ? AND origin = ?", [commit, origin])
    told = 0
    for chunk in pieces(rows, _CHUNK):
        sql.register("quarantined", pa.Table.from_pylist(chunk, schema=_SCHEMA))
        sql.execute(
            "INSERT INTO costwire.quarantine "
            'SELECT ?, ?, file, line, raw, "column", rule, reason FROM quarantined',
            [commit, origin],
        )
        sql.unregister("quarantined")
        told += len(chunk)
    return told


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

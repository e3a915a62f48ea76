"""The quarantined rows of deliveries: kept as they came, listed with rule and reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from costwire_db_handler.quarantined import FIELDS, LONG_FIELDS, Origin, fitting, pieces

_SCHEMA = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in FIELDS])
_NAMES = 'file, line, raw, "column", rule, reason'
_SIZE = " + ".join(f"strlen({name})" for name in LONG_FIELDS)
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
            f"INSERT INTO costwire.quarantine SELECT ?, ?, {_NAMES} FROM quarantined",
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
    """The rows of a delivery, by file and line.

    They are put in order without their texts, which may be larger than the engine's memory.
    """
    found = sql.execute(
        f"SELECT rowid, {_SIZE} AS bytes FROM costwire.quarantine "
        "WHERE commit = ? ORDER BY file, line, origin, rowid",
        [commit],
    ).fetchnumpy()
    numbers, sizes = found["rowid"].tolist(), found["bytes"].tolist()
    while numbers:
        fit = fitting(sizes[:_CHUNK])
        page = _page(sql, numbers[:fit])
        for number in numbers[:fit]:
            yield dict(zip(FIELDS, page[number], strict=True))
        del numbers[:fit], sizes[:fit]


def _page(sql: duckdb.DuckDBPyConnection, numbers: list[int]) -> dict[int, list[Any]]:
    rows = sql.execute(
        f"SELECT rowid, {_NAMES} FROM costwire.quarantine "
        "WHERE rowid IN (SELECT unnest(?::BIGINT[]))",
        [numbers],
    ).fetchall()
    return {number: row for number, *row in rows}

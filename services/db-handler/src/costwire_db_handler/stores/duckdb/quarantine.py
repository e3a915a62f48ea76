"""The quarantined rows of deliveries: kept as they came, listed with rule and reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from costwire_db_handler.quarantined import (
    FIELDS,
    LONG_FIELDS,
    Money,
    Origin,
    Repaired,
    Row,
    RuleCount,
    fitting,
    pieces,
    told,
    written,
)

_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "line" else pa.string()) for name in FIELDS]
    + [("number", pa.int64())]
)
_NAMES = 'file, line, raw, "column", rule, reason, cells'
_REPAIR = '"row", content, was, now, rule, "column", is_cut'
_SIZE = " + ".join(f"coalesce(strlen({name}), 0)" for name in LONG_FIELDS)
_ROW = "CASE origin WHEN 'handler' THEN 'h' ELSE '' END || (number + 1)"
_CHUNK = 5_000


def replace(
    sql: duckdb.DuckDBPyConnection, commit: int, origin: Origin, rows: Iterable[dict[str, Any]]
) -> int:
    """Keep these rows instead of those that the same side told before; gives their number."""
    sql.execute("DELETE FROM costwire.quarantine WHERE commit = ? AND origin = ?", [commit, origin])
    kept = 0
    for chunk in pieces(rows, _CHUNK):
        columns = [*zip(*map(written, chunk), strict=True), range(kept, kept + len(chunk))]
        table = pa.table([pa.array(column) for column in columns], names=_SCHEMA.names)
        sql.register("quarantined", table.cast(_SCHEMA))
        sql.execute(
            f"INSERT INTO costwire.quarantine (commit, origin, {_NAMES}, number) "
            f"SELECT ?, ?, {_NAMES}, number FROM quarantined",
            [commit, origin],
        )
        sql.unregister("quarantined")
        kept += len(chunk)
    return kept


def count(sql: duckdb.DuckDBPyConnection, commit: int, origin: Origin) -> int:
    """How many rows one side told."""
    found = sql.execute(
        "SELECT count(*) FROM costwire.quarantine WHERE commit = ? AND origin = ?",
        [commit, origin],
    ).fetchall()
    return int(found[0][0])


def rows_of(
    sql: duckdb.DuckDBPyConnection,
    commit: int,
    replays: Sequence[int] = (),
    numbers: Collection[str] | None = None,
) -> Iterator[Row]:
    """The rows of a delivery, by file and line, without those that these replays repaired.

    `numbers`: only these. They are put in order without their texts, which may be larger than the
    engine's memory.
    """
    wanted = "" if numbers is None else f"AND {_ROW} IN (SELECT unnest($numbers::VARCHAR[]))"
    found = sql.execute(
        f"""
        SELECT rowid, {_SIZE} AS bytes FROM costwire.quarantine
        WHERE commit = $commit {wanted} AND {_ROW} NOT IN (
            SELECT "row" FROM costwire.repairs
            WHERE commit = $commit AND list_contains($replays, replay)
        ) ORDER BY file, line, origin, number""",
        {"commit": commit, "replays": list(replays)}
        | ({} if numbers is None else {"numbers": list(numbers)}),
    ).fetchnumpy()
    ids, sizes = found["rowid"], found["bytes"]
    at = 0
    while at < len(ids):
        page = ids[at : at + fitting(sizes[at : at + _CHUNK].tolist())].tolist()
        rows = _page(sql, page)
        yield from (rows[rowid] for rowid in page)
        at += len(page)


def _page(sql: duckdb.DuckDBPyConnection, numbers: list[int]) -> dict[int, Row]:
    rows = sql.execute(
        f"SELECT rowid, origin, number, {_NAMES} FROM costwire.quarantine "
        "WHERE rowid IN (SELECT unnest(?::BIGINT[]))",
        [numbers],
    ).fetchall()
    return {rowid: told(origin, number, fields) for rowid, origin, number, *fields in rows}


def rule_counts(
    sql: duckdb.DuckDBPyConnection, commit: int, replays: Sequence[int]
) -> list[RuleCount]:
    """How many rows of a delivery are left that broke each rule in each column."""
    rows = sql.execute(
        """
        SELECT rule, "column", sum(n)::BIGINT, sum(unknown)::BIGINT FROM (
            SELECT rule, "column", count(*) AS n,
                count(*) FILTER (cells IS NULL AND origin = 'exporter') AS unknown
            FROM costwire.quarantine WHERE commit = $commit GROUP BY ALL
            UNION ALL
            SELECT rule, "column", -count(DISTINCT "row"),
                -count(DISTINCT "row") FILTER (NOT is_cut)
            FROM costwire.repairs WHERE commit = $commit AND list_contains($replays, replay)
            GROUP BY ALL
        ) GROUP BY ALL HAVING sum(n) > 0 ORDER BY sum(n) DESC, 1, 2""",
        {"commit": commit, "replays": list(replays)},
    ).fetchall()
    return [RuleCount.of(*row) for row in rows]


def keep_repairs(
    sql: duckdb.DuckDBPyConnection, commit: int, replay: int, rows: Sequence[Repaired]
) -> None:
    """Keep what a replay made of rows that a delivery brought."""
    fields = [(r.row, r.content, r.was.to_json(), r.now.to_json(), r.rule, r.column) for r in rows]
    columns = [pa.array(column, pa.string()) for column in zip(*fields, strict=True)]
    names = ["row", "content", "was", "now", "rule", "column", "is_cut"]
    sql.register("repaired", pa.table([*columns, pa.array([r.is_cut for r in rows])], names=names))
    sql.execute(
        f"INSERT INTO costwire.repairs (commit, replay, {_REPAIR}) SELECT ?, ?, {_REPAIR} "
        "FROM repaired",
        [commit, replay],
    )
    sql.unregister("repaired")


def repaired(
    sql: duckdb.DuckDBPyConnection, commit: int, replays: Sequence[int], numbers: Sequence[str]
) -> dict[str, Repaired]:
    """What these replays made of such rows of a delivery; of the same row the last one counts."""
    rows = sql.execute(
        f"SELECT {_REPAIR} FROM costwire.repairs WHERE commit = ? AND list_contains(?, replay) "
        'AND "row" IN (SELECT unnest(?::VARCHAR[])) ORDER BY replay',
        [commit, list(replays), list(numbers)],
    ).fetchall()
    return {
        number: Repaired(number, content, Money.from_json(was), Money.from_json(now), *rest)
        for number, content, was, now, *rest in rows
    }

"""The rows of the ledger: one for each delivery, with its manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from costwire_db_handler.answers.moments import Line
from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import UnknownDelivery
from costwire_db_handler.ledger import Entry, State
from costwire_focus.manifest import Manifest

_FIELDS = "manifest, entry, periods, applied, twin, dry_run FROM costwire.deliveries"


def next_number(sql: duckdb.DuckDBPyConnection) -> int:
    """A commit number that was never used."""
    return int(sql.execute("SELECT nextval('costwire.commits')").fetchall()[0][0])


def next_state(sql: duckdb.DuckDBPyConnection, commit: int) -> int:
    """The number of the state that a delivery makes: larger than that of any state before.

    Deliveries may be settled in another order than they are opened, so the own may be too small.
    """
    last = sql.execute("SELECT max(applied) FROM costwire.deliveries").fetchall()[0][0]
    return commit if last is None or commit > last else next_number(sql)


def put(sql: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
    """Write a delivery, new or changed."""
    entry, manifest = delivery.entry, delivery.manifest
    sql.execute(
        "INSERT OR REPLACE INTO costwire.deliveries "
        "(commit, id, table_name, source, mode, state, manifest, entry, periods, applied, twin, "
        "dry_run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            entry.commit,
            entry.id,
            entry.table,
            entry.source,
            manifest.mode,
            entry.state.value,
            manifest.to_json(),
            entry.to_json(),
            json.dumps(delivery.periods),
            delivery.applied,
            delivery.twin,
            delivery.dry_run,
        ],
    )


def get(sql: duckdb.DuckDBPyConnection, commit: int) -> Delivery:
    """One delivery; raises `UnknownDelivery`."""
    found = sql.execute(f"SELECT {_FIELDS} WHERE commit = ?", [commit]).fetchall()
    if not found:
        raise unknown(commit)
    return _delivery(*found[0])


def unknown(commit: int) -> UnknownDelivery:
    """The same words for a delivery that is not there, and one that the caller may not know of."""
    return UnknownDelivery(f"no delivery has the number {commit}; GET /deliveries lists them")


def all_of(sql: duckdb.DuckDBPyConnection, table: str, *, dry_runs: bool = False) -> list[Delivery]:
    """The deliveries of a table, oldest first."""
    rows = sql.execute(
        f"SELECT {_FIELDS} WHERE table_name = ? AND (NOT dry_run OR ?) ORDER BY commit",
        [table, dry_runs],
    ).fetchall()
    return [_delivery(*row) for row in rows]


def _delivery(
    manifest: str, entry: str, periods: str, applied: int | None, twin: int | None, dry_run: bool
) -> Delivery:
    return Delivery(
        manifest=Manifest.model_validate_json(manifest),
        entry=Entry.model_validate_json(entry),
        periods=json.loads(periods),
        applied=applied,
        twin=twin,
        dry_run=dry_run,
    )


def state(sql: duckdb.DuckDBPyConnection, commit: int) -> State:
    """Where one delivery stands, without reading the rest of it; raises `UnknownDelivery`."""
    found = sql.execute(
        "SELECT state FROM costwire.deliveries WHERE commit = ?", [commit]
    ).fetchall()
    return State(found[0][0]) if found else get(sql, commit).entry.state


def remove(sql: duckdb.DuckDBPyConnection, commit: int) -> None:
    """Forget a delivery that only tried what would happen."""
    sql.execute("DELETE FROM costwire.quarantine WHERE commit = ?", [commit])
    sql.execute("DELETE FROM costwire.deliveries WHERE commit = ?", [commit])


def entries(sql: duckdb.DuckDBPyConnection, table: str | None) -> list[Entry]:
    """The ledger: all entries, or those of one table, oldest first."""
    rows = sql.execute(
        "SELECT entry FROM costwire.deliveries "
        "WHERE table_name = coalesce(?, table_name) AND NOT dry_run ORDER BY commit",
        [table],
    ).fetchall()
    return [Entry.model_validate_json(entry) for (entry,) in rows]


def shaping(sql: duckdb.DuckDBPyConnection) -> set[int]:
    """The deliveries that shaped a billing period last, or appended to one."""
    found = sql.execute(
        "SELECT commit FROM costwire.shapes UNION SELECT commit FROM costwire.deliveries "
        "WHERE mode = 'append' AND state = 'committed'"
    ).fetchall()
    return {commit for (commit,) in found}


def in_state(sql: duckdb.DuckDBPyConnection, state: State) -> list[Entry]:
    """The entries of the deliveries in a state, oldest first."""
    rows = sql.execute(
        "SELECT entry FROM costwire.deliveries WHERE state = ? ORDER BY commit", [state.value]
    ).fetchall()
    return [Entry.model_validate_json(entry) for (entry,) in rows]


def same_content(
    sql: duckdb.DuckDBPyConnection, manifest: Manifest, states: Sequence[State]
) -> list[int]:
    """The deliveries of the same content by the same source, in one of these states."""
    rows = sql.execute(
        "SELECT commit FROM costwire.deliveries WHERE id = ? AND table_name = ? AND source = ? "
        "AND mode = ? AND list_contains(?, state) AND NOT dry_run "
        "ORDER BY applied NULLS FIRST, commit",
        [
            manifest.id,
            manifest.table,
            manifest.source,
            manifest.mode,
            [state.value for state in states],
        ],
    ).fetchall()
    return [commit for (commit,) in rows]


def last_state_time(sql: duckdb.DuckDBPyConnection, table: str) -> datetime | None:
    """When the last state of a table was made visible; None where there is none."""
    rows = sql.execute(
        "SELECT entry FROM costwire.deliveries "
        "WHERE table_name = ? AND applied IS NOT NULL AND NOT dry_run "
        "ORDER BY applied DESC LIMIT 1",
        [table],
    ).fetchall()
    return Entry.model_validate_json(rows[0][0]).times.committed if rows else None


def shapes(sql: duckdb.DuckDBPyConnection, table: str, source: str) -> dict[str, Applied]:
    """For each billing period of a source, the delivery that shaped it last."""
    rows = sql.execute(
        "SELECT period, commit FROM costwire.shapes WHERE table_name = ? AND source = ?",
        [table, source],
    ).fetchall()
    known: dict[int, Applied] = {}
    for _, commit in rows:
        if commit not in known:
            delivery = get(sql, commit)
            entry = delivery.entry
            known[commit] = Applied(commit, entry.id, entry.generation, entry.times.read)
    return {period: known[commit] for period, commit in rows}


def set_shapes(
    sql: duckdb.DuckDBPyConnection, table: str, source: str, periods: Iterable[str], commit: int
) -> None:
    """Record which delivery shaped these periods."""
    for period in periods:
        sql.execute(
            "INSERT OR REPLACE INTO costwire.shapes VALUES (?, ?, ?, ?)",
            [table, source, period, commit],
        )


def log(sql: duckdb.DuckDBPyConnection, table: str) -> list[Line]:
    """What the ledger tells of the moments of a table, oldest first."""
    rows = sql.execute(
        "SELECT commit, id, source, state, entry->>'$.times.committed', applied "
        "FROM costwire.deliveries WHERE table_name = ? AND NOT dry_run ORDER BY commit",
        [table],
    ).fetchall()
    return [
        Line(commit, delivery, source, State(state), told and datetime.fromisoformat(told), applied)
        for commit, delivery, source, state, told, applied in rows
    ]

"""History that became too old leaves the file, month by month, each in a transaction of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from costwire_db_handler import retiring
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Clock, Entry, not_before
from costwire_db_handler.stores.duckdb import catalog, deliveries
from costwire_db_handler.stores.duckdb.catalog import history
from costwire_db_handler.stores.duckdb.catalog import horizon as horizon
from costwire_db_handler.stores.duckdb.database import Database

_SECONDS = 20.0
"""After so long no other month is begun; the next time goes on."""
_TOO_OLD = "_ended <= ? AND _ended > _commit"


@dataclass(frozen=True)
class _Month:
    """A billing period of which versions leave."""

    label: str
    horizon: int
    """The first state that has none of them, when they have left."""
    since: datetime | None


@dataclass(frozen=True)
class _Leaving:
    """What is too old."""

    months: Sequence[_Month]
    unwanted: Sequence[Delivery]


def retire(database: Database, table: str, cutoff: datetime, clock: Clock) -> Entry | None:
    """Remove what is too old, as much as goes in a while."""
    with database.reading() as sql:
        leaving = _leaving(sql, table, cutoff)
    if leaving is None:
        return None
    told: Delivery | None = None
    until = math.inf
    for month in leaving.months:
        if time.monotonic() < until:
            with database.writing() as sql:
                until = min(until, time.monotonic() + _SECONDS)  # the wait before is none of it
                told = _remove(sql, month, told or _entry(sql, table, clock))
    for delivery in leaving.unwanted:
        if time.monotonic() < until:
            with database.writing() as sql:
                until = min(until, time.monotonic() + _SECONDS)
                told = _forget(sql, delivery, cutoff, told or _entry(sql, table, clock))
    return told.entry if told is not None and told.entry.rows.retired else None


def _entry(sql: duckdb.DuckDBPyConnection, table: str, clock: Clock) -> Delivery:
    now = not_before(deliveries.last_state_time(sql, table), clock)
    return retiring.entry_of(table, deliveries.next_number(sql), now)


def _leaving(sql: duckdb.DuckDBPyConnection, table: str, cutoff: datetime) -> _Leaving | None:
    if table not in catalog.cost_tables(sql):
        return None
    known = deliveries.all_of(sql, table)
    found = sql.execute(
        f"SELECT _period, max(_ended) FROM {history(table)} WHERE {_TOO_OLD} "
        "GROUP BY _period ORDER BY _period",
        [retiring.newest_old_state(known, cutoff)],
    ).fetchall()
    months = [_Month(label, ended, retiring.made_at(known, ended)) for label, ended in found]
    unwanted = retiring.decided_against(known, cutoff)
    return _Leaving(months, unwanted) if months or unwanted else None


def _remove(sql: duckdb.DuckDBPyConnection, month: _Month, told: Delivery) -> Delivery:
    """Remove versions, and say from which state on nothing is missing: all at once."""
    table = told.entry.table
    if catalog.horizon(sql, table) < month.horizon:
        _set_horizon(sql, table, month)
    rows = _deleted(sql, table, f"_period = ? AND {_TOO_OLD}", [month.label, month.horizon])
    told = retiring.told(told, rows, [month.label], catalog.horizon(sql, table))
    deliveries.put(sql, told)
    return told


def _set_horizon(sql: duckdb.DuckDBPyConnection, table: str, month: _Month) -> None:
    since = month.since or datetime.now(UTC)
    sql.execute(
        "INSERT INTO costwire.horizons VALUES (?, ?, ?) ON CONFLICT (table_name) DO UPDATE SET "
        "state = excluded.state, since = excluded.since",
        [table, month.horizon, since.astimezone(UTC).replace(tzinfo=None)],
    )
    catalog.refresh_view(sql, table)


def _forget(
    sql: duckdb.DuckDBPyConnection, delivery: Delivery, cutoff: datetime, told: Delivery
) -> Delivery:
    """Remove what was kept unseen of a delivery, unless it was accepted since."""
    table, commit = delivery.entry.table, delivery.commit
    present = deliveries.get(sql, commit)
    if retiring.decided_against([present], cutoff):
        rows = _deleted(sql, table, "_commit = ? AND _ended = ?", [commit, commit])
        deliveries.put(sql, retiring.without_charges(present))
        told = retiring.told(told, rows, [], told.entry.horizon)
        deliveries.put(sql, told)
    return told


def _deleted(
    sql: duckdb.DuckDBPyConnection, table: str, where: str, arguments: Sequence[object]
) -> int:
    found = sql.execute(f"DELETE FROM {history(table)} WHERE {where}", list(arguments)).fetchall()
    return int(found[0][0])

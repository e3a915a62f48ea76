"""History that became too old leaves the file, month by month, each in a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from costwire_db_handler import retiring
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Entry
from costwire_db_handler.stores.duckdb import catalog, deliveries
from costwire_db_handler.stores.duckdb.catalog import history
from costwire_db_handler.stores.duckdb.catalog import horizon as horizon
from costwire_db_handler.stores.duckdb.database import Database

_SECONDS = 20.0
"""After so long no other month is begun; the next time goes on."""
_TOO_OLD = "_ended <= ? AND _ended > _commit"


@dataclass(frozen=True)
class _Leaving:
    """What is too old."""

    months: Sequence[str]
    """Billing periods."""
    horizon: int
    since: datetime | None
    unwanted: Sequence[Delivery]


def retire(database: Database, table: str, cutoff: datetime, now: datetime) -> Entry | None:
    """Remove what is too old, as much as goes in a while."""
    with database.reading() as sql:
        leaving = _leaving(sql, table, cutoff)
    if leaving is None:
        return None
    until = time.monotonic() + _SECONDS
    with database.writing() as sql:
        if leaving.months:
            _set_horizon(sql, table, leaving)
        told = retiring.entry_of(table, deliveries.next_number(sql), now)
    for month in leaving.months:
        if time.monotonic() < until:
            with database.writing() as sql:
                rows = _deleted(sql, table, f"_period = ? AND {_TOO_OLD}", [month, leaving.horizon])
                told = retiring.told(told, rows, [month], leaving.horizon)
                deliveries.put(sql, told)
    for delivery in leaving.unwanted:
        if time.monotonic() < until:
            told = _forget(database, delivery, cutoff, told)
    return told.entry if told.entry.rows.retired else None


def _leaving(sql: duckdb.DuckDBPyConnection, table: str, cutoff: datetime) -> _Leaving | None:
    if table not in catalog.cost_tables(sql):
        return None
    known = deliveries.all_of(sql, table)
    months = sql.execute(
        f"SELECT _period, max(_ended) FROM {history(table)} WHERE {_TOO_OLD} "
        "GROUP BY _period ORDER BY _period",
        [retiring.newest_old_state(known, cutoff)],
    ).fetchall()
    unwanted = retiring.decided_against(known, cutoff)
    if not months and not unwanted:
        return None
    state = max((ended for _, ended in months), default=0)
    return _Leaving([month for month, _ in months], state, retiring.made_at(known, state), unwanted)


def _set_horizon(sql: duckdb.DuckDBPyConnection, table: str, leaving: _Leaving) -> None:
    """Before anything leaves: nobody is to be answered from what is left of a state."""
    since = leaving.since or datetime.now(UTC)
    sql.execute(
        "INSERT INTO costwire.horizons VALUES (?, ?, ?) ON CONFLICT (table_name) DO UPDATE SET "
        "state = excluded.state, since = excluded.since WHERE horizons.state < excluded.state",
        [table, leaving.horizon, since.astimezone(UTC).replace(tzinfo=None)],
    )
    catalog.refresh_view(sql, table)


def _forget(database: Database, delivery: Delivery, cutoff: datetime, told: Delivery) -> Delivery:
    """Remove what was kept unseen of a delivery, unless it was accepted since."""
    table, commit = delivery.entry.table, delivery.commit
    with database.writing() as sql:
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

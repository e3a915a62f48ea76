"""Erasing charges from every version in one transaction of the file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from costwire_db_handler import erasing
from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.erasing import ERASED_REASON, GIVEN_UP, Erasure, ErasureRequest, Group
from costwire_db_handler.errors import UnknownTable
from costwire_db_handler.ledger import Clock, State, not_before
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb import catalog, deliveries, rewriting, versions
from costwire_db_handler.stores.duckdb.catalog import current, history
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech
from costwire_focus.amounts import COST_COLUMNS

_FOUND = "erased_charges"
_KEY = "_source, _period, _commit, _ended"


def erase(sql: duckdb.DuckDBPyConnection, request: ErasureRequest, clock: Clock) -> Erasure:
    """Remove the charges of a condition, and tell the ledger; the file is then to be rewritten.

    Raises `UnknownTable`.
    """
    table = request.table
    if table not in catalog.cost_tables(sql):
        raise UnknownTable(f"erase: no table of charges has the name {table}")
    where = request.condition.sql(DuckDBSpeech.of(sql, table))
    now = not_before(deliveries.last_state_time(sql, table), clock)
    aborted = _give_up_open(sql, request, now)
    settled = erasing.settle(deliveries.all_of(sql, table), _groups(sql, table, where))
    for target in (current(table), history(table)):
        sql.execute(f"DELETE FROM {target} WHERE {where.text}", list(where.arguments))
    commit = deliveries.next_number(sql)
    told = erasing.entry_of(request, commit, settled, now)
    for delivery in (*settled.deliveries, told):
        deliveries.put(sql, delivery)
    rewriting.want(sql, commit)
    return Erasure(
        told.entry,
        affected=settled.affected,
        aborted=aborted,
        quarantined=_forget_read(sql, table) if request.quarantine else 0,
        elsewhere=_user_tables(sql),
    )


def _give_up_open(
    sql: duckdb.DuckDBPyConnection, request: ErasureRequest, now: datetime
) -> list[int]:
    """Abort what is on its way: its staged parts may hold the charges."""
    given_up = []
    for delivery in deliveries.all_of(sql, request.table, dry_runs=True):
        if delivery.dry_run:
            deliveries.remove(sql, delivery.commit)
        elif delivery.entry.state is State.OPEN:
            aborted = delivery.aborted(now, request.by, GIVEN_UP)
            deliveries.put(sql, aborted.settled(reason=GIVEN_UP))
        else:
            continue
        given_up.append(delivery.commit)
    return given_up


def _groups(sql: duckdb.DuckDBPyConnection, table: str, where: Fragment) -> list[Group]:
    """What fulfils the condition, by the states that have it."""
    present = {row[0] for row in sql.execute(f"DESCRIBE {current(table)}").fetchall()}
    chosen = "".join(
        f", {quoted(name)}" for name in ("BillingCurrency", *COST_COLUMNS) if name in present
    )
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE {_FOUND} AS "
        f"SELECT _source, _period, _commit, NULL::BIGINT AS _ended{chosen} "
        f"FROM {current(table)} WHERE {where.text} UNION ALL "
        f"SELECT {_KEY}{chosen} FROM {history(table)} WHERE {where.text}",
        [*where.arguments, *where.arguments],
    )
    keys = sql.execute(
        f"SELECT DISTINCT name, {_KEY} FROM {_FOUND} JOIN costwire.sources ON id = _source"
    ).fetchall()
    groups = [_group(sql, *key) for key in keys]
    sql.execute(f"DROP TABLE {_FOUND}")
    return groups


def _group(
    sql: duckdb.DuckDBPyConnection,
    name: str,
    source: int,
    period: str,
    opened: int,
    ended: int | None,
) -> Group:
    rows, sums = versions.stored_sums(
        sql,
        _FOUND,
        "_source = ? AND _period = ? AND _commit = ? AND _ended IS NOT DISTINCT FROM ?",
        [source, period, opened, ended],
    )
    return Group(name, period, opened, ended, rows, sums)


def _forget_read(sql: duckdb.DuckDBPyConnection, table: str) -> int:
    """Take from the quarantined rows of a table what was read; gives how many had any."""
    found = sql.execute(
        "UPDATE costwire.quarantine SET raw = '', reason = ?, cells = NULL "
        "WHERE raw <> '' AND commit IN "
        "(SELECT commit FROM costwire.deliveries WHERE table_name = ?)",
        [ERASED_REASON, table],
    ).fetchall()
    return int(found[0][0])


def _user_tables(sql: duckdb.DuckDBPyConnection) -> Sequence[str]:
    rows = sql.execute("SELECT name FROM costwire.user_tables ORDER BY name").fetchall()
    return [name for (name,) in rows]

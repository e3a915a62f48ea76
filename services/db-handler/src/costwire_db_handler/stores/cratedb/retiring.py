"""History that became too old leaves CrateDB, month by month, within a turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from costwire_db_handler import retiring
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Clock, Entry, not_before
from costwire_db_handler.stores.cratedb import catalog, ledger, removals
from costwire_db_handler.stores.cratedb.catalog import Shaper
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.layout import Layout
from costwire_db_handler.stores.cratedb.ledger import Outcome
from costwire_db_handler.stores.cratedb.turns import Turn

_ROWS_AT_ONCE = 1_000_000
"""After so many no other month is begun; the next time goes on."""


def horizon(session: Session, table: str) -> int:
    """The first state that can still be asked for."""
    rows = session.execute("SELECT state FROM costwire.horizons WHERE table_name = ?", [table]).rows
    return int(rows[0][0]) if rows else 0


def retire(
    session: Session, turn: Turn, shaper: Shaper, table: str, cutoff: datetime, clock: Clock
) -> Entry | None:
    """Decide what leaves, and delete it; `shaper`: of the same turn."""
    layout = turn.row.layout
    if layout is None or not layout.columns:
        return None
    known = ledger.all_of(session, table)
    months, rows, state = _months(session, layout, retiring.newest_old_state(known, cutoff))
    unwanted = retiring.decided_against(known, cutoff)
    if not months and not unwanted:
        return None
    if months:
        _set_horizon(session, table, state, retiring.made_at(known, state) or clock())
        shaper.begin_at(horizon(session, table))
    rows += sum(delivery.entry.rows.stored for delivery in unwanted)
    last, commit = ledger.last_state_time(session, table), catalog.next_value(session, "commits")
    turn.begin(commit, lambda: catalog.next_value(session, "commits"))
    notes: list[Delivery] = []

    def outcome() -> str:
        told = retiring.entry_of(table, commit, not_before(last, clock))
        notes.append(retiring.told(told, rows, months, state or None))
        return _outcome(notes[-1], unwanted, state, months).to_json()

    turn.settle(turn.row.head, outcome)
    return notes[-1].entry


def _outcome(
    told: Delivery, unwanted: Sequence[Delivery], state: int, months: Sequence[str]
) -> Outcome:
    outcome = Outcome(retired=(state, list(months)), note=told)
    outcome.forgotten = [
        delivery.commit if delivery.kept is None else delivery.kept for delivery in unwanted
    ]
    changed = map(retiring.without_charges, unwanted)
    outcome.deliveries = {delivery.commit: delivery for delivery in changed}
    return outcome


def _months(session: Session, layout: Layout, newest: int) -> tuple[list[str], int, int]:
    """The first months of what was closed by a state, how many charges, and the last such state."""
    session.execute(f"REFRESH TABLE {layout.physical}")
    found = session.execute(
        f'SELECT "_month", count(*), max("_last") FROM {layout.physical} '
        f"WHERE {removals.too_old(newest).text} GROUP BY 1 ORDER BY 1 LIMIT 100000"
    ).rows
    months: list[str] = []
    rows = state = 0
    for month, number, last in found:
        if rows >= _ROWS_AT_ONCE:
            break
        months.append(month)
        rows, state = rows + number, max(state, last + 1)
    return months, rows, state


def _set_horizon(session: Session, table: str, state: int, since: datetime) -> None:
    """Before anything leaves: nobody is to be answered from what is left of a state."""
    if horizon(session, table) < state:
        session.execute(
            "INSERT INTO costwire.horizons (table_name, state, since) VALUES (?, ?, ?) "
            "ON CONFLICT (table_name) DO UPDATE SET state = excluded.state, since = excluded.since",
            [table, state, since.astimezone(UTC).isoformat()],
            repeatable=True,
        )

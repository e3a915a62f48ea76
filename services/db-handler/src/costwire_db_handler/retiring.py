"""Which history has become too old: what leaves, and from which state on the past can be asked for.

Pure. A version leaves when the state that closed it is older than a time; so do charges that were
kept unseen and decided against before it. What readers see, and what is held, never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from costwire_db_handler import erasing
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Rows, State

SOURCE = "costwire:retention"
_DECIDED_AGAINST = (State.SUPERSEDED, State.REJECTED)


def newest_old_state(deliveries: Iterable[Delivery], cutoff: datetime) -> int:
    """The last state that was made before a time, with all before it; 0 where there is none."""
    made = sorted(
        (delivery.applied, _decided(delivery))
        for delivery in deliveries
        if delivery.applied is not None
    )
    newest = 0
    for state, moment in made:
        if moment > cutoff:
            break
        newest = state
    return newest


def made_at(deliveries: Iterable[Delivery], state: int) -> datetime | None:
    """When a state was made."""
    for delivery in deliveries:
        if delivery.applied == state:
            return _decided(delivery)
    return None


def decided_against(deliveries: Iterable[Delivery], cutoff: datetime) -> list[Delivery]:
    """Deliveries whose charges nobody saw, and nobody wanted, since before a time."""
    return [
        delivery
        for delivery in deliveries
        if delivery.entry.state in _DECIDED_AGAINST
        and delivery.entry.rows.stored > delivery.entry.rows.retired
        and _decided(delivery) <= cutoff
    ]


def without_charges(delivery: Delivery) -> Delivery:
    """Such a delivery once they have left: they were stored, and are no more."""
    rows = delivery.entry.rows
    return delivery.settled(rows=rows.model_copy(update={"retired": rows.stored}))


def entry_of(table: str, commit: int, now: datetime) -> Delivery:
    """The entry that tells what has left; nothing yet."""
    return erasing.note(table, SOURCE, State.RETIRED, commit, now)


def told(entry: Delivery, rows: int, months: Sequence[str], horizon: int | None) -> Delivery:
    """The entry with so many more charges of these months."""
    retired = entry.entry.rows.retired + rows
    named = [*(entry.entry.reason or "").split(", "), *months]
    reason = ", ".join(dict.fromkeys(name for name in named if name)) or None
    return entry.settled(rows=Rows(retired=retired), reason=reason, horizon=horizon)


def _decided(delivery: Delivery) -> datetime:
    entry = delivery.entry
    if entry.decisions:
        return entry.decisions[-1].at
    return entry.times.committed or entry.times.opened

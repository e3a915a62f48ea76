"""What an erasure does to the ledger: every entry that counts erased charges says so; pure.

A delivery's entry counts what readers saw of its scope in the state that it made; of one that
appends, what it brought; of one that was set aside, what was kept unseen.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import BadQuestion
from costwire_db_handler.ledger import SHOWN, Entry, Rows, State, SumLine, Sums, Times, balances
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text, exact_sum, subtract
from costwire_focus.manifest import Exposition, Manifest, ManifestTimes, RowCounts

SOURCE = "costwire:erasure"
ERASED_REASON = "the row was erased"
"""What a quarantined row says instead of its own reason, which may quote a cell."""
GIVEN_UP = "an erasure; deliver it anew"
"""Why deliveries that were open are aborted."""
_ASIDE = (State.HELD, State.SUPERSEDED, State.REJECTED)
_NOTHING = "0" * 64


@dataclass(frozen=True)
class ErasureRequest:
    """What is to be erased, and why."""

    table: str
    condition: Condition
    reason: str | None = None
    quarantine: bool = False
    """Whether the quarantined rows of the table lose what was read."""
    by: str | None = None

    def __post_init__(self) -> None:
        if self.condition.holds_for_all:
            raise BadQuestion("erase: say which charges with a condition; an empty one means all")


@dataclass(frozen=True)
class Affected:
    """A delivery whose entry counts charges that were erased."""

    commit: int
    source: str
    state: State
    erased: int


@dataclass(frozen=True)
class Erasure:
    """What an erasure did, or would do."""

    entry: Entry
    affected: Sequence[Affected] = ()
    aborted: Sequence[int] = ()
    """Open deliveries of the table: they were given up."""
    quarantined: int = 0
    """Quarantined rows that lost what was read."""
    elsewhere: Sequence[str] = ()
    """Tables that may hold copies, and are not looked at."""


@dataclass(frozen=True)
class Group:
    """Charges that fulfil the condition and belong to the same states."""

    source: str
    period: str
    opened: int
    """The state that they came with."""
    ended: int | None
    """The first state without them; the same as `opened` where they were kept unseen."""
    rows: int
    sums: CostSums = field(default_factory=CostSums)


@dataclass(frozen=True)
class Settled:
    """What the ledger is to say."""

    deliveries: Sequence[Delivery]
    """Those whose entries change."""
    affected: Sequence[Affected]
    rows: int
    sums: CostSums


def settle(deliveries: Iterable[Delivery], groups: Sequence[Group]) -> Settled:
    """The entries of a table's deliveries as they are once the groups are gone."""
    deliveries = list(deliveries)
    states = {delivery.commit: delivery.applied for delivery in deliveries}
    changed, affected = [], []
    for delivery in deliveries:
        mine = [each for each in groups if _counts(delivery, states, each)]
        rows, sums = _total(mine)
        if rows:
            changed.append(_without(delivery, rows, sums))
            entry = delivery.entry
            affected.append(Affected(entry.commit, entry.source, entry.state, rows))
    return Settled(changed, affected, *_total(groups))


def _counts(delivery: Delivery, states: dict[int, int | None], group: Group) -> bool:
    """Whether the entry of a delivery counts these charges."""
    entry = delivery.entry
    if entry.source != group.source:
        return False
    if entry.state in _ASIDE:
        kept = delivery.commit if delivery.kept is None else delivery.kept
        return group.opened == group.ended == kept
    if entry.state not in SHOWN or delivery.applied is None:
        return False
    seen = group.opened <= delivery.applied
    if not seen or (group.ended is not None and group.ended <= delivery.applied):
        return False
    if delivery.manifest.mode == "append":
        return group.opened == states.get(delivery.brought_by)
    return group.period in delivery.periods


def _total(groups: Iterable[Group]) -> tuple[int, CostSums]:
    rows, sums = 0, CostSums()
    for group in groups:
        rows += group.rows
        sums.merge(group.sums)
    return rows, sums


def _without(delivery: Delivery, erased: int, sums: CostSums) -> Delivery:
    entry = delivery.entry
    stored = entry.rows.stored - erased
    held = stored if entry.state is State.HELD else 0
    counts = {"stored": stored, "held": held, "erased": entry.rows.erased + erased}
    rows = entry.rows.model_copy(update=counts)
    lines: Sums = {
        currency: {
            name: None if line is None else _line_without(line, sums.get(currency, name))
            for name, line in columns.items()
        }
        for currency, columns in entry.sums.items()
    }
    return delivery.settled(rows=rows, sums=lines, balanced=balances(rows, lines))


def _line_without(line: SumLine, erased: Decimal | None) -> SumLine:
    if not erased:
        return line
    changes = {
        "stored": canonical_text(subtract(Decimal(line.stored), erased)),
        "erased": canonical_text(exact_sum((Decimal(line.erased), erased))),
    }
    return line.model_copy(update=changes)


def entry_of(request: ErasureRequest, commit: int, settled: Settled, now: datetime) -> Delivery:
    """The erasure's own entry: what the condition found, all of it erased."""
    rows = Rows(read=settled.rows, erased=settled.rows)
    sums: Sums = {
        currency: {name: _erased_line(settled.sums.get(currency, name)) for name in COST_COLUMNS}
        for currency in settled.sums.currencies()
    }
    entry = note(request.table, SOURCE, State.ERASED, commit, now)
    return entry.settled(
        rows=rows,
        sums=sums,
        balanced=balances(rows, sums),
        reason=request.reason,
        by=request.by,
        condition=request.condition.without_values(),
    )


def _erased_line(total: Decimal | None) -> SumLine | None:
    if total is None:
        return None
    text = canonical_text(total)
    return SumLine(read=text, stored="0", quarantined="0", erased=text)


def note(table: str, source: str, state: State, commit: int, now: datetime) -> Delivery:
    """An entry of the ledger that is no delivery: nothing came."""
    told = ManifestTimes(read=now)
    manifest = Manifest(
        id=uuid.uuid4().hex * 2,
        table=table,
        source=source,
        generation=now,
        focus_version="1.0",
        columns=[],
        rows=RowCounts(read=0, published=0, quarantined=0),
        sums={},
        exposition=Exposition(samples=0, bytes=0, sha256=_NOTHING, renderer=0),
        times=told,
    )
    entry = Entry(
        commit=commit,
        id=manifest.id,
        table=table,
        source=source,
        state=state,
        generation=now,
        focus_version=manifest.focus_version,
        balanced=True,
        times=Times(read=now, opened=now, committed=now),
    )
    return Delivery(manifest, entry)

"""The ledger: one entry for every delivery that arrived, in the shape in which it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text, exact_sum, subtract, to_text
from costwire_focus.manifest import BillingPeriod, CostSum, LegacyMapping, Manifest

_ZERO = Decimal(0)

Clock = Callable[[], datetime]
"""Tells the time of the moment in which it is asked, with its zone."""

Instant = Annotated[datetime, PlainSerializer(to_text, when_used="json")]


class State(StrEnum):
    """Where a delivery stands."""

    OPEN = "open"
    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    HELD = "held"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    ABORTED = "aborted"
    ERASED = "erased"
    """No delivery: charges were removed from every version."""
    RETIRED = "retired"
    """No delivery: history that became too old has left."""


SHOWN = (State.COMMITTED, State.UNCHANGED)
"""Readers saw what came, or saw it already."""


class Act(StrEnum):
    """What was decided on a delivery."""

    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    HELD = "held"
    SUPERSEDED = "superseded"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ABORTED = "aborted"
    REPLAYED = "replayed"


class HeldFor(StrEnum):
    """What kind of reason a delivery is held for."""

    OLDER = "older"
    CLOSED_PERIOD = "closed-period"
    EMPTY = "empty"
    REPEATED = "repeated"
    WITHDRAWN = "withdrawn"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Decision(_Model):
    """One thing that was decided on a delivery, and by whom."""

    act: Act
    by: str | None = None
    """The user; None for the handler itself, which goes by the rules."""
    at: Instant
    reason: str | None = None
    kind: HeldFor | None = None
    """Of a delivery that was held."""


class RepairSum(_Model):
    """One cost of repaired rows in one currency: as it was counted before, and as it is stored."""

    was: str
    now: str


class Repair(_Model):
    """One replay of repaired rows into a delivery."""

    commit: int
    """The entry that it made."""
    by: str | None = None
    at: Instant
    rows: int
    """That left the quarantine."""
    corrected: int = 0
    """Rows of an earlier replay that were stored with other cells."""
    sums: dict[str, dict[str, RepairSum]] = {}


class Rows(_Model):
    """How many charges; read = stored + quarantined + erased."""

    read: int = 0
    stored: int = 0
    quarantined: int = 0
    held: int = 0
    """Of those stored, the ones that no reader sees while the delivery is held."""
    added: int = 0
    removed: int = 0
    corrected: int = 0
    unchanged: int = 0
    erased: int = 0
    retired: int = 0
    """Of those stored: they left with the history, unseen."""
    repaired: int = 0
    """Of those stored: a replay brought them, out of the quarantine."""
    unrepaired: int = 0
    """Of those removed: an earlier delivery's replay had brought them."""


class SumLine(_Model):
    """One cost column in one currency; read + repaired = stored + quarantined + erased."""

    read: str
    stored: str
    quarantined: str
    erased: str = "0"
    repaired: str = "0"
    """What repairs made of the amounts: stored ones, less what was read in their place."""


class Times(_Model):
    """When the source was read, the delivery opened, and its fate decided and to be seen."""

    read: Instant
    opened: Instant
    committed: Instant | None = None


Sums = dict[str, dict[str, SumLine | None]]


class Entry(_Model):
    """A line of the ledger."""

    commit: int
    id: str
    table: str
    source: str
    state: State
    generation: Instant
    focus_version: str
    billing_periods: list[BillingPeriod] = []
    rows: Rows = Rows()
    sums: Sums = {}
    findings: dict[str, int] = {}
    mapped: list[LegacyMapping] = []
    """What was read under its present name: columns and values of drafts before FOCUS 1.0."""
    balanced: bool = False
    reason: str | None = None
    closed_periods: list[str] = []
    """The months of closed billing periods for which it was held."""
    decisions: list[Decision] = []
    """In their order; none where an earlier version decided."""
    replays: int | None = None
    """Of a replay: the commit whose quarantined rows it stored."""
    repairs: list[Repair] = []
    """What of the delivery was repaired so far, in order."""
    by: str | None = None
    """Who opened the delivery, or asked for the erasure; None for the handler itself."""
    condition: str | None = None
    """Of an erasure, with `?` in place of its values: they would be what was to be erased."""
    horizon: int | None = None
    """Of history that has left: the first state that can still be asked for."""
    times: Times

    def to_json(self) -> str:
        """The JSON text of the entry."""
        return self.model_dump_json(by_alias=True)


def not_before(last: datetime | None, clock: Clock) -> datetime:
    """The time of this moment, or the last one that the ledger tells where the clock is behind."""
    now = clock()
    return now if last is None else max(now, last)


def sums_read(manifest: Manifest) -> Sums:
    """The sums that a manifest claims, before anything is stored."""
    return {
        currency: {
            name: None
            if line is None
            else SumLine(read=line.read, stored="0", quarantined=line.quarantined)
            for name, line in lines.items()
        }
        for currency, lines in manifest.sums.items()
    }


@dataclass(frozen=True)
class Refused:
    """What the handler quarantined of the charges that the exporter published."""

    rows: int = 0
    sums: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """currency -> cost column -> sum"""

    @classmethod
    def counted(cls, rows: int, sums: CostSums) -> Refused:
        """As they were counted when the delivery was settled."""
        return cls(
            rows,
            {
                currency: {name: sums.get(currency, name) or _ZERO for name in COST_COLUMNS}
                for currency in sums.currencies()
            },
        )

    @classmethod
    def told_by(cls, entry: Entry, manifest: Manifest) -> Refused:
        """As a settled entry tells them: what it quarantined beyond the exporter's own."""
        sums: dict[str, dict[str, Decimal]] = {}
        for currency, lines in entry.sums.items():
            claimed = manifest.sums.get(currency, {})
            sums[currency] = {
                name: subtract(Decimal(line.quarantined), _claimed(claimed.get(name)).quarantined)
                for name, line in lines.items()
                if line is not None
            }
        return cls(entry.rows.quarantined - manifest.rows.quarantined, sums)


@dataclass(frozen=True)
class Erased:
    """What was erased of the charges that a delivery's entry counts."""

    rows: int = 0
    sums: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """currency -> cost column -> sum"""

    @classmethod
    def told_by(cls, entry: Entry) -> Erased:
        """As a settled entry tells it."""
        return cls(entry.rows.erased, _told(entry, lambda line: line.erased))


@dataclass(frozen=True)
class Mended:
    """What repairs changed of the figures that were read."""

    rows: int = 0
    sums: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """currency -> cost column -> what is stored, less what was read"""

    @classmethod
    def told_by(cls, entry: Entry) -> Mended:
        """As a settled entry tells it."""
        return cls(entry.rows.repaired, _told(entry, lambda line: line.repaired))


def _told(entry: Entry, figure: Callable[[SumLine], str]) -> dict[str, dict[str, Decimal]]:
    """One figure of an entry's sums: currency -> cost column -> sum."""
    return {
        currency: {name: Decimal(figure(line)) for name, line in lines.items() if line is not None}
        for currency, lines in entry.sums.items()
    }


class _Claimed(NamedTuple):
    read: Decimal = _ZERO
    quarantined: Decimal = _ZERO


def _claimed(line: CostSum | None) -> _Claimed:
    return _Claimed(Decimal(line.read), Decimal(line.quarantined)) if line else _Claimed()


def settle_sums(
    manifest: Manifest,
    stored: CostSums,
    refused: Refused,
    erased: Erased = Erased(),
    mended: Mended = Mended(),
) -> Sums:
    """The ledger's sums: read by the manifest, stored as counted in the store."""
    currencies = sorted({*manifest.sums, *stored.currencies(), *mended.sums})
    return {
        currency: {
            name: _sum_line(
                manifest.sums.get(currency, {}).get(name),
                stored.get(currency, name),
                *(
                    each.sums.get(currency, {}).get(name, _ZERO)
                    for each in (refused, erased, mended)
                ),
            )
            for name in COST_COLUMNS
        }
        for currency in currencies
    }


def _sum_line(
    line: CostSum | None, kept: Decimal | None, later: Decimal, erased: Decimal, repaired: Decimal
) -> SumLine | None:
    if line is None and not kept and not repaired:
        return None
    claimed = _claimed(line)
    return SumLine(
        read=canonical_text(claimed.read),
        stored=canonical_text(kept or _ZERO),
        quarantined=canonical_text(exact_sum((claimed.quarantined, later))),
        erased=canonical_text(erased),
        repaired=canonical_text(repaired),
    )


def balances(rows: Rows, sums: Sums) -> bool:
    """Nothing lost, nothing doubled: read = stored + quarantined + erased, in rows and sums.

    In sums what repairs made of the amounts comes to what was read.
    """
    return rows.read == rows.stored + rows.quarantined + rows.erased and all(
        line is None
        or exact_sum((Decimal(line.read), Decimal(line.repaired)))
        == exact_sum((Decimal(line.stored), Decimal(line.quarantined), Decimal(line.erased)))
        for lines in sums.values()
        for line in lines.values()
    )

"""What becomes of a delivery: the rules of replacing, holding and superseding; pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta

from costwire_db_handler.ledger import HeldFor, State
from costwire_focus.manifest import month_of

_PERIODS_NAMED = 5


@dataclass(frozen=True)
class ClosedPeriods:
    """Which billing periods are closed: what readers have seen of them changes by consent only."""

    after_days: float | None = None
    """A billing period closes so many days after its end; None: not by age."""
    through: str | None = None
    """This month and all before are closed."""
    months: frozenset[str] = frozenset()
    """And these."""

    def __bool__(self) -> bool:
        """Whether any can be closed."""
        return self.after_days is not None or self.through is not None or bool(self.months)

    def month(self, label: str, ends: Collection[datetime], now: datetime) -> str | None:
        """The month of a billing period that is closed; None of one that is not.

        `label`: the text of its start; one that is no time is never closed.
        `ends`:  as its charges name them, in UTC; where none does, it lasts a month. Where they
                 differ, it is closed if it is by any of them.
        """
        for start, end in _spans(label, ends):
            month = month_of(start, end)
            aged = self.after_days is not None and (
                now.astimezone(UTC).replace(tzinfo=None) - end >= timedelta(days=self.after_days)
            )
            listed = month in self.months or (self.through is not None and month <= self.through)
            if aged or listed:
                return month
        return None


def months_of(label: str, ends: Collection[datetime]) -> set[str]:
    """The months that a billing period is, by each of its ends; none where it is no time."""
    return {month_of(start, end) for start, end in _spans(label, ends)}


def _spans(label: str, ends: Collection[datetime]) -> list[tuple[datetime, datetime]]:
    try:
        start = datetime.fromisoformat(label).replace(tzinfo=None)
    except ValueError:
        return []
    told = sorted(end for end in ends if end > start)
    return [(start, end) for end in told or [_a_month_later(start)]]


def _a_month_later(start: datetime) -> datetime:
    year, month = start.year + start.month // 12, start.month % 12 + 1
    if year > MAXYEAR:
        return start.replace(day=31)
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))


@dataclass(frozen=True)
class Thresholds:
    """When a delivery is held for a person to look at."""

    withdrawn_share: float = 0.20
    """Held when more than this share of a scope's charges, or of one of its periods, would go."""
    small_period: int = 20
    """A period of no more charges than this is judged only as part of the whole scope."""
    repeated_share: float = 0.80
    """Held when a new source name brings more than this share of what another one delivered."""
    closed: ClosedPeriods = field(default_factory=ClosedPeriods)
    """Held when it would change what readers see of one of these."""


@dataclass(frozen=True)
class Applied:
    """A delivery of the same source that shaped what readers see of a billing period."""

    commit: int
    id: str
    generation: datetime
    read: datetime


@dataclass(frozen=True)
class Period:
    """What a delivery would do to one billing period of its scope."""

    label: str
    before: int
    withdrawn: int
    """Without those that are corrected."""
    removed: int = 0
    """With them."""


@dataclass(frozen=True)
class Change:
    """What a delivery would change of a closed billing period."""

    label: str
    month: str
    added: int
    withdrawn: int
    """Corrected charges count here and there."""


@dataclass(frozen=True)
class Verdict:
    """The state that a delivery gets, and why it is not simply committed."""

    state: State
    reason: str | None = None
    kind: HeldFor | None = None
    """Of one that is held."""
    closed: tuple[str, ...] = ()
    """The months of the closed billing periods that it would change."""


def late(
    generation: datetime, read: datetime, known_before: bool, applied: Mapping[str, Applied]
) -> Verdict | None:
    """Whether an older state arrives after a newer one.

    `applied`: for each period of the scope that has one, the delivery that shaped it last.
    A content that this source delivered before, and that was read anew after the newer one was,
    is a return to it (A, B, A), not a late arrival.
    """
    newer = {
        label: other
        for label, other in applied.items()
        if generation < other.generation and not (known_before and read > other.read)
    }
    if not newer:
        return None
    commits = sorted({other.commit for other in newer.values()})
    reason = (
        "an older state than that of commit "
        + ", ".join(map(str, commits))
        + f" for {', '.join(sorted(newer))}"
    )
    if len(newer) < len(applied):
        return Verdict(State.HELD, reason + "; the newest for its other periods", HeldFor.OLDER)
    return Verdict(State.SUPERSEDED, reason)


def closes(changes: Sequence[Change]) -> Verdict | None:
    """Whether closed billing periods would change."""
    if not changes:
        return None
    told = [
        f"{change.month} ({change.label}): {change.added} added, {change.withdrawn} withdrawn"
        for change in changes[:_PERIODS_NAMED]
    ]
    if more := len(changes) - len(told):
        told.append(f"and {more} more")
    period = "period" if len(changes) == 1 else "periods"
    return Verdict(
        State.HELD,
        f"it would change the closed billing {period} {'; '.join(told)}",
        HeldFor.CLOSED_PERIOD,
        tuple(sorted({change.month for change in changes})),
    )


def shrinks(periods: Sequence[Period], thresholds: Thresholds) -> Verdict | None:
    """Whether too much of what readers see would be withdrawn."""
    before = sum(period.before for period in periods)
    withdrawn = sum(period.withdrawn for period in periods)
    if withdrawn > thresholds.withdrawn_share * before:
        reason = f"it would withdraw {withdrawn} of {before} charges"
        return Verdict(State.HELD, reason, HeldFor.WITHDRAWN)
    for period in periods:
        large = period.before > thresholds.small_period
        if large and period.withdrawn > thresholds.withdrawn_share * period.before:
            return Verdict(
                State.HELD,
                f"it would withdraw {period.withdrawn} of {period.before} charges "
                f"of the billing period {period.label}",
                HeldFor.WITHDRAWN,
            )
    return None


def repeats(rows: int, found: Mapping[str, int], thresholds: Thresholds) -> Verdict | None:
    """Whether a new source name brings what another source delivered already.

    `found`: how many of the delivery's charges each other source has, equal to the last cell.
    """
    for source, count in sorted(found.items(), key=lambda item: -item[1]):
        if rows and count > thresholds.repeated_share * rows:
            reason = f"{count} of its {rows} charges were delivered by {source} already"
            return Verdict(State.HELD, reason, HeldFor.REPEATED)
    return None

"""What becomes of a delivery: the rules of replacing, holding and superseding; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from costwire_db_handler.ledger import State


@dataclass(frozen=True)
class Thresholds:
    """When a delivery is held for a person to look at."""

    withdrawn_share: float = 0.20
    """Held when more than this share of a scope's charges, or of one of its periods, would go."""
    small_period: int = 20
    """A period of no more charges than this is judged only as part of the whole scope."""
    repeated_share: float = 0.80
    """Held when a new source name brings more than this share of what another one delivered."""


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


@dataclass(frozen=True)
class Verdict:
    """The state that a delivery gets, and why it is not simply committed."""

    state: State
    reason: str | None = None


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
        return Verdict(State.HELD, reason + "; the newest for its other periods")
    return Verdict(State.SUPERSEDED, reason)


def shrinks(periods: Sequence[Period], thresholds: Thresholds) -> Verdict | None:
    """Whether too much of what readers see would be withdrawn."""
    before = sum(period.before for period in periods)
    withdrawn = sum(period.withdrawn for period in periods)
    if withdrawn > thresholds.withdrawn_share * before:
        return Verdict(State.HELD, f"it would withdraw {withdrawn} of {before} charges")
    for period in periods:
        large = period.before > thresholds.small_period
        if large and period.withdrawn > thresholds.withdrawn_share * period.before:
            return Verdict(
                State.HELD,
                f"it would withdraw {period.withdrawn} of {period.before} charges "
                f"of the billing period {period.label}",
            )
    return None


def repeats(rows: int, found: Mapping[str, int], thresholds: Thresholds) -> Verdict | None:
    """Whether a new source name brings what another source delivered already.

    `found`: how many of the delivery's charges each other source has, equal to the last cell.
    """
    for source, count in sorted(found.items(), key=lambda item: -item[1]):
        if rows and count > thresholds.repeated_share * rows:
            return Verdict(
                State.HELD, f"{count} of its {rows} charges were delivered by {source} already"
            )
    return None

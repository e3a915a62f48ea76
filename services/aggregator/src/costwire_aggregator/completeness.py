"""How much of what was asked was told: of each upstream, and of each metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.outcomes import TIMES, Outcome, State, Target, Told, target

_COMPLETE = {State.ANSWERED, State.EMPTY}


@dataclass(frozen=True, slots=True)
class MetricReport:
    """Of one metric at one upstream."""

    name: str
    state: State
    series: int
    age_seconds: float | None
    """Of the oldest target that has it; None where no target's time is known."""
    reason: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is missing, as far as can be known."""
        return self.state in _COMPLETE


@dataclass(frozen=True, slots=True)
class UpstreamReport:
    """Of one upstream."""

    name: str
    metrics: Sequence[MetricReport]
    age_seconds: float | None
    """Of its newest sample."""
    spoilt: int
    """Series that could not be used."""
    seconds: float
    """How long its slowest question took."""

    @property
    def state(self) -> State:
        """The worst of its metrics; `EMPTY` where it has none but the times of its targets."""
        if all(metric.state is State.EMPTY for metric in self.metrics if metric.name != TIMES):
            return State.EMPTY
        states = {metric.state for metric in self.metrics}
        return max(states - {State.EMPTY}, key=[*State].index, default=State.EMPTY)

    @property
    def complete(self) -> int:
        """How many metrics are complete; none, where it has none of them."""
        if self.state is State.EMPTY:
            return 0
        return sum(metric.is_complete for metric in self.metrics)

    @property
    def reasons(self) -> list[str]:
        """Why it is not complete, each once."""
        return [*dict.fromkeys(metric.reason for metric in self.metrics if metric.reason)]


@dataclass(frozen=True, slots=True)
class Completeness:
    """Of all upstreams, as of one time."""

    at: float
    """Seconds since 1970."""
    upstreams: Sequence[UpstreamReport]

    @property
    def percent(self) -> float:
        """Share of the metrics that are complete; 100 only where all are."""
        asked = sum(len(upstream.metrics) for upstream in self.upstreams)
        complete = sum(upstream.complete for upstream in self.upstreams)
        return math.floor(1000 * complete / asked) / 10 if asked else 0.0

    @property
    def missing(self) -> Mapping[str, State]:
        """The upstreams that are not complete."""
        return {
            upstream.name: upstream.state
            for upstream in self.upstreams
            if upstream.complete < len(upstream.metrics)
        }


def completeness(told: Iterable[Told], at: float, stale_seconds: float) -> Completeness:
    """What is there and what is not; older than `stale_seconds` is stale."""
    return Completeness(at, [_upstream(one, at, stale_seconds) for one in told])


def _upstream(told: Told, at: float, stale_seconds: float) -> UpstreamReport:
    times = told.times()
    metrics = [
        metric
        for outcome in told.outcomes
        for metric in _metrics(outcome, times, at, stale_seconds)
    ]
    return UpstreamReport(
        told.upstream,
        metrics,
        at - max(times.values()) if times else None,
        sum(outcome.spoilt for outcome in told.outcomes),
        max((outcome.seconds for outcome in told.outcomes), default=0.0),
    )


def _metrics(
    outcome: Outcome, times: Mapping[Target, float], at: float, stale_seconds: float
) -> Iterator[MetricReport]:
    for name in sorted(outcome.question.families):
        samples = outcome.families.get(name, ())
        age = _age(name, samples, times, at)
        state, reason = outcome.state, outcome.reason
        if state is State.ANSWERED and not samples:
            state = State.EMPTY
        elif state is State.ANSWERED and age is not None and age > stale_seconds:
            state, reason = State.STALE, f"{name}: its samples are {age:.0f} s old"
        yield MetricReport(name, state, len(samples), age, reason)


def _age(
    name: str, samples: Sequence[Sample], times: Mapping[Target, float], at: float
) -> float | None:
    known = [times[one] for one in {target(sample) for sample in samples} if one in times]
    return at - min(known) if known else None

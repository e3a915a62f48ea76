"""How much of what was asked was told: of each upstream, and of each metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from costwire_aggregator.outages import outages
from costwire_aggregator.upstreams.outcomes import TIMES, Outcome, State, Told
from costwire_aggregator.upstreams.targets import Key, Target, Targets

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
    targets: int | None = None
    """How many it scrapes; None where it told nothing of them."""
    down: Sequence[Target] = ()
    """Those of them whose last scrape failed."""

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
    targets = told.targets()
    keys = {name: targets.keys(samples) for name, samples in told.families().items() if samples}
    known = _Known(targets, keys, _lacking(told, targets, keys), at, stale_seconds)
    return UpstreamReport(
        told.upstream,
        [metric for outcome in told.outcomes for metric in _metrics(outcome, known)],
        at - max(target.time for target in targets) if targets else None,
        sum(outcome.spoilt for outcome in told.outcomes),
        max((outcome.seconds for outcome in told.outcomes), default=0.0),
        len(targets) if any(_tells_targets(outcome) for outcome in told.outcomes) else None,
        sorted((target for target in targets if not target.is_up), key=attrgetter("key")),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """Of one upstream: what its metrics are judged by."""

    targets: Targets
    keys: Mapping[str, set[Key]]
    """Of the targets that told each metric."""
    lacking: Mapping[str, str]
    """Metrics that targets do not tell because they are down, and why."""
    at: float
    stale_seconds: float

    def age(self, name: str) -> float | None:
        """Of the oldest target that told a metric."""
        times = self.targets.times(self.keys.get(name, ()))
        return self.at - min(times) if times else None


def _lacking(told: Told, targets: Targets, keys: Mapping[str, set[Key]]) -> Mapping[str, str]:
    asked = {name for outcome in told.outcomes for name in outcome.question.families} - {TIMES}
    return outages(targets, {name: keys[name] for name in asked & keys.keys()}, asked)


def _tells_targets(outcome: Outcome) -> bool:
    return TIMES in outcome.question.families and outcome.state in (State.ANSWERED, State.PARTIAL)


def _metrics(outcome: Outcome, known: _Known) -> Iterator[MetricReport]:
    for name in sorted(outcome.question.families):
        series, age = len(outcome.families.get(name, ())), known.age(name)
        state, reason = outcome.state, outcome.reason
        if state is State.ANSWERED:
            if age is not None and age > known.stale_seconds:
                state, reason = State.STALE, f"{name}: its samples are {age:.0f} s old"
            elif name in known.lacking:
                state, reason = State.PARTIAL, known.lacking[name]
            elif not series:
                state = State.EMPTY
        yield MetricReport(name, state, series, age, reason)

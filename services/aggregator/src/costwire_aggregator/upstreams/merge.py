"""The series of several upstreams as one: no copy of a replica, nothing told twice.

Upstreams overlap where two of them tell of the same series: of those that are fresh the one with
the larger priority holds, then the first by name; so nothing flutters from one answer to the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from costwire_aggregator.samples import Families, Labels, Sample
from costwire_aggregator.upstreams.outcomes import TIMES, Told
from costwire_aggregator.upstreams.targets import CLUSTER_LABELS, Key, Targets

_FRESH_SECONDS = 60.0
"""What is this much older than the newest is not fresh."""
_TELLING = (*CLUSTER_LABELS, "icos_host_name")
"""Labels in which upstreams that do not overlap mostly differ; to see that is cheap."""

_Series = frozenset[tuple[str, str]]
_Replica = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The series of one upstream that hold; of `TIMES` none is negative."""

    upstream: str
    families: Families


class _Rank(NamedTuple):
    is_stale: bool
    priority: int
    name: str


def merged(told: Sequence[Told]) -> list[Reading]:
    """What each upstream tells that no other one tells better."""
    families = {one.upstream: _relabelled(one) for one in told}
    ranks = _ranks(told)
    names = {name for of in families.values() for name in of}
    for name in sorted(names - {TIMES}):
        holders = [upstream for upstream in families if families[upstream].get(name)]
        if len(holders) > 1 and _may_overlap([families[upstream][name] for upstream in holders]):
            taken: set[_Series] = set()
            for upstream in sorted(holders, key=ranks.__getitem__):
                families[upstream][name] = [*_untold(families[upstream][name], taken)]
    return [Reading(upstream, of) for upstream, of in families.items()]


def _untold(samples: Iterable[Sample], told: set[_Series]) -> Iterator[Sample]:
    for sample in samples:
        series = frozenset(sample.labels.items())
        if series not in told:
            told.add(series)
            yield sample


def _relabelled(told: Told) -> dict[str, Sequence[Sample]]:
    """Its families with its labels, of each series one copy."""
    families = dict(told.families())
    if told.external_labels:
        families = {
            name: [Sample({**told.external_labels, **labels}, value) for labels, value in samples]
            for name, samples in families.items()
        }
    if told.replica_labels:
        scraped = _Scraped(families.get(TIMES, ()), told)
        families = {
            name: samples if name == TIMES else _one_copy(samples, told, scraped)
            for name, samples in families.items()
        }
    if TIMES in families:
        families[TIMES] = [Sample(labels, abs(value)) for labels, value in families[TIMES]]
    return families


class _Scraped:
    """When each replica scraped what."""

    def __init__(self, samples: Iterable[Sample], told: Told) -> None:
        by_replica: dict[_Replica, list[Sample]] = defaultdict(list)
        for sample in samples:
            by_replica[_replica(sample.labels, told)].append(sample)
        self._targets = {
            replica: Targets(of, told.at, told.replica_labels) for replica, of in by_replica.items()
        }
        self._known: dict[tuple[_Replica, Key], float] = {}

    def time(self, replica: _Replica, labels: Labels) -> float:
        """Of the target that labels were scraped from; 0 where that is not known, or it is down."""
        if (targets := self._targets.get(replica)) is None:
            return 0.0
        mark = replica, targets.key(labels)
        if mark not in self._known:
            times = (target.time for target in targets.of(mark[1]) if target.is_up)
            self._known[mark] = max(times, default=0.0)
        return self._known[mark]


def _one_copy(samples: Iterable[Sample], told: Told, scraped: _Scraped) -> list[Sample]:
    """Of each series the copy whose target was scraped last, of equal ones the first by name."""

    def rank(replica: _Replica, labels: Labels) -> tuple[float, _Replica]:
        return -scraped.time(replica, labels), replica

    held: dict[_Series, tuple[_Replica, Sample]] = {}
    for sample in samples:
        replica = _replica(sample.labels, told)
        labels = {k: v for k, v in sample.labels.items() if k not in told.replica_labels}
        copy = replica, Sample(labels, sample.value)
        series = frozenset(labels.items())
        other, _ = held.setdefault(series, copy)
        if other != replica and rank(replica, labels) < rank(other, labels):
            held[series] = copy
    return [sample for _, sample in held.values()]


def _replica(labels: Labels, told: Told) -> _Replica:
    return tuple([labels.get(name, "") for name in told.replica_labels])


def _ranks(told: Sequence[Told]) -> dict[str, _Rank]:
    newest = {
        one.upstream: max((target.time for target in one.targets()), default=0.0) for one in told
    }
    fresh = max(newest.values(), default=0.0) - _FRESH_SECONDS
    return {
        one.upstream: _Rank(newest[one.upstream] < fresh, -one.priority, one.upstream)
        for one in told
    }


def _may_overlap(families: Sequence[Sequence[Sample]]) -> bool:
    return not any(_differ(label, families) for label in _TELLING)


def _differ(label: str, families: Sequence[Sequence[Sample]]) -> bool:
    """Whether no value of the label is told by two."""
    told_by: dict[str, int] = defaultdict(int)
    for samples in families:
        for value in {sample.labels.get(label, "") for sample in samples}:
            told_by[value] += 1
    return "" not in told_by and max(told_by.values()) == 1

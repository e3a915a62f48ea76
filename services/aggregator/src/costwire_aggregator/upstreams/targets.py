"""The targets of one upstream, as its `up` tells them: when each was scraped, which are down."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from costwire_aggregator.samples import Labels, Sample

CLUSTER_LABELS = ("cluster", "k8s_cluster_uid", "k8s_cluster_name")
"""By them a target, and what was scraped from it, name their cluster."""
_JOB_AND_INSTANCE = ("job", "instance")
_OF_OBJECTS = frozenset({"container", "endpoint", "namespace", "node", "pod", "service", "uid"})
"""Labels of targets that mean something else in what is scraped from kube-state-metrics."""
_labels_of = itemgetter(0)

Key = tuple[str, ...]
"""Job and instance, the cluster's labels, and what else tells targets apart."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped."""

    key: Key
    cluster: Key
    """The texts of the cluster's labels, of those that any target has."""
    time: float
    """Of its last scrape, also one that failed: seconds since 1970."""
    is_up: bool

    @property
    def job(self) -> str:
        """What it is one of."""
        return self.key[0]

    @property
    def instance(self) -> str:
        """Its address, as a rule."""
        return self.key[1]


class Targets:
    """All of them, found by the labels of what was scraped from them."""

    def __init__(
        self, samples: Iterable[Sample], at: float = math.inf, replica_labels: Sequence[str] = ()
    ) -> None:
        """`samples`: of each the time of its last scrape, negative where it is down.

        `at`: what is newer is as old as this; `replica_labels`: tell no targets apart.
        """
        series = [sample for sample in samples if math.isfinite(sample.value)]
        names = {name for labels, _ in series for name in labels}
        clusters = [name for name in CLUSTER_LABELS if name in names]
        self._end_of_cluster = len(_JOB_AND_INSTANCE) + len(clusters)
        known = [*_JOB_AND_INSTANCE, *clusters]
        others = names - {*known, *replica_labels}
        self._names = (*known, *_apart([labels for labels, _ in series], known, others))
        self._read = itemgetter(*self._names)
        self._by_key: dict[Key, Target] = {}
        for labels, value in series:
            self._add(self.key(labels), min(abs(value), at), value > 0)
        self._alike: dict[Key, list[Target]] = defaultdict(list)
        for target in self._by_key.values():
            self._alike[target.key[:2]].append(target)

    def _add(self, key: Key, time: float, is_up: bool) -> None:
        """Of copies the newest tells when, and one is enough to be up."""
        if copy := self._by_key.get(key):
            time, is_up = max(time, copy.time), is_up or copy.is_up
        self._by_key[key] = Target(key, self.cluster(key), time, is_up)

    def __iter__(self) -> Iterator[Target]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def key(self, labels: Labels) -> Key:
        """Of what labels were scraped from."""
        try:
            key: Key = self._read(labels)
        except KeyError:
            return tuple([labels.get(name, "") for name in self._names])
        return key

    def keys(self, samples: Iterable[Sample]) -> set[Key]:
        """The same of many, each once."""
        try:
            return {*map(self._read, map(_labels_of, samples))}
        except KeyError:
            return {self.key(labels) for labels, _ in samples}

    def cluster(self, key: Key) -> Key:
        """The part of a key that says which cluster it is of."""
        return key[len(_JOB_AND_INSTANCE) : self._end_of_cluster]

    def of(self, key: Key) -> Sequence[Target]:
        """The target of a key; of one that none has, all with its job and instance it may mean."""
        if (target := self._by_key.get(key)) is not None:
            return (target,)
        cluster = self.cluster(key)
        return [one for one in self._alike.get(key[:2], ()) if _agree(one.cluster, cluster)]

    def times(self, keys: Iterable[Key]) -> list[float]:
        """When the targets of these keys were scraped."""
        return [target.time for key in keys for target in self.of(key)]


def _apart(series: Sequence[Labels], known: Sequence[str], others: Iterable[str]) -> list[str]:
    """What tells those targets apart that share the labels that are known.

    Prometheus scrapes several paths of a kubelet, whose series differ in `metrics_path`.
    """
    crowds = _crowds([series], known)
    found = []
    for name in sorted(others, key=lambda name: (name in _OF_OBJECTS, name)):
        if any(len({labels.get(name, "") for labels in crowd}) > 1 for crowd in crowds):
            found.append(name)
            crowds = _crowds(crowds, (name,))
    return found


def _crowds(crowds: Iterable[Sequence[Labels]], names: Sequence[str]) -> list[Sequence[Labels]]:
    """Those among which these labels make no difference; none of one alone."""
    alike: dict[tuple[int, Key], list[Labels]] = defaultdict(list)
    for number, crowd in enumerate(crowds):
        for labels in crowd:
            alike[number, tuple([labels.get(name, "") for name in names])].append(labels)
    return [crowd for crowd in alike.values() if len(crowd) > 1]


def _agree(one: Key, other: Key) -> bool:
    return all(
        not left or not right or left == right for left, right in zip(one, other, strict=True)
    )

"""Series of nodes and of Kubernetes in, the compute nodes they tell of out.

Any labels will do that name a cluster and a node: those of kube-prometheus, of OpenTelemetry, of
ICOS agents. The order of the series changes nothing: where several tell of one thing, the largest
value holds. What is left out is counted, with the reason. `original.py` has the original's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from costwire_aggregator.etim.families import (
    ALLOCATABLE,
    CAPACITY,
    MEMORY_AVAILABLE,
    MEMORY_TOTAL,
    NODES,
    PHASES,
    REQUESTS,
)
from costwire_aggregator.etim.hosts import Host, Hosts, cluster_of
from costwire_aggregator.etim.model import EtimNode, Resources
from costwire_aggregator.icos.places import NOBODYS, OWN_CLUSTER
from costwire_aggregator.icos.values import LeftOut, larger
from costwire_aggregator.samples import Families, Labels, Sample

_NO_CLUSTER = "it names no cluster"
_NAMELESS = "it names no node"
_MILLI = 1000
_HOLDS = 1.0
_OVER = ("Succeeded", "Failed")
"""Phases of pods that occupy their node no longer, though their requests are still told."""


class Fold:
    """One answer in the making."""

    def __init__(self, families: Families) -> None:
        self.left_out: LeftOut = LeftOut()
        """How many series of a family were not used, by the reason."""
        self._families = families
        self._hosts = Hosts()

    def nodes(self) -> list[EtimNode]:
        """Fold everything, once; sorted by cluster and id."""
        self._add_nodes()
        self._add_capacity()
        self._add_memory()
        self._add_requests()
        nodes = (_node(name, host) for name, host in self._hosts.by_id())
        return sorted(nodes, key=lambda node: (node.cluster, node.id))

    # What a series belongs to.

    def _all(self, family: str) -> Iterable[Sample]:
        return self._families.get(family, ())

    def _of(self, family: str, resource: str) -> Iterator[Sample]:
        return (sample for sample in self._all(family) if sample.labels.get("resource") == resource)

    def _clustered(
        self, family: str, series: Iterable[Sample] | None = None
    ) -> Iterator[tuple[str, Sample]]:
        """Each series with its cluster, but for those of the controller's own."""
        for sample in self._all(family) if series is None else series:
            if sample.labels.get("k8s_cluster_uid") == OWN_CLUSTER:
                continue
            if cluster := cluster_of(sample.labels):
                yield cluster, sample
            else:
                self.left_out[family, _NO_CLUSTER] += 1

    def _told(
        self,
        family: str,
        find: Callable[[str, Labels], Host | None],
        series: Iterable[Sample] | None = None,
    ) -> Iterator[tuple[Host, Sample]]:
        """Each series with its node; what tells of nothing known is left out."""
        for cluster, sample in self._clustered(family, series):
            host = find(cluster, sample.labels)
            if host is None:
                self.left_out[family, NOBODYS] += 1
            else:
                yield host, sample

    def _described(self, cluster: str, labels: Labels) -> Host | None:
        return self._hosts.named(cluster, labels.get("node", ""))

    def _described_or_new(self, cluster: str, labels: Labels) -> Host | None:
        return self._hosts.named_or_new(cluster, labels.get("node", ""))

    # Values.

    def _count(self, value: float, family: str, bits: int) -> int | None:
        """The nearest whole number; None where a signed one of these bits has no room for it."""
        if math.isfinite(value) and 0 <= (count := round(value)) < 1 << bits - 1:
            return count
        self.left_out[family, f"its value is no count of {bits} bits"] += 1
        return None

    def _bytes(self, sample: Sample, family: str) -> int | None:
        return self._count(sample.value, family, 64)

    def _milli_cpu(self, sample: Sample, family: str) -> int | None:
        """Of a value in cores."""
        return self._count(sample.value * _MILLI, family, 32)

    # Families.

    def _add_nodes(self) -> None:
        for cluster, sample in self._clustered(NODES):
            if not self._hosts.add(cluster, sample.labels):
                self.left_out[NODES, _NAMELESS] += 1

    def _add_capacity(self) -> None:
        """A node that Kubernetes alone tells of is one, too."""
        cpu, memory = self._of(CAPACITY, "cpu"), self._of(CAPACITY, "memory")
        for host, sample in self._told(CAPACITY, self._described_or_new, cpu):
            host.capacity = larger(host.capacity, self._milli_cpu(sample, CAPACITY))
        for host, sample in self._told(CAPACITY, self._described_or_new, memory):
            host.memory_capacity = larger(host.memory_capacity, self._bytes(sample, CAPACITY))
        allocatable = self._of(ALLOCATABLE, "cpu")
        for host, sample in self._told(ALLOCATABLE, self._described, allocatable):
            host.allocatable = larger(host.allocatable, self._milli_cpu(sample, ALLOCATABLE))

    def _add_memory(self) -> None:
        find = self._hosts.told_by
        for host, sample in self._told(MEMORY_TOTAL, find):
            host.memory = larger(host.memory, self._bytes(sample, MEMORY_TOTAL))
        for host, sample in self._told(MEMORY_AVAILABLE, find):
            host.free_memory = larger(host.free_memory, self._bytes(sample, MEMORY_AVAILABLE))

    def _add_requests(self) -> None:
        """Those of pods that run, or will; a pod that waits for a node takes nothing yet."""
        over = self._pods_that_are_over()
        placed = (sample for sample in self._of(REQUESTS, "cpu") if sample.labels.get("node"))
        for host, sample in self._told(REQUESTS, self._described, placed):
            pod = _pod(sample.labels)
            if (host.cluster, *pod) in over:
                continue
            milli_cpu = self._milli_cpu(sample, REQUESTS)
            if milli_cpu is not None:
                container = *pod, sample.labels.get("container", "")
                host.requests[container] = max(milli_cpu, host.requests.get(container, 0))

    def _pods_that_are_over(self) -> set[tuple[str, str, str]]:
        held = (
            sample
            for sample in self._all(PHASES)
            if sample.value == _HOLDS and sample.labels.get("phase") in _OVER
        )
        return {
            (cluster, *_pod(sample.labels)) for cluster, sample in self._clustered(PHASES, held)
        }


def _pod(labels: Labels) -> tuple[str, str]:
    return labels.get("namespace", ""), labels.get("pod", "")


def _node(name: str, host: Host) -> EtimNode:
    memory = host.memory_capacity if host.memory is None else host.memory
    free = max(0, (host.allocatable or 0) - sum(host.requests.values()))
    return EtimNode(
        cluster=host.cluster,
        id=name,
        cpu_architecture=host.architecture,
        resources=Resources(host.capacity or 0, memory or 0),
        available_resources=Resources(free, host.free_memory or 0),
        labels=(f"cluster={host.cluster}",),
    )

"""The pods that there are at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

from costwire_simulator.estate.draws import ending, hexes, uuid
from costwire_simulator.estate.model import Cluster, Slot, Workload
from costwire_simulator.estate.usage import level, total

Phase = Literal["Pending", "Running", "Succeeded"]
_RUN_SECONDS = 240.0
"""Of a CronJob's pod."""
_READY_SECONDS = 15.0
_CRASH_SECONDS = 300.0
_CPU_SWING, _MEMORY_SWING = 0.4, 0.06
_KEPT_VERSIONS = 3


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod, at a time."""

    slot: Slot
    name: str
    uid: str
    ip: str
    owner_kind: str
    owner_name: str
    phase: Phase
    is_ready: bool
    restarts: int
    """Of each of its containers."""
    version: int
    created: float
    started: float
    """When its containers began to run, or will."""

    @property
    def runs(self) -> bool:
        """Whether its containers do."""
        return self.phase == "Running"

    def cores(self, number: int, phase: float, at: float) -> float:
        """What its n-th container uses; `phase` is its cluster's."""
        return level(self._cores(number), _CPU_SWING, phase, at)

    def core_seconds(self, number: int, phase: float, at: float) -> float:
        """What its n-th container has used."""
        return total(self._cores(number), _CPU_SWING, phase, self.started, at)

    def _cores(self, number: int) -> float:
        return self.slot.workload.containers[number].cpu_request * self.slot.load[number]

    def memory(self, number: int, phase: float, at: float) -> int:
        """The bytes that its n-th container holds."""
        asked = self.slot.workload.containers[number].memory_request
        base = asked * (0.3 + 0.7 * self.slot.load[number])
        return int(level(base, _MEMORY_SWING, phase, at)) // 4096 * 4096


def pods(cluster: Cluster, at: float, slots: Iterable[Slot] | None = None) -> list[Pod]:
    """All pods of a cluster, or those at some of its places."""
    return [_pod(cluster, slot, at) for slot in (cluster.slots if slots is None else slots)]


def version(workload: Workload, at: float) -> int:
    """How many versions of a workload there had been."""
    return floor((at + workload.offset) / workload.period)


def replica_sets(cluster: Cluster, at: float) -> Iterator[tuple[Workload, str, int]]:
    """Each Deployment's, the current one and the last ones before, with how many pods it has."""
    for workload, slots in cluster.workloads.items():
        if workload.kind == "Deployment":
            current = version(workload, at)
            for number in range(current, current - _KEPT_VERSIONS, -1):
                yield (
                    workload,
                    _set_name(cluster, workload, number),
                    (len(slots) if number == current else 0),
                )


def jobs(cluster: Cluster, at: float) -> Iterator[tuple[Workload, str]]:
    """Each CronJob's last one."""
    for workload in cluster.workloads:
        if workload.kind == "CronJob":
            yield workload, _job_name(workload, at)


def ready_of(found: Sequence[Pod]) -> dict[Workload, int]:
    """How many pods of each workload are ready."""
    ready = {pod.slot.workload: 0 for pod in found}
    for pod in found:
        ready[pod.slot.workload] += pod.is_ready
    return ready


def _pod(cluster: Cluster, slot: Slot, at: float) -> Pod:
    workload = slot.workload
    if workload.kind == "CronJob":
        created, turn = _began(workload.period, workload.offset, at), 0
        number = version(workload, at)
    else:
        turn = floor((at + slot.offset) / slot.period)
        number = version(workload, at)
        created = max(
            _began(slot.period, slot.offset, at), _began(workload.period, workload.offset, at)
        )
    of = (cluster.uid, workload.namespace, workload.name, slot.number, number, turn)
    age = at - created - slot.start_seconds
    done = workload.kind == "CronJob" and age >= _RUN_SECONDS
    phase: Phase = "Pending" if age < 0 else "Succeeded" if done else "Running"
    owner_kind, owner_name, name = _names(cluster, slot, at, number, of)
    return Pod(
        slot=slot,
        name=name,
        uid=uuid(*of),
        ip=f"{slot.node.pod_network}.{slot.index + 2}",
        owner_kind=owner_kind,
        owner_name=owner_name,
        phase=phase,
        is_ready=phase == "Running" and age >= _READY_SECONDS and not slot.crashes,
        restarts=int(max(age, 0) // _CRASH_SECONDS) if slot.crashes else 0,
        version=number,
        created=created,
        started=created + slot.start_seconds,
    )


def _began(period: float, offset: float, at: float) -> float:
    return floor((at + offset) / period) * period - offset


def _names(
    cluster: Cluster, slot: Slot, at: float, number: int, of: tuple[object, ...]
) -> tuple[str, str, str]:
    """Kind and name of the owner, and the pod's name."""
    workload = slot.workload
    if workload.kind == "Deployment":
        owner = _set_name(cluster, workload, number)
        return "ReplicaSet", owner, f"{owner}-{ending(5, *of)}"
    if workload.kind == "StatefulSet":
        return "StatefulSet", workload.name, f"{workload.name}-{slot.number}"
    if workload.kind == "DaemonSet":
        return "DaemonSet", workload.name, f"{workload.name}-{ending(5, *of)}"
    job = _job_name(workload, at)
    return "Job", job, f"{job}-{ending(5, *of)}"


def _set_name(cluster: Cluster, workload: Workload, number: int) -> str:
    return f"{workload.name}-{hexes(10, cluster.uid, workload.namespace, workload.name, number)}"


def _job_name(workload: Workload, at: float) -> str:
    """As Kubernetes names them, by the minute that they were due."""
    return f"{workload.name}-{int(_began(workload.period, workload.offset, at)) // 60}"

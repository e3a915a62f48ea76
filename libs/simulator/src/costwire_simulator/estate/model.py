"""What an estate is made of: what stays as time goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

Flavour = Literal["kubernetes", "opentelemetry", "icos", "icos-fleet"]
"""Who tells of a cluster: kube-prometheus, the OpenTelemetry Collector, ICOS agents.

A fleet is hosts that ICOS agents tell of one by one, with no cluster around them.
"""
FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)
Kind = Literal["Deployment", "StatefulSet", "DaemonSet", "CronJob"]


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a cloud."""

    handle: str
    """What its CSI driver calls it."""
    serial: str
    """What the machine sees that it is attached to."""
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A machine of a cluster."""

    number: int
    """Within its cluster."""
    name: str
    ip: str
    region: str
    zone: str
    provider_id: str
    """What Kubernetes calls it at its cloud."""
    host_id: str
    """What its cloud calls it."""
    instance_type: str
    cores: int
    memory: int
    """Bytes."""
    system_uuid: str
    root: Disk
    created: float
    latitude: float
    longitude: float

    @property
    def pod_network(self) -> str:
        """What the addresses of its pods begin with."""
        return f"172.{16 + self.number // 250}.{self.number % 250}"


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """What a container is to run, and may use."""

    name: str
    image: str
    """Without a tag."""
    cpu_request: float
    """Cores."""
    memory_request: int
    """Bytes."""
    cpu_limit: float | None
    memory_limit: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """What keeps pods running."""

    kind: Kind
    namespace: str
    name: str
    containers: tuple[Container, ...]
    period: float
    """Seconds from one version to the next, of a CronJob from one run to the next."""
    offset: float
    """When periods begin, in seconds before 1970."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A place for one pod after the other."""

    workload: Workload
    number: int
    """Within its workload."""
    node: Node
    index: int
    """Among those of its node."""
    period: float
    """Seconds that a pod lives."""
    offset: float
    start_seconds: float
    """Until its containers run."""
    crashes: bool
    """Whether its containers end again and again."""
    load: tuple[float, ...]
    """Of each container, the part of its requests that it uses on average."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A persistent volume, bound to a claim."""

    name: str
    namespace: str
    claim: str
    storage_class: str
    driver: str
    """Of CSI; empty where it is a directory of a node."""
    disk: Disk


@dataclass(frozen=True, eq=False)
class Cluster:
    """A cluster, or a fleet."""

    name: str
    uid: str
    flavour: Flavour
    cloud: str
    account: str
    nodes: Sequence[Node]
    slots: Sequence[Slot]
    volume_of: Mapping[Slot, Volume]
    """Volumes by the places whose pods have them."""
    phase: float
    """When the day's peak is, in radians."""

    @cached_property
    def workloads(self) -> Mapping[Workload, Sequence[Slot]]:
        """Each with its slots."""
        found: dict[Workload, list[Slot]] = defaultdict(list)
        for slot in self.slots:
            found[slot.workload].append(slot)
        return found

    @cached_property
    def by_node(self) -> Mapping[int, Sequence[Slot]]:
        """Slots by the number of their node."""
        found: dict[int, list[Slot]] = defaultdict(list)
        for slot in self.slots:
            found[slot.node.number].append(slot)
        return found

    @property
    def volumes(self) -> Sequence[Volume]:
        """All of them."""
        return [*self.volume_of.values()]

    @cached_property
    def namespaces(self) -> Sequence[str]:
        """Their names."""
        return sorted({slot.workload.namespace for slot in self.slots})


@dataclass(frozen=True, slots=True)
class Estate:
    """All clusters; no two have the same name."""

    clusters: Sequence[Cluster]

"""What a topology is made of.

None, an empty text and an empty collection mean that no series told it; zero means that one did.
Fields without a default say which thing it is. Amounts are by resource, as in `cpu` (cores),
`memory` and `ephemeralStorage` (bytes), `pods`, `nvidia_com_gpu` (pieces).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

Amounts = dict[str, int | float]
"""By resource."""
Texts = dict[str, str]
Notes = Counter[tuple[str, str]]
"""How many series of a family were not used, or not wholly, by the reason."""


@dataclass(slots=True)
class Location:
    """Where something stands."""

    latitude: Annotated[float | None, "Degrees north."] = None
    longitude: Annotated[float | None, "Degrees east."] = None
    region: str | None = None
    zone: str | None = None


@dataclass(slots=True, order=True)
class Address:
    """An address of a network interface."""

    address: str
    netmask: Annotated[str, "The length of the prefix, as a rule."] = ""
    scope: str = ""


@dataclass(slots=True)
class Interface:
    """A network interface of a node."""

    name: str
    state: Annotated[
        str | None, "As its kernel says: `up`, `down`, `unknown` (loopbacks, tunnels)."
    ] = None
    duplex: str | None = None
    speed: Annotated[int | None, "Bytes a second."] = None
    hardware_address: str | None = None
    addresses: list[Address] = field(default_factory=list)


@dataclass(slots=True)
class Device:
    """A disk, or another device that is mounted on a node."""

    name: str
    path: str | None = None
    state: Annotated[str | None, "`available`, `busy` or `detached`."] = None
    model: str | None = None
    serial: Annotated[str | None, "Of a cloud's disk often its id."] = None


@dataclass(slots=True)
class Node:
    """A host of a cluster."""

    name: str
    uid: str | None = None
    system_uuid: str | None = None
    provider_id: Annotated[str | None, "What the cloud calls it."] = None
    instance_type: str | None = None
    host_name: str | None = None
    ip: Annotated[str | None, "Within the cluster."] = None
    os: str | None = None
    architecture: str | None = None
    kernel: str | None = None
    kubelet_version: str | None = None
    container_runtime: str | None = None
    unschedulable: bool | None = None
    labels: Texts = field(default_factory=dict)
    location: Location = field(default_factory=Location)
    capacity: Amounts = field(default_factory=dict)
    allocatable: Amounts = field(default_factory=dict)
    usage: Amounts = field(default_factory=dict)
    free_memory: Annotated[int | None, "Bytes that nothing uses, not even a cache."] = None
    max_frequency: Annotated[int | None, "Hertz, of the fastest core."] = None
    conditions: Annotated[Texts, "`True`, `False` or `Unknown`, by type."] = field(
        default_factory=dict
    )
    temperatures: Annotated[dict[str, float], "Celsius, by sensor."] = field(default_factory=dict)
    energy: Annotated[float | None, "Joules since its counter began."] = None
    sca_score: Annotated[float | None, "Of the assessment of its security configuration."] = None
    vulnerabilities: Annotated[dict[str, int], "How many, by severity."] = field(
        default_factory=dict
    )
    interfaces: list[Interface] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)


@dataclass(slots=True)
class Namespace:
    """A namespace of a cluster."""

    name: str
    phase: str | None = None
    labels: Texts = field(default_factory=dict)


@dataclass(slots=True, order=True)
class Owner:
    """What a pod, or another workload, belongs to; it is in the same namespace."""

    kind: str
    name: str


@dataclass(slots=True)
class Workload:
    """What keeps pods running: a Deployment, StatefulSet, DaemonSet, Job ..."""

    kind: str
    namespace: str
    name: str
    desired: Annotated[int | None, "Pods that should be there."] = None
    ready: Annotated[int | None, "Pods that are ready."] = None
    owner: Owner | None = None


@dataclass(slots=True)
class Container:
    """A container of a pod."""

    name: str
    image: str | None = None
    ready: bool | None = None
    restarts: int | None = None
    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    usage: Amounts = field(default_factory=dict)


@dataclass(slots=True)
class Pod:
    """A pod of a namespace."""

    namespace: str
    name: str
    uid: str | None = None
    node: Annotated[str | None, "The name of its node, whether series tell of that or not."] = None
    owner: Annotated[Owner | None, "The topmost; of a ReplicaSet the Deployment."] = None
    phase: str | None = None
    ready: bool | None = None
    ip: str | None = None
    host_ip: str | None = None
    labels: Texts = field(default_factory=dict)
    requests: Annotated[Amounts, "Of its containers together."] = field(default_factory=dict)
    limits: Annotated[Amounts, "Of those containers together that have one."] = field(
        default_factory=dict
    )
    usage: Annotated[Amounts, "Told of the pod, or of all of its containers."] = field(
        default_factory=dict
    )
    containers: list[Container] = field(default_factory=list)


@dataclass(slots=True)
class PersistentVolume:
    """A volume of a cluster."""

    name: str
    claim_namespace: str | None = None
    claim: Annotated[str | None, "The PersistentVolumeClaim that it is bound to."] = None
    phase: str | None = None
    capacity: Annotated[int | None, "Bytes."] = None
    storage_class: str | None = None
    driver: str | None = None
    handle: Annotated[
        str | None, "What its driver calls it: of a cloud the disk's id, as a rule."
    ] = None
    disk: Annotated[str | None, "The cloud's disk, where no driver stands between."] = None


@dataclass(slots=True)
class Cluster:
    """A cluster, or a fleet of hosts."""

    key: Annotated[str, "Its name, with its uid behind it where another has that name."]
    name: str | None = None
    uid: str | None = None
    location: Annotated[Location, "Where all of its nodes stand."] = field(default_factory=Location)
    nodes: list[Node] = field(default_factory=list)
    namespaces: list[Namespace] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    volumes: list[PersistentVolume] = field(default_factory=list)


@dataclass(slots=True)
class Topology:
    """Everything that was told; each list is in the order of its names."""

    clusters: list[Cluster] = field(default_factory=list)
    notes: Notes = field(default_factory=Counter)

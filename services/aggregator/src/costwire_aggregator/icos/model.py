"""What the ICOS document is made of; fields stand in the order in which they are written.

What the original never fills is not here. A field that is None, 0 or empty is not written.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Interface:
    """A network interface of a node."""

    name: str = ""
    type: str = ""
    """Its duplex mode."""
    speed: int | None = None
    """Bytes a second; negative where the node does not know it."""
    ip: str = ""
    status: str = ""
    subnet_mask: str = ""


@dataclass(slots=True)
class Device:
    """A device that is mounted on a node."""

    name: str
    type: str
    status: str = ""
    path: str = ""


@dataclass(slots=True)
class Node:
    """A host of a cluster."""

    type: str
    """`ocm` or `nuvla`."""
    uuid: str
    name: str
    host: str
    """`icos_host_name`; not written."""
    agent: str
    """`icos_agent_id`; not written."""
    address: str
    """`net_host_name`; not written."""
    architecture: str
    latitude: float | None = None
    longitude: float | None = None
    sca_score: int | None = None
    vulnerabilities: dict[str, int] = field(default_factory=dict)
    """How many, by severity."""
    cores: int | None = None
    max_frequency: int | None = None
    """Hertz."""
    memory: int | None = None
    """Bytes."""
    temperature: float | None = None
    """Celsius."""
    energy: float | None = None
    """Joules since the node's counter began."""
    free_memory: int | None = None
    """Bytes."""
    interfaces: dict[str, Interface] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)


@dataclass(slots=True)
class Container:
    """A container of a pod."""

    name: str
    node: str = ""
    """The `uuid` of a node."""
    cpu: float | None = None
    """A ratio: 1 is one core."""


@dataclass(slots=True)
class Pod:
    """A pod of a cluster."""

    namespace: str
    """Not written."""
    host: str
    """Where each host is an orchestrator of its own; not written."""
    name: str
    node: str
    """The `uuid` of the node it runs on, where its series tell it; not written either."""
    ip: str
    status: str = ""
    containers: dict[str, Container] = field(default_factory=dict)


@dataclass(slots=True)
class Cluster:
    """A cluster."""

    type: str
    uuid: str
    name: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)


@dataclass(slots=True)
class Infrastructure:
    """Everything."""

    clusters: dict[str, Cluster] = field(default_factory=dict)
    oldest: float | None = None
    """When the oldest sample was taken: seconds since 1970."""

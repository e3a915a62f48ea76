"""Which node a series tells of.

A cluster and a node need a name each; a label that is missing or empty is equal to no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from costwire_aggregator.icos.names import told_apart
from costwire_aggregator.samples import Labels

_CLUSTER_LABELS = ("cluster", "k8s_cluster_name", "k8s_cluster_uid", "icos_agent_id")
"""A cluster's name is the first of them; the agent is that of hosts without a cluster."""
_NAME_LABELS = ("node", "k8s_node_name", "nodename", "icos_host_name")
"""A node's name is the first of them."""
_ID_LABEL = "icos_host_id"
_HOST_LABELS = (_ID_LABEL, *_NAME_LABELS, "instance")
"""What a node is found by, the surest first; `instance` is what node-exporter's series share."""

_HostKey = tuple[str, str]
"""A cluster's name, and what a node of it is known as."""
_Container = tuple[str, str, str]
"""Namespace, pod and name."""


@dataclass(slots=True)
class Host:
    """A node in the making; None is what no series told."""

    cluster: str
    name: str
    architecture: str = ""
    capacity: int | None = None
    """MilliCPU."""
    allocatable: int | None = None
    """MilliCPU."""
    requests: dict[_Container, int] = field(default_factory=dict)
    """MilliCPU."""
    memory: int | None = None
    """Bytes, as the node itself tells."""
    memory_capacity: int | None = None
    """Bytes, as Kubernetes tells."""
    free_memory: int | None = None
    """Bytes."""


class Hosts:
    """The nodes that are known by now."""

    def __init__(self) -> None:
        self._hosts: dict[_HostKey, Host] = {}
        self._known_as: dict[_HostKey, set[_HostKey]] = defaultdict(set)

    def add(self, cluster: str, labels: Labels) -> bool:
        """Take in the node that labels tell of; False where they name none.

        Its id makes it one, or else its name; of several names the last of the alphabet holds.
        """
        name = _first(labels, _NAME_LABELS) or labels.get(_ID_LABEL, "")
        if not name:
            return False
        key = cluster, labels.get(_ID_LABEL) or name
        host = self._hosts.setdefault(key, Host(cluster, name))
        host.name = max(host.name, name)
        host.architecture = max(host.architecture, labels.get("machine", ""))
        for label in _HOST_LABELS:
            if text := labels.get(label):
                self._known_as[cluster, text].add(key)
        return True

    def told_by(self, cluster: str, labels: Labels) -> Host | None:
        """The node that tells of itself; None where that is no node that is known, or several."""
        for label in _HOST_LABELS:
            text = labels.get(label)
            if text and (cluster, text) in self._known_as:
                return self._known(cluster, text)
        return None

    def named(self, cluster: str, name: str) -> Host | None:
        """The node that Kubernetes calls so; None as above."""
        return self._known(cluster, name) if (cluster, name) in self._known_as else None

    def named_or_new(self, cluster: str, name: str) -> Host | None:
        """The same, made where it is not known; None for several, and for no name."""
        if (cluster, name) not in self._known_as:
            self.add(cluster, {"node": name})
        return self.named(cluster, name)

    def by_id(self) -> Iterator[tuple[str, Host]]:
        """Each node with its name; those of a cluster that share one have what tells them apart."""
        clusters: dict[str, dict[str, Host]] = defaultdict(dict)
        for (cluster, known_as), host in self._hosts.items():
            clusters[cluster][known_as] = host
        for hosts in clusters.values():
            yield from told_apart(hosts, _name, str).items()

    def _known(self, cluster: str, text: str) -> Host | None:
        keys = self._known_as[cluster, text]
        return self._hosts[next(iter(keys))] if len(keys) == 1 else None


def cluster_of(labels: Labels) -> str:
    """The name of the cluster that labels tell of; empty for none."""
    return _first(labels, _CLUSTER_LABELS)


def _first(labels: Labels, names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _name(host: Host) -> str:
    return host.name

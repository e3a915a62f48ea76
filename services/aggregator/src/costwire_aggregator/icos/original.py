"""What the original's document has otherwise: `ICOS_COMPAT=strict`.

Each method is one difference, or the part of one that reads a label or a value. Where the
original's answer changes from one request to the next, what has the least id holds here; where it
breaks off, `Fold` goes on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from costwire_aggregator.icos.agents import NUVLA, Agents
from costwire_aggregator.icos.families import (
    ADDRESSES,
    AGENTS,
    CONTAINER_CPU,
    DEVICES,
    FREE_MEMORY,
    INTERFACES,
    INTERFACES_UP,
    NODES,
    PODS,
    SPEEDS,
)
from costwire_aggregator.icos.fold import Fold
from costwire_aggregator.icos.model import Cluster, Node, Pod
from costwire_aggregator.icos.places import OWN_CLUSTER, ClusterKey, NodeKey, Places, PodKey
from costwire_aggregator.icos.values import Value, Values
from costwire_aggregator.samples import Labels, Sample

_KNOW_NUVLA = {NODES, FREE_MEMORY, DEVICES, PODS, CONTAINER_CPU}
"""The families in which a series of a Nuvla host finds the host's cluster."""
_NETWORK = {INTERFACES, INTERFACES_UP, ADDRESSES, SPEEDS}
_TAKE_OWN_CLUSTER = {DEVICES, CONTAINER_CPU}
_DIGITS, _HEX_DIGITS = r"\d(_?\d)*", r"[\da-fA-F](_?[\da-fA-F])*"
_GO_NUMBER = re.compile(
    rf"[+-]?({_DIGITS}\.?({_DIGITS})?|\.{_DIGITS})([eE][+-]?{_DIGITS})?", re.ASCII
)
_GO_HEXADECIMAL = re.compile(
    rf"[+-]?0[xX](_?{_HEX_DIGITS}\.?({_HEX_DIGITS})?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}", re.ASCII
)
_DEVICE_STATES = {-1: "detached", 0: "busy", 1: "available"}
_Thing = TypeVar("_Thing", Cluster, Node)


class OriginalValues(Values):
    """The last value holds; what has no room is the least number that has."""

    def whole(self, sample: Sample, family: str, bits: int) -> int | None:
        return _cast(sample.value, bits)

    def coordinate(self, labels: Labels, name: str) -> float | None:
        text = labels.get(name, "")
        if _GO_HEXADECIMAL.fullmatch(text):
            with suppress(OverflowError):
                return float.fromhex(text.replace("_", ""))
        return super().coordinate(labels, name) if _GO_NUMBER.fullmatch(text) else None

    def one(self, old: Value | None, new: Value | None) -> Value | None:
        return new

    def one_text(self, old: str, new: str) -> str:
        return new

    def one_state(self, old: str, new: str) -> str:
        return new

    def merged(self, series: list[Labels]) -> Labels:
        return series[-1]

    def interface_state(self, sample: Sample) -> str:
        return "up" if _cast(sample.value, 64) == 1 else "down"

    def device_state(self, sample: Sample) -> str:
        # An int8 is cut from an int32.
        cut = (_cast(sample.value, 32) + 128) % 256 - 128
        return _DEVICE_STATES.get(cut, "unknown")

    def is_preferred(self, address: tuple[str, str], to: tuple[str, str]) -> bool:
        return True


class OriginalPlaces(Places):
    """Labels that are missing are equal; a cluster is known by its id alone, a pod by its name."""

    def _registry(self) -> Agents:
        return Agents(self.series(AGENTS), as_original=True)

    def cluster_key(self, labels: Labels, family: str) -> ClusterKey | None:
        host, uid = labels.get("icos_host_name", ""), labels.get("k8s_cluster_uid", "")
        agent = self.agents.nuvla(host) if family in _KNOW_NUVLA else None
        if agent is not None:
            return "", agent.name
        if family == NODES and not self.agents.is_ocm(uid):
            return None
        if family in _NETWORK and not uid and host.startswith(NUVLA):
            return "", NUVLA
        return "", uid

    def is_own(self, labels: Labels, family: str) -> bool:
        if family == NODES:
            return super().is_own(labels, family)
        own = self.cluster_key(labels, family) == ("", OWN_CLUSTER)
        return own and family not in _TAKE_OWN_CLUSTER

    def named(self, labels: Labels, label: str, family: str) -> str | None:
        return labels.get(label, "")

    def node_key(self, labels: Labels, cluster: ClusterKey) -> NodeKey | None:
        return "", labels.get("icos_host_id", "")

    def node(self, labels: Labels, family: str) -> Node | None:
        cluster = self.cluster_key(labels, family)
        if cluster is None or cluster not in self.clusters:
            return None
        return self.nodes[cluster].get(("", labels.get("icos_host_id", "")))

    def node_of_name(self, cluster: ClusterKey, name: str) -> Node | None:
        return None

    def joined(self, family: str, samples: Iterable[Sample]) -> Iterator[tuple[Node, Sample]]:
        hosts = {_agent_and_host(node.labels): node for node in self.series(NODES)}
        found = []
        for sample in samples:
            host = hosts.get(_agent_and_host(sample.labels))
            if host is not None:
                labels = {**sample.labels, "icos_host_id": host.labels.get("icos_host_id", "")}
                found.append(Sample(labels, sample.value * host.value))
        return self.told(family, self.node, found)

    def checked(self, family: str) -> Iterator[tuple[Node, Sample]]:
        hosts = self._hosts_by_address()
        for sample in self.series(family):
            names = sample.labels.get("agent_hostname", ""), sample.labels.get("agent_ip", "")
            yield from ((node, sample) for _, node in hosts.get(names, ()))

    def pod_key(self, labels: Labels, cluster: ClusterKey) -> PodKey | None:
        return labels.get("pod", ""), "", ""

    def pod(self, labels: Labels, family: str) -> Pod | None:
        cluster = self.cluster_key(labels, family)
        if cluster is None or cluster not in self.clusters:
            return None
        name = labels.get("k8s_pod_name" if family == CONTAINER_CPU else "pod", "")
        return self.pods[cluster].get((name, "", ""))


class OriginalFold(Fold):
    """The document as the original makes it, faults included."""

    _places_of = OriginalPlaces
    _values_of = OriginalValues

    def _new_cluster(self, labels: Labels, key: ClusterKey) -> Cluster:
        return Cluster(self._places.kind(labels), key[1])

    def _named(self) -> dict[str, Cluster]:
        names, places = self._cluster_names(), self._places
        clusters = {key: cluster for (_, key), cluster in places.clusters.items()}
        for key, cluster in clusters.items():
            nodes = {node.uuid: node for node in places.nodes["", key].values()}
            cluster.nodes = _renamed(nodes, lambda _, node: node.name)
            if cluster.type == NUVLA:
                cluster.nodes = self._by_agents(cluster.nodes)
            cluster.pods = {pod: found for (pod, _, _), found in places.pods["", key].items()}
            if names.get(key, key) != key:
                cluster.name = names[key]
        return _renamed(clusters, lambda key, _: names.get(key, key))

    def _by_agents(self, nodes: dict[str, Node]) -> dict[str, Node]:
        """By the ids of their agents; one whose name is that id is lost."""
        ids = {}
        for name, node in nodes.items():
            agent = self._places.agents.of_host(name) if node.type == NUVLA else None
            ids[name] = agent.id if agent is not None else ""
        kept = {name: node for name, node in nodes.items() if not name or ids[name] != name}
        return _renamed(kept, lambda name, _: ids[name] or name)


def _renamed(things: dict[str, _Thing], name: Callable[[str, _Thing], str]) -> dict[str, _Thing]:
    """By other keys; what gets another one hides what keeps its own, of others the least key."""
    named = {key: name(key, thing) for key, thing in things.items()}
    order = sorted(things, reverse=True)
    return {named[key]: things[key] for key in sorted(order, key=lambda key: named[key] != key)}


def _agent_and_host(labels: Labels) -> tuple[str, str]:
    return labels.get("icos_agent_id", ""), labels.get("icos_host_name", "")


def _cast(value: float, bits: int) -> int:
    """Go's conversion, on amd64: what has no room is the least number that has."""
    most = 1 << bits - 1
    if math.isfinite(value) and -most <= (whole := int(value)) < most:
        return whole
    return -most

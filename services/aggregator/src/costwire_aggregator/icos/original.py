"""What the original's document has otherwise: `ICOS_COMPAT=strict`.

Each method is one difference, or the part of one that reads a label or a value. Where the
original's answer changes from one request to the next, what has the least id holds here; where it
breaks off, `Fold` goes on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import attrgetter
from typing import TypeVar

from costwire_aggregator.icos.agents import AGENTS, NUVLA, Agents
from costwire_aggregator.icos.fold import (
    ADDRESSES,
    CONTAINER_CPU,
    DEVICES,
    FREE_MEMORY,
    INTERFACES,
    INTERFACES_UP,
    NODES,
    OWN_CLUSTER,
    PODS,
    SPEEDS,
    ClusterKey,
    Fold,
    agent_and_host,
)
from costwire_aggregator.icos.model import Cluster, Node
from costwire_aggregator.samples import Labels, Sample

_KNOW_NUVLA = {NODES, FREE_MEMORY, DEVICES, PODS, CONTAINER_CPU}
"""The families in which a series of a Nuvla host finds the host's cluster."""
_NETWORK = {INTERFACES, INTERFACES_UP, ADDRESSES, SPEEDS}
_TAKE_OWN_CLUSTER = {DEVICES, CONTAINER_CPU}
_DIGITS, _HEX_DIGITS = r"\d(_?\d)*", r"_?[\da-fA-F](_?[\da-fA-F])*"
_GO_NUMBER = re.compile(
    rf"[+-]?({_DIGITS}\.?({_DIGITS})?|\.{_DIGITS})([eE][+-]?{_DIGITS})?", re.ASCII
)
_GO_HEXADECIMAL = re.compile(
    rf"[+-]?0[xX]({_HEX_DIGITS}\.?({_HEX_DIGITS})?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}", re.ASCII
)
_DEVICE_STATES = {-1: "detached", 0: "busy", 1: "available"}
_Value = TypeVar("_Value", int, float, str)


class OriginalFold(Fold):
    """The document as the original makes it, faults included."""

    def _registry(self) -> Agents:
        return Agents(self._of(AGENTS), empty_matches=True)

    def _cluster_key(self, labels: Labels, family: str) -> ClusterKey | None:
        host, uid = labels.get("icos_host_name", ""), labels.get("k8s_cluster_uid", "")
        agent = self._agents.nuvla(host) if family in _KNOW_NUVLA else None
        if agent is not None:
            return "", agent.name
        if family == NODES and not self._agents.is_ocm(uid):
            return None
        if family in _NETWORK and not uid and host.startswith(NUVLA):
            return "", NUVLA
        return "", uid

    def _is_own(self, labels: Labels, family: str) -> bool:
        if family == NODES:
            return super()._is_own(labels, family)
        own = self._cluster_key(labels, family) == ("", OWN_CLUSTER)
        return own and family not in _TAKE_OWN_CLUSTER

    def _node_id(self, labels: Labels) -> str:
        return labels.get("icos_host_id", "")

    def _namespace(self, labels: Labels) -> str:
        return ""

    def _hosts_by_name(self) -> dict[tuple[ClusterKey, str], str]:
        return {}

    def _pod_name(self, labels: Labels, family: str) -> str:
        return labels.get("k8s_pod_name" if family == CONTAINER_CPU else "pod", "")

    def _whole(self, sample: Sample, family: str, bits: int) -> int | None:
        return _cast(sample.value, bits)

    def _one(self, old: _Value | None, new: _Value | None) -> _Value | None:
        return new

    def _one_sample(self, old: Sample, new: Sample) -> Sample:
        return new

    def _new_cluster(self, kind: str, key: str) -> Cluster:
        return Cluster(kind, key)

    def _coordinate(self, labels: Labels, name: str) -> float | None:
        text = labels.get(name, "")
        if _GO_HEXADECIMAL.fullmatch(text):
            with suppress(OverflowError):
                return float.fromhex(text.replace("_", ""))
        return super()._coordinate(labels, name) if _GO_NUMBER.fullmatch(text) else None

    def _is_a_host(self, names: tuple[str, str]) -> bool:
        return True

    def _with_hosts(self, family: str, samples: Iterable[Sample]) -> Iterator[Sample]:
        nodes = {agent_and_host(node.labels): node for node in self._of(NODES)}
        for sample in samples:
            node = nodes.get(agent_and_host(sample.labels))
            if node is not None:
                host = {"icos_host_id": node.labels.get("icos_host_id", "")}
                yield Sample({**sample.labels, **host}, sample.value * node.value)

    def _interface_state(self, value: float) -> str:
        return "up" if _cast(value, 64) == 1 else "down"

    def _is_preferred(self, address: tuple[str, str], to: tuple[str, str]) -> bool:
        return True

    def _device_state(self, value: float) -> str:
        # An int8 is cut from an int32.
        cut = (_cast(value, 32) + 128) % 256 - 128
        return _DEVICE_STATES.get(cut, "unknown")

    def _named(self) -> dict[str, Cluster]:
        names, named = self._cluster_names(), {}
        for (_, key), cluster in sorted(self._clusters.items(), reverse=True):
            nodes = sorted(self._nodes["", key].values(), key=attrgetter("uuid"), reverse=True)
            cluster.nodes = {node.name: node for node in nodes}
            if cluster.type == NUVLA:
                cluster.nodes = self._by_agents(cluster.nodes)
            cluster.pods = {name: pod for (_, name), pod in self._pods["", key].items()}
            if names.get(key, key) != key:
                cluster.name = names[key]
            named[names.get(key, key)] = cluster
        return named

    def _by_agents(self, nodes: dict[str, Node]) -> dict[str, Node]:
        """By the ids of their agents; one whose name is that id is lost."""
        by_agents = {}
        for name, node in nodes.items():
            agent = self._agents.of_host(name) if node.type == NUVLA else None
            if agent is None or not agent.id:
                by_agents[name] = node
            elif agent.id != name:
                by_agents[agent.id] = node
        return by_agents


def _cast(value: float, bits: int) -> int:
    """Go's conversion, on amd64: what has no room is the least number that has."""
    most = 1 << bits - 1
    if math.isfinite(value) and -most <= (whole := int(value)) < most:
        return whole
    return -most

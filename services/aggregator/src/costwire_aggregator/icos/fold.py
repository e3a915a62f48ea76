"""Series of ICOS agents in, the infrastructure they tell of out.

The order of the series changes nothing: where several tell of one thing, the largest value holds,
the last text of the alphabet, unless another rule is told. What is left out is counted, with the
reason. `original.py` has what differs where the original's document is wanted.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain
from operator import attrgetter, itemgetter
from typing import TypeVar

from costwire_aggregator.icos.agents import AGENTS, NUVLA, OCM, Agents
from costwire_aggregator.icos.model import (
    Cluster,
    Container,
    Device,
    Infrastructure,
    Interface,
    Node,
    Pod,
)
from costwire_aggregator.icos.names import told_apart
from costwire_aggregator.samples import Families, Labels, Sample

UP = "up"
"""Its values are the times of the samples."""
NODES = "node_uname_info"
SCORES, VULNERABILITIES = "SCA_score", "vulnerabilities"
CAPACITY = "kube_node_status_capacity"
FREQUENCY = "node_cpu_frequency_max_hertz"
TEMPERATURE = "node_thermal_zone_temp"
ENERGY = "scaph_host_energy_microjoules_total"
FREE_MEMORY = "node_memory_MemFree_bytes"
INTERFACES = "node_network_info"
INTERFACES_UP = "node_network_up"
ADDRESSES = "node_network_address_info"
SPEEDS = "node_network_speed_bytes"
DEVICES = "node_mounted"
PODS, PHASES = "kube_pod_info", "kube_pod_status_phase"
CONTAINERS = "kube_pod_container_info"
CONTAINER_CPU = "container_cpu_utilization_ratio"
CLUSTER_NAMES = "tlum_ocm_agent_info"

OWN_CLUSTER = "self"
"""The cluster of the controller that gathers all metrics."""
_MICRO = 1e6
_DEVICE_STATES = {-1.0: "detached", 0.0: "busy", 1.0: "available"}
_INTERFACE_STATES = {0.0: "down", 1.0: "up"}

ClusterKey = tuple[str, str]
PodKey = tuple[str, str]
"""Namespace and name."""
_Value = TypeVar("_Value", int, float, str)
_Target = TypeVar("_Target", Node, Pod)


class Fold:
    """One document in the making."""

    def __init__(self, families: Families) -> None:
        """`families`: of `UP` the times, of `PHASES` those phases alone that hold."""
        self.left_out: Counter[tuple[str, str]] = Counter()
        """How many series of a family were not used, by the reason."""
        self._families = families
        self._agents = self._registry()
        self._clusters: dict[ClusterKey, Cluster] = {}
        self._nodes: dict[ClusterKey, dict[str, Node]] = defaultdict(dict)
        self._pods: dict[ClusterKey, dict[PodKey, Pod]] = defaultdict(dict)

    def infrastructure(self) -> Infrastructure:
        """Fold everything; once."""
        self._add_nodes()
        self._add_checks()
        self._add_capacity("cpu", "cores", 32)
        self._add_capacity("memory", "memory", 64)
        self._add_measures()
        self._add_interfaces()
        self._add_devices()
        self._add_pods()
        self._add_containers()
        return Infrastructure(self._named(), self._oldest())

    # What a series belongs to.

    def _registry(self) -> Agents:
        return Agents(self._of(AGENTS))

    def _of(self, family: str) -> Iterable[Sample]:
        return self._families.get(family, ())

    def _cluster_key(self, labels: Labels, family: str) -> ClusterKey | None:
        agent = self._agents.nuvla(labels.get("icos_host_name", ""))
        if agent is not None:
            return NUVLA, agent.name
        uid = labels.get("k8s_cluster_uid", "")
        return (OCM, uid) if self._agents.is_ocm(uid) else None

    def _is_own(self, labels: Labels, family: str) -> bool:
        return labels.get("k8s_cluster_uid") == OWN_CLUSTER

    def _node_id(self, labels: Labels) -> str:
        host = labels.get("icos_host_id") or labels.get("icos_host_name")
        return host or labels.get("nodename", "")

    def _namespace(self, labels: Labels) -> str:
        return labels.get("namespace") or labels.get("k8s_namespace_name", "")

    def _told(
        self,
        family: str,
        found: Callable[[Labels, str], _Target | None],
        samples: Iterable[Sample] | None = None,
    ) -> Iterator[tuple[_Target, Sample]]:
        """Each series with what it tells of; what tells of nothing known is left out."""
        for sample in self._of(family) if samples is None else samples:
            if self._is_own(sample.labels, family):
                continue
            target = found(sample.labels, family)
            if target is None:
                self.left_out[family, "it tells of nothing known"] += 1
            else:
                yield target, sample

    def _node(self, labels: Labels, family: str) -> Node | None:
        cluster = self._cluster_key(labels, family)
        return (
            self._nodes[cluster].get(self._node_id(labels)) if cluster in self._clusters else None
        )

    def _whole(self, sample: Sample, family: str, bits: int) -> int | None:
        """The value without its fraction; None where it has no room, or is no number."""
        most = 1 << bits - 1
        if math.isfinite(sample.value) and -most <= (whole := int(sample.value)) < most:
            return whole
        self.left_out[family, f"its value is no whole number of {bits} bits"] += 1
        return None

    def _real(self, sample: Sample, family: str) -> float | None:
        if math.isfinite(sample.value):
            return sample.value
        self.left_out[family, "its value is no number"] += 1
        return None

    def _one(self, old: _Value | None, new: _Value | None) -> _Value | None:
        """What holds of two values for one thing."""
        return _larger(old, new)

    def _one_text(self, old: str, new: str) -> str:
        return self._one(old, new) or ""

    def _one_sample(self, old: Sample, new: Sample) -> Sample:
        return max(old, new, key=lambda sample: sorted(sample.labels.items()))

    # Nodes.

    def _add_nodes(self) -> None:
        told: dict[tuple[ClusterKey, str], Sample] = {}
        for sample in self._of(NODES):
            labels = sample.labels
            if self._is_own(labels, NODES):
                continue
            cluster = self._cluster_key(labels, NODES)
            if cluster is None:
                self.left_out[NODES, "no agent tells of its cluster"] += 1
                continue
            if cluster not in self._clusters:
                self._clusters[cluster] = self._new_cluster(self._kind(labels), cluster[1])
            key = cluster, self._node_id(labels)
            told[key] = self._one_sample(told[key], sample) if key in told else sample
        for (cluster, name), sample in told.items():
            self._nodes[cluster][name] = self._new_node(sample.labels)

    def _new_node(self, labels: Labels) -> Node:
        return Node(
            type=self._kind(labels),
            uuid=labels.get("icos_host_id", ""),
            name=labels.get("nodename", ""),
            host=labels.get("icos_host_name", ""),
            address=labels.get("net_host_name", ""),
            architecture=labels.get("machine", ""),
            latitude=self._coordinate(labels, "icos_alpha_latitude"),
            longitude=self._coordinate(labels, "icos_alpha_longitude"),
        )

    def _kind(self, labels: Labels) -> str:
        is_nuvla = self._agents.nuvla(labels.get("icos_host_name", "")) is not None
        return NUVLA if is_nuvla else OCM

    def _new_cluster(self, kind: str, key: str) -> Cluster:
        return Cluster(kind, key, name=key if kind == NUVLA else "")

    def _coordinate(self, labels: Labels, name: str) -> float | None:
        text = labels.get(name, "")
        try:
            degrees = float(text) if text else None
        except ValueError:
            degrees = math.nan
        if degrees is None or math.isfinite(degrees):
            return degrees
        self.left_out[NODES, f"{name} is no number"] += 1
        return None

    def _add_checks(self) -> None:
        checked: dict[tuple[str, str], list[Node]] = defaultdict(list)
        for node in chain.from_iterable(nodes.values() for nodes in self._nodes.values()):
            checked[node.name, node.address].append(node)
        for nodes, sample in self._checks(SCORES, checked):
            if (score := self._whole(sample, SCORES, 32)) is not None:
                for node in nodes:
                    node.sca_score = self._one(node.sca_score, score)
        for nodes, sample in self._checks(VULNERABILITIES, checked):
            if (count := self._whole(sample, VULNERABILITIES, 32)) is not None:
                severity = sample.labels.get("severity", "")
                for node in nodes:
                    known = self._one(node.vulnerabilities.get(severity), count)
                    node.vulnerabilities[severity] = known or 0

    def _checks(
        self, family: str, nodes: Mapping[tuple[str, str], Sequence[Node]]
    ) -> Iterator[tuple[Sequence[Node], Sample]]:
        """Each series with the nodes that have its host's name and address."""
        for sample in self._of(family):
            names = sample.labels.get("agent_hostname", ""), sample.labels.get("agent_ip", "")
            if names in nodes and self._is_a_host(names):
                yield nodes[names], sample
            else:
                self.left_out[family, "it tells of nothing known"] += 1

    def _is_a_host(self, names: tuple[str, str]) -> bool:
        return all(names)

    def _add_capacity(self, resource: str, field: str, bits: int) -> None:
        capacity = (
            sample for sample in self._of(CAPACITY) if sample.labels.get("resource") == resource
        )
        for node, sample in self._told(CAPACITY, self._node, self._with_hosts(CAPACITY, capacity)):
            value = self._whole(sample, CAPACITY, bits)
            setattr(node, field, self._one(getattr(node, field), value))

    def _with_hosts(self, family: str, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The same with the id of the host that their agent and their host's name tell of."""
        hosts: dict[tuple[str, str], set[str]] = defaultdict(set)
        for node in self._of(NODES):
            hosts[agent_and_host(node.labels)].add(node.labels.get("icos_host_id", ""))
        hosts = {told: ids for told, ids in hosts.items() if all(told)}
        for sample in samples:
            told = hosts.get(agent_and_host(sample.labels), set())
            if len(told) > 1:
                self.left_out[family, "several hosts have its agent and its host's name"] += 1
            elif told:
                (host,) = told
                yield Sample({**sample.labels, "icos_host_id": host}, sample.value)
            else:
                self.left_out[family, "it tells of nothing known"] += 1

    def _add_measures(self) -> None:
        for node, sample in self._told(FREQUENCY, self._node):
            value = self._whole(sample, FREQUENCY, 64)
            node.max_frequency = _larger(node.max_frequency, value)
        for node, sample in self._told(TEMPERATURE, self._node):
            node.temperature = self._one(node.temperature, self._real(sample, TEMPERATURE))
        energy = self._with_hosts(ENERGY, self._of(ENERGY))
        for node, sample in self._told(ENERGY, self._node, energy):
            joules = self._real(sample._replace(value=sample.value / _MICRO), ENERGY)
            node.energy = self._one(node.energy, joules)
        for node, sample in self._told(FREE_MEMORY, self._node):
            value = self._whole(sample, FREE_MEMORY, 64)
            node.free_memory = self._one(node.free_memory, value)

    # What is on a node.

    def _interfaces(self, family: str) -> Iterator[tuple[Interface, Sample]]:
        for node, sample in self._told(family, self._node):
            device = sample.labels.get("device", "")
            yield node.interfaces.setdefault(device, Interface()), sample

    def _add_interfaces(self) -> None:
        for interface, sample in self._interfaces(INTERFACES):
            interface.name = sample.labels.get("device", "")
            interface.type = self._one_text(interface.type, sample.labels.get("duplex", ""))
        for interface, sample in self._interfaces(INTERFACES_UP):
            state = self._interface_state(sample.value)
            interface.status = self._one_text(interface.status, state)
        for interface, sample in self._interfaces(ADDRESSES):
            told = sample.labels.get("address", ""), sample.labels.get("netmask", "")
            if self._is_preferred(told, (interface.ip, interface.subnet_mask)):
                interface.ip, interface.subnet_mask = told
        for interface, sample in self._interfaces(SPEEDS):
            interface.speed = self._one(interface.speed, self._whole(sample, SPEEDS, 64))

    def _interface_state(self, value: float) -> str:
        return _INTERFACE_STATES.get(value, "unknown")

    def _is_preferred(self, address: tuple[str, str], to: tuple[str, str]) -> bool:
        """Addresses of the network before those of the link, IPv4 before IPv6, then by text."""
        return not any(to) or _address_order(*address) < _address_order(*to)

    def _add_devices(self) -> None:
        for node, sample in self._told(DEVICES, self._node):
            name, path = sample.labels.get("device", ""), sample.labels.get("resource_path", "")
            device = node.devices.setdefault(name, Device(name, name.split("_", 1)[0]))
            device.status = self._one_text(device.status, self._device_state(sample.value))
            device.path = self._one_text(device.path, path)

    def _device_state(self, value: float) -> str:
        return _DEVICE_STATES.get(value, "unknown")

    # Pods.

    def _add_pods(self) -> None:
        told: dict[tuple[ClusterKey, PodKey], Sample] = {}
        for sample in self._of(PODS):
            labels = sample.labels
            if self._is_own(labels, PODS):
                continue
            cluster = self._cluster_key(labels, PODS)
            if cluster is None or cluster not in self._clusters:
                self.left_out[PODS, "it tells of nothing known"] += 1
                continue
            key = cluster, (self._namespace(labels), labels.get("pod", ""))
            told[key] = self._one_sample(told[key], sample) if key in told else sample
        hosts = self._hosts_by_name()
        for (cluster, pod), sample in told.items():
            node = hosts.get((cluster, sample.labels.get("node", "")), "")
            self._pods[cluster][pod] = Pod(*pod, node, sample.labels.get("pod_ip", ""))
        for found, sample in self._told(PHASES, self._pod):
            found.status = self._one_text(found.status, sample.labels.get("phase", ""))

    def _hosts_by_name(self) -> dict[tuple[ClusterKey, str], str]:
        """The ids of the nodes whose name no other node of their cluster has."""
        ids: dict[tuple[ClusterKey, str], list[str]] = defaultdict(list)
        for cluster, nodes in self._nodes.items():
            for node in nodes.values():
                ids[cluster, node.name].append(node.uuid)
        return {named: of[0] for named, of in ids.items() if len(of) == 1}

    def _pod(self, labels: Labels, family: str) -> Pod | None:
        cluster = self._cluster_key(labels, family)
        key = self._namespace(labels), self._pod_name(labels, family)
        return self._pods[cluster].get(key) if cluster in self._clusters else None

    def _pod_name(self, labels: Labels, family: str) -> str:
        return labels.get("pod") or labels.get("k8s_pod_name", "")

    def _add_containers(self) -> None:
        for pod, sample in self._told(CONTAINERS, self._pod):
            name = sample.labels.get("container", "")
            node = pod.node or sample.labels.get("icos_host_id", "")
            container = pod.containers.setdefault(name, Container(name))
            container.node = self._one_text(container.node, node)
        for pod, sample in self._told(CONTAINER_CPU, self._pod):
            name = sample.labels.get("k8s_container_name", "")
            if name in pod.containers:
                container = pod.containers[name]
                container.cpu = self._one(container.cpu, self._real(sample, CONTAINER_CPU))
            else:
                self.left_out[CONTAINER_CPU, "it tells of nothing known"] += 1

    # Names.

    def _named(self) -> dict[str, Cluster]:
        """All clusters by their names, with what is in them by its name.

        Of several with one name each has what tells it apart behind its name.
        """
        names = self._cluster_names()
        for key, cluster in self._clusters.items():
            cluster.nodes = told_apart(self._nodes[key], self._node_key, str)
            cluster.pods = told_apart(self._pods[key], attrgetter("name"), itemgetter(0), "/".join)
            cluster.name = names.get(cluster.uuid) or cluster.name
        return told_apart(self._clusters, _name_or_uid, itemgetter(1), " ".join)

    def _cluster_names(self) -> dict[str, str]:
        """By their uids."""
        names: dict[str, str] = {}
        for sample in self._of(CLUSTER_NAMES):
            uid, name = sample.labels.get("k8s_cluster_uid", ""), sample.labels.get("name", "")
            names[uid] = self._one_text(names.get(uid, ""), name)
        return names

    def _node_key(self, node: Node) -> str:
        agent = self._agents.of_host(node.host) if node.type == NUVLA else None
        return agent.id if agent is not None else node.name or node.uuid

    def _oldest(self) -> float | None:
        times = (self._real(sample, UP) for sample in self._of(UP))
        return min((time for time in times if time is not None), default=None)


def _larger(one: _Value | None, other: _Value | None) -> _Value | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def agent_and_host(labels: Labels) -> tuple[str, str]:
    return labels.get("icos_agent_id", ""), labels.get("icos_host_name", "")


def _name_or_uid(cluster: Cluster) -> str:
    return cluster.name or cluster.uuid


def _address_order(address: str, netmask: str) -> tuple[bool, int, str, str]:
    try:
        told = ip_address(address)
    except ValueError:
        return True, 9, address, netmask
    return told.is_link_local, told.version, address, netmask

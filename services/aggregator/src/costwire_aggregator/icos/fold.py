"""Series of ICOS agents in, the infrastructure they tell of out.

The order of the series changes nothing. What is left out is counted, with the reason.
`original.py` has what differs where the original's document is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, itemgetter

from costwire_aggregator.icos.agents import NUVLA, OCM
from costwire_aggregator.icos.families import (
    ADDRESSES,
    CAPACITY,
    CLUSTER_NAMES,
    CONTAINER_CPU,
    CONTAINERS,
    DEVICES,
    ENERGY,
    FREE_MEMORY,
    FREQUENCY,
    INTERFACES,
    INTERFACES_UP,
    NODES,
    PHASES,
    PODS,
    SCORES,
    SPEEDS,
    TEMPERATURE,
    UP,
    VULNERABILITIES,
)
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
from costwire_aggregator.icos.places import NOBODYS, ClusterKey, Places
from costwire_aggregator.icos.values import LeftOut, Values, larger
from costwire_aggregator.samples import Families, Labels, Sample

_MICRO = 1e6


class Fold:
    """One document in the making."""

    _places_of: type[Places] = Places
    _values_of: type[Values] = Values

    def __init__(self, families: Families) -> None:
        """`families`: of `UP` the times, of `PHASES` those phases alone that hold."""
        self.left_out: LeftOut = LeftOut()
        self._places = self._places_of(families, self.left_out)
        self._values = self._values_of(self.left_out)

    def infrastructure(self) -> Infrastructure:
        """Fold everything; once."""
        self._add_nodes()
        self._add_checks()
        self._add_capacity()
        self._add_measures()
        self._add_interfaces()
        self._add_devices()
        self._add_pods()
        self._add_containers()
        return Infrastructure(self._named(), self._oldest())

    # Nodes.

    def _add_nodes(self) -> None:
        places = self._places
        for (cluster, key), series in places.things(NODES, places.node_key).items():
            labels = self._values.merged(series)
            if cluster not in places.clusters:
                places.clusters[cluster] = self._new_cluster(labels, cluster)
            places.add_node(cluster, key, self._new_node(labels))

    def _new_cluster(self, labels: Labels, key: ClusterKey) -> Cluster:
        kind = self._places.kind(labels)
        return Cluster(kind, key[1], name=key[1] if kind == NUVLA else "")

    def _new_node(self, labels: Labels) -> Node:
        return Node(
            type=self._places.kind(labels),
            uuid=labels.get("icos_host_id", ""),
            name=labels.get("nodename", ""),
            host=labels.get("icos_host_name", ""),
            agent=labels.get("icos_agent_id", ""),
            address=labels.get("net_host_name", ""),
            architecture=labels.get("machine", ""),
            latitude=self._values.coordinate(labels, "icos_alpha_latitude"),
            longitude=self._values.coordinate(labels, "icos_alpha_longitude"),
        )

    def _add_checks(self) -> None:
        one, whole = self._values.one, self._values.whole
        for node, sample in self._places.checked(SCORES):
            node.sca_score = one(node.sca_score, whole(sample, SCORES, 32))
        for node, sample in self._places.checked(VULNERABILITIES):
            severity = sample.labels.get("severity", "")
            known = node.vulnerabilities.get(severity)
            if (count := one(known, whole(sample, VULNERABILITIES, 32))) is not None:
                node.vulnerabilities[severity] = count

    def _add_capacity(self) -> None:
        one, whole = self._values.one, self._values.whole
        for node, sample in self._places.joined(CAPACITY, self._capacity("cpu")):
            node.cores = one(node.cores, whole(sample, CAPACITY, 32))
        for node, sample in self._places.joined(CAPACITY, self._capacity("memory")):
            node.memory = one(node.memory, whole(sample, CAPACITY, 64))

    def _capacity(self, resource: str) -> Iterator[Sample]:
        series = self._places.series(CAPACITY)
        return (sample for sample in series if sample.labels.get("resource") == resource)

    def _add_measures(self) -> None:
        one, places, values = self._values.one, self._places, self._values
        for node, sample in places.told(FREQUENCY, places.node):
            hertz = values.whole(sample, FREQUENCY, 64)
            node.max_frequency = larger(node.max_frequency, hertz)
        for node, sample in places.told(TEMPERATURE, places.node):
            node.temperature = one(node.temperature, values.real(sample, TEMPERATURE))
        for node, sample in places.joined(ENERGY, places.series(ENERGY)):
            joules = values.real(sample._replace(value=sample.value / _MICRO), ENERGY)
            node.energy = one(node.energy, joules)
        for node, sample in places.told(FREE_MEMORY, places.node):
            free = values.whole(sample, FREE_MEMORY, 64)
            node.free_memory = one(node.free_memory, free)

    # What is on a node.

    def _interfaces(self, family: str) -> Iterator[tuple[Interface, Sample]]:
        for node, sample in self._places.told(family, self._places.node):
            name = self._places.named(sample.labels, "device", family)
            if name is not None:
                yield node.interfaces.setdefault(name, Interface()), sample

    def _add_interfaces(self) -> None:
        values = self._values
        for interface, sample in self._interfaces(INTERFACES):
            interface.name = sample.labels.get("device", "")
            interface.type = values.one_text(interface.type, sample.labels.get("duplex", ""))
        for interface, sample in self._interfaces(INTERFACES_UP):
            state = values.interface_state(sample)
            interface.status = values.one_state(interface.status, state)
        for interface, sample in self._interfaces(ADDRESSES):
            address = sample.labels.get("address", ""), sample.labels.get("netmask", "")
            if values.is_preferred(address, (interface.ip, interface.subnet_mask)):
                interface.ip, interface.subnet_mask = address
        for interface, sample in self._interfaces(SPEEDS):
            interface.speed = values.one(interface.speed, values.whole(sample, SPEEDS, 64))

    def _add_devices(self) -> None:
        values = self._values
        for node, sample in self._places.told(DEVICES, self._places.node):
            name = self._places.named(sample.labels, "device", DEVICES)
            if name is not None:
                device = node.devices.setdefault(name, Device(name, name.split("_", 1)[0]))
                device.status = values.one_state(device.status, values.device_state(sample))
                path = sample.labels.get("resource_path", "")
                device.path = values.one_text(device.path, path)

    # Pods.

    def _add_pods(self) -> None:
        places = self._places
        for (cluster, key), series in places.things(PODS, places.pod_key).items():
            labels = self._values.merged(series)
            places.add_pod(cluster, key, self._new_pod(labels, cluster, *key))
        for pod, sample in places.told(PHASES, places.pod):
            pod.status = self._values.one_text(pod.status, sample.labels.get("phase", ""))

    def _new_pod(
        self, labels: Labels, cluster: ClusterKey, name: str, namespace: str, host: str
    ) -> Pod:
        node = self._places.node_of_name(cluster, labels.get("node", ""))
        return Pod(
            namespace=namespace,
            host=host,
            name=name,
            node=node.uuid if node is not None else "",
            ip=labels.get("pod_ip", ""),
        )

    def _add_containers(self) -> None:
        places, values = self._places, self._values
        for pod, sample in places.told(CONTAINERS, places.pod):
            name = places.named(sample.labels, "container", CONTAINERS)
            if name is not None:
                container = pod.containers.setdefault(name, Container(name))
                node = pod.node or sample.labels.get("icos_host_id", "")
                container.node = values.one_text(container.node, node)
        for pod, sample in places.told(CONTAINER_CPU, places.pod):
            used = pod.containers.get(sample.labels.get("k8s_container_name", ""))
            if used is not None:
                used.cpu = values.one(used.cpu, values.real(sample, CONTAINER_CPU))
            else:
                self.left_out[CONTAINER_CPU, NOBODYS] += 1

    # Names.

    def _named(self) -> dict[str, Cluster]:
        """All clusters by their names, with what is in them by its name.

        Of several with one name each has what tells it apart behind its name.
        """
        names, places = self._cluster_names(), self._places
        for key, cluster in places.clusters.items():
            cluster.nodes = told_apart(places.nodes[key], self._node_name, itemgetter(1), "=".join)
            cluster.pods = told_apart(
                places.pods[key], attrgetter("name"), itemgetter(1), itemgetter(2), "/".join
            )
            if cluster.type == OCM:
                cluster.name = names.get(cluster.uuid, "")
        return told_apart(places.clusters, _name_or_uid, itemgetter(1), " ".join)

    def _cluster_names(self) -> dict[str, str]:
        """By their uids."""
        names: dict[str, str] = {}
        for labels, _ in self._places.series(CLUSTER_NAMES):
            uid, name = labels.get("k8s_cluster_uid", ""), labels.get("name", "")
            names[uid] = self._values.one_text(names.get(uid, ""), name)
        return names

    def _node_name(self, node: Node) -> str:
        agent = self._places.agents.nuvla(node.host)
        return (agent.id if agent else "") or node.name or node.uuid or node.host

    def _oldest(self) -> float | None:
        times = (self._values.real(sample, UP) for sample in self._places.series(UP))
        return min((time for time in times if time is not None), default=None)


def _name_or_uid(cluster: Cluster) -> str:
    return cluster.name or cluster.uuid

"""Which cluster, node or pod a series tells of.

A label that is missing or empty is equal to no other: what has no name is nobody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import TypeVar

from costwire_aggregator.icos.agents import NUVLA, OCM, Agents
from costwire_aggregator.icos.families import AGENTS, CAPACITY, CONTAINER_CPU, NODES
from costwire_aggregator.icos.model import Cluster, Node, Pod
from costwire_aggregator.icos.values import LeftOut
from costwire_aggregator.samples import Families, Labels, Sample

OWN_CLUSTER = "self"
"""The cluster of the controller that gathers all metrics."""
NOBODYS = "it tells of nothing known, or of several things at once"
_NO_CLUSTER = "no agent tells of its cluster"
_NAMELESS = "it has no name"
_HOST_LABELS = ("icos_host_id", "icos_host_name", "nodename")
"""What a host is known by, the surest first."""

ClusterKey = tuple[str, str]
"""Kind and id."""
NodeKey = tuple[str, str]
"""The label that a host is known by, and its text."""
PodKey = tuple[str, str, str]
"""Name, namespace, and the host where each host is an orchestrator of its own."""
Key = TypeVar("Key", NodeKey, PodKey)
Target = TypeVar("Target", Node, Pod)


class Places:
    """The clusters, nodes and pods that are known by now."""

    def __init__(self, families: Families, left_out: LeftOut) -> None:
        self._families = families
        self._left_out = left_out
        self.agents = self._registry()
        self._cluster_of = cache(partial(_cluster_key, self.agents))
        self.clusters: dict[ClusterKey, Cluster] = {}
        self.nodes: dict[ClusterKey, dict[NodeKey, Node]] = defaultdict(dict)
        self.pods: dict[ClusterKey, dict[PodKey, Pod]] = defaultdict(dict)
        self._hosts: dict[tuple[ClusterKey, str, str], list[Node]] = defaultdict(list)
        self._pods_of_name: dict[tuple[ClusterKey, str, str], list[Pod]] = defaultdict(list)

    def series(self, family: str) -> Iterable[Sample]:
        """All of a family."""
        return self._families.get(family, ())

    def told(
        self,
        family: str,
        find: Callable[[Labels, str], Target | None],
        samples: Iterable[Sample] | None = None,
    ) -> Iterator[tuple[Target, Sample]]:
        """Each series with what it tells of; what tells of nothing known is left out."""
        for sample in self.series(family) if samples is None else samples:
            if self.is_own(sample.labels, family):
                continue
            target = find(sample.labels, family)
            if target is None:
                self._left_out[family, NOBODYS] += 1
            else:
                yield target, sample

    def things(
        self, family: str, key_of: Callable[[Labels, ClusterKey], Key | None]
    ) -> dict[tuple[ClusterKey, Key], list[Labels]]:
        """The labels of the series that tell of each thing."""
        things: dict[tuple[ClusterKey, Key], list[Labels]] = defaultdict(list)
        for labels, _ in self.series(family):
            if self.is_own(labels, family):
                continue
            cluster = self.cluster_key(labels, family)
            if cluster is None or (cluster not in self.clusters and family != NODES):
                self._left_out[family, _NO_CLUSTER] += 1
            elif (key := key_of(labels, cluster)) is None:
                self._left_out[family, _NAMELESS] += 1
            else:
                things[cluster, key].append(labels)
        return things

    def named(self, labels: Labels, label: str, family: str) -> str | None:
        """The name of what is on a node, or in a pod; None where it has none."""
        if name := labels.get(label):
            return name
        self._left_out[family, _NAMELESS] += 1
        return None

    # Clusters.

    def _registry(self) -> Agents:
        return Agents(self.series(AGENTS))

    def cluster_key(self, labels: Labels, family: str) -> ClusterKey | None:
        """Of the cluster that labels tell of, known or not."""
        return self._cluster_of(labels.get("icos_host_name", ""), labels.get("k8s_cluster_uid", ""))

    def kind(self, labels: Labels) -> str:
        """The type of a host's agent."""
        is_nuvla = self.agents.nuvla(labels.get("icos_host_name", "")) is not None
        return NUVLA if is_nuvla else OCM

    def is_own(self, labels: Labels, family: str) -> bool:
        """Whether it tells of the controller's own cluster, which is nobody's business."""
        return labels.get("k8s_cluster_uid") == OWN_CLUSTER

    # Nodes.

    def node_key(self, labels: Labels, cluster: ClusterKey) -> NodeKey | None:
        """What a host is known by."""
        return next(((name, labels[name]) for name in _HOST_LABELS if labels.get(name)), None)

    def add_node(self, cluster: ClusterKey, key: NodeKey, node: Node) -> None:
        """A node, to be found from now on."""
        self.nodes[cluster][key] = node
        for label, text in zip(_HOST_LABELS, (node.uuid, node.host, node.name), strict=True):
            if text:
                self._hosts[cluster, label, text].append(node)

    def node(self, labels: Labels, family: str) -> Node | None:
        """The node of a cluster that labels tell of."""
        cluster = self.cluster_key(labels, family)
        if cluster is None:
            return None
        if family == CAPACITY and (node := self.node_of_name(cluster, labels.get("node", ""))):
            return node
        for label in _HOST_LABELS:
            if (text := labels.get(label)) and (cluster, label, text) in self._hosts:
                nodes = [
                    node
                    for node in self._hosts[cluster, label, text]
                    if _agree(node.uuid, labels.get("icos_host_id", ""))
                ]
                agent = labels.get("icos_agent_id", "")
                of_agent = [node for node in nodes if _agree(node.agent, agent)]
                return _only(nodes if len(nodes) == 1 else of_agent)
        return None

    def node_of_name(self, cluster: ClusterKey, name: str) -> Node | None:
        """The node of a cluster with this name, where it has but one."""
        return _only(self._hosts.get((cluster, "nodename", name), []))

    def joined(self, family: str, samples: Iterable[Sample]) -> Iterator[tuple[Node, Sample]]:
        """Each series of what tells of a host by its agent and its name."""
        return self.told(family, self.node, samples)

    def checked(self, family: str) -> Iterator[tuple[Node, Sample]]:
        """Each series of a scan with the node that has its host's name and address."""
        hosts = self._hosts_by_address()
        for sample in self.series(family):
            labels = sample.labels
            names = labels.get("agent_hostname", ""), labels.get("agent_ip", "")
            uid, host = labels.get("k8s_cluster_uid", ""), labels.get("icos_host_id", "")
            node = _only(
                [
                    node
                    for cluster, node in hosts.get(names, ())
                    if _agree(uid, cluster[1]) and _agree(host, node.uuid)
                ]
            )
            if node is not None and all(names):
                yield node, sample
            else:
                self._left_out[family, NOBODYS] += 1

    def _hosts_by_address(self) -> dict[tuple[str, str], list[tuple[ClusterKey, Node]]]:
        hosts: dict[tuple[str, str], list[tuple[ClusterKey, Node]]] = defaultdict(list)
        for cluster, nodes in self.nodes.items():
            for node in nodes.values():
                hosts[node.name, node.address].append((cluster, node))
        return hosts

    # Pods.

    def pod_key(self, labels: Labels, cluster: ClusterKey) -> PodKey | None:
        """What a pod is known by."""
        name, namespace = labels.get("pod", ""), labels.get("namespace", "")
        return (name, namespace, _own_host(labels, cluster)) if name else None

    def add_pod(self, cluster: ClusterKey, key: PodKey, pod: Pod) -> None:
        """A pod, to be found from now on."""
        self.pods[cluster][key] = pod
        name, _, host = key
        self._pods_of_name[cluster, name, host].append(pod)

    def pod(self, labels: Labels, family: str) -> Pod | None:
        """The pod that labels tell of; where they tell no namespace, the only one of its name."""
        cluster = self.cluster_key(labels, family)
        if cluster is None:
            return None
        name, namespace = _pod_names(labels, family)
        host = _own_host(labels, cluster)
        if pod := self.pods[cluster].get((name, namespace, host)):
            return pod
        pod = _only(self._pods_of_name.get((cluster, name, host), []))
        return pod if pod is not None and _agree(pod.namespace, namespace) else None


def _cluster_key(agents: Agents, host: str, uid: str) -> ClusterKey | None:
    agent = agents.nuvla(host)
    if agent is not None:
        return NUVLA, agent.name or agent.id or agent.host
    return (OCM, uid) if agents.is_ocm(uid) else None


def _only(found: list[Target]) -> Target | None:
    return found[0] if len(found) == 1 else None


def _agree(one: str, other: str) -> bool:
    return not one or not other or one == other


def _own_host(labels: Labels, cluster: ClusterKey) -> str:
    return labels.get("icos_host_name", "") if cluster[0] == NUVLA else ""


def _pod_names(labels: Labels, family: str) -> tuple[str, str]:
    """Name and namespace; of a container's CPU `pod` may be what exports it."""
    if family == CONTAINER_CPU and (name := labels.get("k8s_pod_name")):
        return name, labels.get("k8s_namespace_name", "")
    return labels.get("pod", ""), labels.get("namespace", "")

"""Made-up estates of Kubernetes clusters, as the series of each flavour that tell of them.

The series are what upstreams answer to the flavour's questions: rates are rates already, and phases
are those that hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.sources import Reading
from tests.support.icos_estates import Series

GIB = 2**30
_ODD_VALUES = (math.nan, math.inf, -math.inf, 1e300, -1.0, 2.0**63, 0.5, 7.0)
_ODD_TEXTS = ("", "node-0", "10.0.0.1", "<none>", "naïve", '"quoted"', "a/b (c)", "shop")
_PHASES = ("Running", "Running", "Running", "Pending", "Succeeded", "Failed")
_PHASE_NUMBERS = {"Pending": 1, "Running": 2, "Succeeded": 3, "Failed": 4, "Unknown": 5}


@dataclass
class PlannedNode:
    name: str
    ip: str
    region: str
    cores: int
    memory: int
    ready: bool


@dataclass
class PlannedPod:
    namespace: str
    name: str
    node: PlannedNode
    ip: str
    owner: tuple[str, str]
    """Kind and name, of what is above it itself."""
    workload: tuple[str, str]
    """Kind and name, of what people know."""
    phase: str
    containers: dict[str, int]
    """The memory that each asks for, by name."""


@dataclass
class PlannedCluster:
    name: str
    uid: str
    nodes: list[PlannedNode] = field(default_factory=list)
    pods: list[PlannedPod] = field(default_factory=list)


class Estate:
    """One estate; `oddity` is the share of labels and values that are not what they should be."""

    def __init__(
        self,
        seed: int,
        *,
        oddity: float = 0.0,
        clusters: int = 3,
        nodes: int = 2,
        pods: int = 4,
        containers: int = 2,
    ) -> None:
        """`nodes` of each cluster, `pods` of each node, `containers` of each pod."""
        self._random = Random(seed)  # noqa: S311
        self._oddity = oddity
        self._shape = nodes, pods, containers
        self.clusters = [self._cluster(number) for number in range(clusters)]
        self._series: Series = {}

    def series(self, flavour: str) -> Series:
        """All clusters, as one upstream of a flavour tells them."""
        self._series = {}
        tell = {
            "icos": self._tell_icos,
            "kubernetes": self._tell_kubernetes,
            "opentelemetry": self._tell_opentelemetry,
        }[flavour]
        for cluster in self.clusters:
            tell(cluster)
        for samples in self._series.values():
            self._random.shuffle(samples)
        return self._series

    def reading(self, flavour: str, upstream: str = "all") -> Reading:
        """The same, as an upstream's answer."""
        return Reading(upstream, flavour, self.series(flavour))

    # What is there.

    def _cluster(self, number: int) -> PlannedCluster:
        nodes, pods, containers = self._shape
        cluster = PlannedCluster(f"cluster-{number}", f"uid-{number}")
        for index in range(nodes):
            cluster.nodes.append(self._node(number, index))
        for index in range(nodes * pods):
            cluster.pods.append(self._pod(cluster, index, containers))
        return cluster

    def _node(self, cluster: int, index: int) -> PlannedNode:
        """Clusters have nodes of the same names."""
        return PlannedNode(
            name=f"node-{index}",
            ip=f"10.{cluster}.{index // 250}.{index % 250 + 1}",
            region=f"region-{cluster}",
            cores=self._random.choice((2, 4, 8)),
            memory=self._random.choice((8, 16, 32)) * GIB,
            ready=self._random.random() < 0.9,
        )

    def _pod(self, cluster: PlannedCluster, index: int, containers: int) -> PlannedPod:
        """Pods of stateful sets have the same names in each namespace."""
        node = cluster.nodes[index % len(cluster.nodes)]
        namespace, turn = ("shop", "test")[index % 2], index // 2
        kind = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Node")[turn % 5]
        set_name = f"{kind.lower()}-{turn // 50}"
        owner, workload = (kind, set_name), (kind, set_name)
        if kind == "Deployment":
            owner = "ReplicaSet", f"{set_name}-5d9c7"
        if kind == "Node":
            owner = workload = "Node", node.name
        return PlannedPod(
            namespace=namespace,
            name=f"{owner[1]}-{turn}",
            node=node,
            ip=f"10.42.{index // 250}.{index % 250 + 1}",
            owner=owner,
            workload=workload,
            phase=self._random.choice(_PHASES),
            containers={f"c{n}": self._random.choice((1, 2)) * GIB for n in range(containers)},
        )

    # How it is told.

    def _add(self, family: str, labels: Mapping[str, str], value: float = 1) -> None:
        """A series; of an odd estate none, or several that contradict one another."""
        samples = self._series.setdefault(family, [])
        if not self._oddity:
            samples.append(Sample(dict(labels), float(value)))
            return
        for copy in range(self._random.choice((0, 2, 3)) if self._is_odd() else 1):
            told = {name: self._text(text) for name, text in labels.items() if not self._is_odd()}
            told |= {"copy": str(copy)} if copy else {}
            odd = self._random.choice((*_ODD_VALUES, value + 1)) if self._is_odd() else value
            if all(told != known.labels for known in samples):
                samples.append(Sample(told, float(odd)))

    def _is_odd(self) -> bool:
        return self._random.random() < self._oddity

    def _text(self, text: str) -> str:
        return self._random.choice(_ODD_TEXTS) if self._is_odd() else text

    def _amount(self, most: float) -> float:
        return self._random.random() * most

    # kube-state-metrics, node exporter, cAdvisor.

    def _tell_kubernetes(self, cluster: PlannedCluster) -> None:
        of_cluster = {"cluster": cluster.name, "prometheus": "monitoring/k8s"}
        state = of_cluster | {"job": "kube-state-metrics", "instance": "10.42.0.7:8080"}
        for node in cluster.nodes:
            self._tell_node(node, state, of_cluster)
        for namespace in sorted({pod.namespace for pod in cluster.pods}):
            at = state | {"namespace": namespace}
            self._add("kube_namespace_status_phase", at | {"phase": "Active"})
            self._add("kube_namespace_labels", at | {"label_team": namespace})
        for namespace, (kind, name) in sorted({(p.namespace, p.workload) for p in cluster.pods}):
            at = state | {"namespace": namespace}
            self._tell_workload(kind, name, at)
        for namespace, (kind, name), (_, top) in sorted(
            {(p.namespace, p.owner, p.workload) for p in cluster.pods}
        ):
            if kind == "ReplicaSet":
                owner = {"replicaset": name, "owner_kind": "Deployment", "owner_name": top}
                self._add("kube_replicaset_owner", state | owner | {"namespace": namespace})
        for pod in cluster.pods:
            self._tell_pod(pod, state, of_cluster)
        volume = state | {"persistentvolume": f"pv-{cluster.name}"}
        told = {"storageclass": "fast", "csi_driver": "ebs.csi.aws.com"}
        handle = {"csi_volume_handle": f"vol-{cluster.name}"}
        self._add("kube_persistentvolume_info", volume | told | handle)
        claim = {"claim_namespace": "shop", "name": "data"}
        self._add("kube_persistentvolume_claim_ref", volume | claim)
        self._add("kube_persistentvolume_capacity_bytes", volume, 100 * GIB)
        self._add("kube_persistentvolume_status_phase", volume | {"phase": "Bound"})

    def _tell_node(
        self, node: PlannedNode, state: dict[str, str], of_cluster: dict[str, str]
    ) -> None:
        at = state | {"node": node.name}
        told = {"internal_ip": node.ip, "os_image": "Debian 12", "kubelet_version": "v1.34.4"}
        provider = {"provider_id": f"aws:///{node.region}/i-{node.ip}", "kernel_version": "6.1"}
        self._add("kube_node_info", at | told | provider)
        zone = {"label_topology_kubernetes_io_zone": f"{node.region}a", "label_disk": "ssd"}
        region = {"label_topology_kubernetes_io_region": node.region}
        self._add("kube_node_labels", at | zone | region)
        for family, share in (("capacity", 1.0), ("allocatable", 0.5)):
            for resource, amount in (("cpu", node.cores), ("memory", node.memory), ("pods", 110)):
                unit = {"resource": resource, "unit": "any"}
                self._add(f"kube_node_status_{family}", at | unit, amount * share)
        status = {"condition": "Ready", "status": "true" if node.ready else "false"}
        self._add("kube_node_status_condition", at | status)
        self._add("kube_node_spec_unschedulable", at, 0)
        host = of_cluster | {"job": "node-exporter", "instance": f"{node.ip}:9100"}
        self._add("node_uname_info", host | {"nodename": node.name, "machine": "x86_64"})
        self._add("costwire_node_cpu_usage", host, self._amount(node.cores))
        self._add("costwire_node_memory_usage", host, node.memory / 4)
        self._add("node_thermal_zone_temp", host | {"type": "cpu", "zone": "0"}, 40)
        self._tell_interface(host, node.ip)
        self._add("node_disk_info", host | {"device": "nvme0n1", "serial": f"vol{node.ip}"})

    def _tell_interface(self, host: dict[str, str], ip: str) -> None:
        eth0 = host | {"device": "eth0"}
        self._add("node_network_info", eth0 | {"duplex": "full", "address": "02:00:00:00:00:01"})
        self._add("node_network_up", eth0, 1)
        self._add("node_network_speed_bytes", eth0, 125_000_000)
        self._add("node_network_speed_bytes", host | {"device": "lo"}, -125_000)
        for address, netmask in ((ip, "24"), ("fe80::1", "64")):
            told = {"address": address, "netmask": netmask}
            self._add("node_network_address_info", eth0 | told)

    def _tell_workload(self, kind: str, name: str, at: dict[str, str]) -> None:
        if kind == "Deployment":
            self._add("kube_deployment_spec_replicas", at | {"deployment": name}, 3)
            self._add("kube_deployment_status_replicas_ready", at | {"deployment": name}, 2)
        elif kind == "StatefulSet":
            self._add("kube_statefulset_replicas", at | {"statefulset": name}, 3)
            self._add("kube_statefulset_status_replicas_ready", at | {"statefulset": name}, 3)
        elif kind == "DaemonSet":
            at = at | {"daemonset": name}
            self._add("kube_daemonset_status_desired_number_scheduled", at, 2)
            self._add("kube_daemonset_status_number_ready", at, 2)
        elif kind == "Job":
            owner = {"owner_kind": "CronJob", "owner_name": "nightly"}
            self._add("kube_job_owner", at | owner | {"job_name": name})

    def _tell_pod(self, pod: PlannedPod, state: dict[str, str], of_cluster: dict[str, str]) -> None:
        named = {"namespace": pod.namespace, "pod": pod.name}
        at = state | named | {"uid": f"uid-{pod.name}"}
        owner = {"created_by_kind": pod.owner[0], "created_by_name": pod.owner[1]}
        where = {"node": pod.node.name, "host_ip": pod.node.ip, "pod_ip": pod.ip}
        self._add("kube_pod_info", at | owner | where)
        self._add("kube_pod_labels", at | {"label_app": pod.workload[1]})
        self._add("kube_pod_status_phase", at | {"phase": pod.phase})
        self._add("kube_pod_status_ready", at | {"condition": "true"}, pod.phase == "Running")
        kubelet = of_cluster | {"job": "kubelet", "instance": f"{pod.node.ip}:10250"}
        for container, memory in pod.containers.items():
            one = at | {"container": container}
            self._add("kube_pod_container_info", one | {"image": f"registry/{container}:1"})
            for resource, amount in (("cpu", 0.1), ("memory", memory)):
                unit = {"resource": resource, "unit": "any", "node": pod.node.name}
                self._add("kube_pod_container_resource_requests", one | unit, amount)
            self._add("kube_pod_container_status_ready", one, 1)
            self._add("kube_pod_container_status_restarts_total", one, 0)
            used = kubelet | named | {"container": container, "node": pod.node.name}
            self._add("costwire_container_cpu_usage", used, self._amount(0.1))
            self._add("container_memory_working_set_bytes", used, memory / 2)

    # The OpenTelemetry Collector.

    def _tell_opentelemetry(self, cluster: PlannedCluster) -> None:
        of_cluster = {"k8s_cluster_name": cluster.name, "k8s_cluster_uid": cluster.uid}
        for node in cluster.nodes:
            at = of_cluster | {"k8s_node_name": node.name, "k8s_node_uid": f"uid-{node.ip}"}
            at |= {"cloud_region": node.region}
            self._add("k8s_node_condition_ready", at, node.ready)
            self._add("k8s_node_allocatable_cpu", at, node.cores / 2)
            self._add("k8s_node_allocatable_memory_bytes", at, node.memory / 2)
            self._add("k8s_node_cpu_usage", at, self._amount(node.cores))
            self._add("k8s_node_memory_working_set_bytes", at, node.memory / 4)
        for namespace in sorted({pod.namespace for pod in cluster.pods}):
            self._add("k8s_namespace_phase", of_cluster | {"k8s_namespace_name": namespace}, 1)
        for namespace, (kind, name) in sorted({(p.namespace, p.workload) for p in cluster.pods}):
            at = of_cluster | {"k8s_namespace_name": namespace}
            if kind == "Deployment":
                self._add("k8s_deployment_desired", at | {"k8s_deployment_name": name}, 3)
                self._add("k8s_deployment_available", at | {"k8s_deployment_name": name}, 2)
        for pod in cluster.pods:
            self._tell_otel_pod(pod, of_cluster)

    def _tell_otel_pod(self, pod: PlannedPod, of_cluster: dict[str, str]) -> None:
        named = {"k8s_namespace_name": pod.namespace, "k8s_pod_name": pod.name}
        at = of_cluster | named | {"k8s_node_name": pod.node.name, "k8s_pod_uid": f"uid-{pod.name}"}
        at |= {f"k8s_{kind.lower()}_name": name for kind, name in (pod.owner, pod.workload)}
        self._add("k8s_pod_phase", at, _PHASE_NUMBERS[pod.phase])
        self._add("k8s_pod_memory_working_set_bytes", at, sum(pod.containers.values()) / 2)
        for container, memory in pod.containers.items():
            one = at | {"k8s_container_name": container}
            image = {"container_image_name": f"registry/{container}", "container_image_tag": "1"}
            self._add("k8s_container_ready", one | image, 1)
            self._add("k8s_container_restarts", one, 0)
            self._add("k8s_container_cpu_request", one, 0.1)
            self._add("k8s_container_memory_request_bytes", one, memory)
            self._add("container_cpu_usage", one, self._amount(0.1))
            self._add("container_memory_working_set_bytes", one, memory / 2)

    # Agents of ICOS.

    def _tell_icos(self, cluster: PlannedCluster) -> None:
        agent = f"agent-{cluster.name}"
        uid = {"k8s_cluster_uid": cluster.uid}
        registered = {"type": "ocm", "agent_id": agent, "agent_name": agent}
        self._add("tlum_orch_info", registered | uid)
        self._add("tlum_ocm_agent_info", uid | {"name": cluster.name})
        hosts = {node.name: self._icos_host(node, agent) | uid for node in cluster.nodes}
        for node in cluster.nodes:
            self._tell_icos_node(node, hosts[node.name])
        for pod in cluster.pods:
            named = {"namespace": pod.namespace, "pod": pod.name}
            at = hosts[pod.node.name] | named
            self._add("kube_pod_info", at | {"pod_ip": pod.ip, "node": pod.node.name})
            self._add("kube_pod_status_phase", at | {"phase": pod.phase})
            for container in pod.containers:
                self._add("kube_pod_container_info", at | {"container": container})
                used = {"k8s_container_name": container, "k8s_pod_name": pod.name}
                used |= uid | {"k8s_namespace_name": pod.namespace}
                self._add("container_cpu_utilization_ratio", used, self._amount(0.1))

    def _icos_host(self, node: PlannedNode, agent: str) -> dict[str, str]:
        return {
            "icos_host_id": f"id-{node.ip}",
            "icos_host_name": node.name,
            "icos_agent_id": agent,
        }

    def _tell_icos_node(self, node: PlannedNode, host: dict[str, str]) -> None:
        where = {"icos_alpha_latitude": "41.38", "icos_alpha_longitude": "2.17"}
        told = {"nodename": node.name, "net_host_name": node.ip, "machine": "aarch64"}
        self._add("node_uname_info", host | told | where)
        checked = {"agent_hostname": node.name, "agent_ip": node.ip}
        self._add("SCA_score", checked, 63.5)
        self._add("vulnerabilities", checked | {"severity": "High"}, 4)
        for resource, amount in (("cpu", node.cores), ("memory", node.memory)):
            self._add("kube_node_status_capacity", host | {"resource": resource}, amount)
        self._add("scaph_host_energy_microjoules_total", host, 5e6)
        self._add("node_memory_MemFree_bytes", host, node.memory / 4)
        self._tell_interface(host, node.ip)
        camera = {"device": "camera_front", "resource_path": "/dev/video0"}
        self._add("node_mounted", host | camera, 1)


def permuted(series: Series, chance: Random) -> Series:
    """The same families and series, in another order."""
    families = chance.sample([*series], len(series))
    return {family: chance.sample(series[family], len(series[family])) for family in families}


def split(series: Series, parts: int, chance: Random) -> Iterator[Series]:
    """The same series, each in one of several answers."""
    answers: list[Series] = [{} for _ in range(parts)]
    for family, samples in series.items():
        for sample in samples:
            chance.choice(answers).setdefault(family, []).append(sample)
    yield from answers

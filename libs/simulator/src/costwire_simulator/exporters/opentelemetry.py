"""The OpenTelemetry Collector of a cluster: its receivers k8s_cluster and kubeletstats.

Names and labels are those of its Prometheus exporter, with resource attributes as labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from costwire_simulator.estate.clouds import CLOUDS
from costwire_simulator.estate.draws import uuid
from costwire_simulator.estate.model import Cluster, Node, Workload
from costwire_simulator.estate.pods import Pod, jobs, pods, ready_of
from costwire_simulator.exporters.hosts import Host
from costwire_simulator.exporters.kube_pods import container_id, image_of
from costwire_simulator.exporters.kube_state_metrics import allocatable
from costwire_simulator.exporters.text import Page, labels

_SCOPE = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/"
_PHASES = {"Pending": 1, "Running": 2, "Succeeded": 3}
_CONDITIONS = ("ready", "memory_pressure", "disk_pressure", "pid_pressure")
_ALLOCATABLE = {
    "cpu": "cpu",
    "memory": "memory_bytes",
    "ephemeral_storage": "ephemeral_storage_bytes",
    "pods": "pods",
}
_VOLUME_PHASES = ("Pending", "Available", "Bound", "Released", "Failed")
_COUNTS = {
    "Deployment": ("k8s_deployment_desired", "k8s_deployment_available"),
    "StatefulSet": ("k8s_statefulset_desired_pods", "k8s_statefulset_ready_pods"),
    "DaemonSet": ("k8s_daemonset_desired_scheduled_nodes", "k8s_daemonset_ready_nodes"),
}


def opentelemetry_collector(cluster: Cluster, at: float) -> bytes:
    """Its text at a time."""
    page, found = Page(), pods(cluster, at)
    of_cluster = {"k8s_cluster_name": cluster.name, "k8s_cluster_uid": cluster.uid}
    state = labels({"otel_scope_name": f"{_SCOPE}k8sclusterreceiver", **of_cluster})
    kubelet = labels({"otel_scope_name": f"{_SCOPE}kubeletstatsreceiver", **of_cluster})
    _tell_nodes(page, cluster, state)
    _tell_node_usage(page, cluster, kubelet, at)
    _tell_objects(page, cluster, found, state, at)
    told = [(_pod(cluster, pod), pod) for pod in found]
    _tell_pods(page, told, state)
    _tell_usage(page, cluster, [(key, pod) for key, pod in told if pod.runs], kubelet, at)
    return page.text()


# Nodes.


def _tell_nodes(page: Page, cluster: Cluster, prefix: str) -> None:
    gauge = partial(page.family, kind="gauge")
    named = [(f"{prefix},{_node(cluster, node)}", node) for node in cluster.nodes]
    for condition in _CONDITIONS:
        gauge(
            f"k8s_node_condition_{condition}",
            help=f"Whether a node's condition is {condition}.",
            series=((key, condition == "ready") for key, _ in named),
        )
    for resource, name in _ALLOCATABLE.items():
        gauge(
            f"k8s_node_allocatable_{name}",
            help=f"How much {resource} pods may have.",
            series=(
                (key, amount)
                for key, node in named
                for one, _, amount in allocatable(node)
                if one == resource
            ),
        )


def _node(cluster: Cluster, node: Node) -> str:
    cloud = CLOUDS[cluster.cloud]
    return labels(
        {
            "k8s_node_name": node.name,
            "k8s_node_uid": uuid(node.system_uuid, "node"),
            "k8s_kubelet_version": cloud.kubelet,
            "container_runtime": "containerd",
            "container_runtime_version": "1.7.24",
            "os_type": "linux",
            "os_description": cloud.os_image,
        }
    )


def _tell_node_usage(page: Page, cluster: Cluster, prefix: str, at: float) -> None:
    gauge = partial(page.family, kind="gauge")
    hosts = [
        (f"{prefix},{_host(cluster, node)}", Host("", node, cluster)) for node in cluster.nodes
    ]
    gauge(
        "k8s_node_cpu_usage",
        help="The cores that a node uses.",
        series=((key, host.busy(at)) for key, host in hosts),
    )
    page.family(
        "k8s_node_cpu_time_seconds_total",
        "counter",
        "The core seconds that a node has used.",
        ((key, host.busy_seconds(at)) for key, host in hosts),
    )
    gauge(
        "k8s_node_memory_working_set_bytes",
        help="The memory that a node uses.",
        series=((key, host.used_memory(at)) for key, host in hosts),
    )
    gauge(
        "k8s_node_filesystem_capacity_bytes",
        help="The size of a node's file system.",
        series=((key, host.node.root.bytes * 95 // 100) for key, host in hosts),
    )
    gauge(
        "k8s_node_filesystem_usage_bytes",
        help="What is used of a node's file system.",
        series=((key, host.node.root.bytes * 31 // 100) for key, host in hosts),
    )


def _host(cluster: Cluster, node: Node) -> str:
    """As the processor resourcedetection adds it, which knows the cloud."""
    return labels(
        {
            "k8s_node_name": node.name,
            "cloud_provider": cluster.cloud,
            "cloud_account_id": cluster.account,
            "cloud_region": node.region,
            "cloud_availability_zone": node.zone,
            "host_arch": "amd64",
            "host_id": node.host_id,
            "host_name": node.name,
            "host_type": node.instance_type,
        }
    )


# Namespaces, workloads, volumes.


def _tell_objects(
    page: Page, cluster: Cluster, found: Sequence[Pod], prefix: str, at: float
) -> None:
    gauge = partial(page.family, kind="gauge")
    gauge(
        "k8s_namespace_phase",
        help="Whether a namespace is active.",
        series=(
            (f"{prefix},{labels({'k8s_namespace_name': name})}", 1) for name in cluster.namespaces
        ),
    )
    ready = ready_of(found)
    for kind, families in _COUNTS.items():
        counted = [
            (f"{prefix},{_workload(one)}", len(slots), ready[one])
            for one, slots in cluster.workloads.items()
            if one.kind == kind
        ]
        wanted, are_ready = families
        gauge(
            wanted,
            help=f"How many pods a {kind} should have.",
            series=((key, count) for key, count, _ in counted),
        )
        gauge(
            are_ready,
            help=f"How many pods of a {kind} are ready.",
            series=((key, count) for key, _, count in counted),
        )
    active = {pod.owner_name for pod in found if pod.runs and pod.owner_kind == "Job"}
    gauge(
        "k8s_cronjob_active_jobs",
        help="How many jobs of a CronJob run.",
        series=(
            (f"{prefix},{_workload(workload)}", job in active)
            for workload, job in jobs(cluster, at)
        ),
    )
    _tell_volumes(page, cluster, prefix)


def _workload(workload: Workload) -> str:
    name = f"k8s_{workload.kind.lower()}_name"
    return labels({"k8s_namespace_name": workload.namespace, name: workload.name})


def _tell_volumes(page: Page, cluster: Cluster, prefix: str) -> None:
    volumes = [
        (
            f'{prefix},k8s_persistentvolume_name="{one.name}",'
            f'k8s_storageclass_name="{one.storage_class}"',
            one,
        )
        for one in cluster.volumes
    ]
    page.family(
        "k8s_persistentvolume_storage_capacity_bytes",
        "gauge",
        "The size of a persistent volume.",
        ((key, volume.disk.bytes) for key, volume in volumes),
    )
    page.family(
        "k8s_persistentvolume_status_phase",
        "gauge",
        "Whether a persistent volume is in a phase.",
        (
            (f'{key},k8s_persistentvolume_status_phase="{phase}"', phase == "Bound")
            for key, _ in volumes
            for phase in _VOLUME_PHASES
        ),
    )


# Pods and containers.

_Told = Sequence[tuple[str, Pod]]
"""Pods, each with the labels that its series have."""


def _pod(cluster: Cluster, pod: Pod) -> str:
    """The processor k8sattributes adds the names of what is above it."""
    owners = {pod.owner_kind: pod.owner_name, pod.slot.workload.kind: pod.slot.workload.name}
    return labels(
        {
            "k8s_namespace_name": pod.slot.workload.namespace,
            "k8s_node_name": pod.slot.node.name,
            "k8s_pod_name": pod.name,
            "k8s_pod_uid": pod.uid,
            **({} if pod.phase == "Pending" else {"k8s_pod_ip": pod.ip}),
            **{f"k8s_{kind.lower()}_name": name for kind, name in owners.items()},
        }
    )


def _tell_pods(page: Page, told: _Told, prefix: str) -> None:
    gauge = partial(page.family, kind="gauge")
    gauge(
        "k8s_pod_phase",
        help="1 Pending, 2 Running, 3 Succeeded, 4 Failed, 5 Unknown.",
        series=((f"{prefix},{key}", _PHASES[pod.phase]) for key, pod in told),
    )
    containers = [*_containers(told, prefix)]
    gauge(
        "k8s_container_ready",
        help="Whether a container is ready.",
        series=((key, pod.is_ready) for key, pod, _ in containers),
    )
    gauge(
        "k8s_container_restarts",
        help="How often a container was started again.",
        series=((key, pod.restarts) for key, pod, _ in containers),
    )
    for word in ("request", "limit"):
        for resource, unit in (("cpu", ""), ("memory", "_bytes")):
            gauge(
                f"k8s_container_{resource}_{word}{unit}",
                help=f"The {word} of a container for {resource}.",
                series=(
                    (key, amount)
                    for key, pod, number in containers
                    if (amount := _amounts(pod, number)[resource, word]) is not None
                ),
            )


def _amounts(pod: Pod, number: int) -> Mapping[tuple[str, str], float | None]:
    one = pod.slot.workload.containers[number]
    return {
        ("cpu", "request"): one.cpu_request,
        ("memory", "request"): one.memory_request,
        ("cpu", "limit"): one.cpu_limit,
        ("memory", "limit"): one.memory_limit,
    }


def _containers(told: _Told, prefix: str) -> Iterator[tuple[str, Pod, int]]:
    for key, pod in told:
        for number, container in enumerate(pod.slot.workload.containers):
            image, _, tag = image_of(pod, number).rpartition(":")
            id = "" if pod.phase == "Pending" else container_id(pod, number)
            own = (
                f'container_id="{id}",container_image_name="{image}",container_image_tag="{tag}",'
                f'k8s_container_name="{container.name}"'
            )
            yield f"{prefix},{key},{own}", pod, number


def _tell_usage(page: Page, cluster: Cluster, told: _Told, prefix: str, at: float) -> None:
    gauge = partial(page.family, kind="gauge")
    phase = cluster.phase
    uses = [
        (
            f"{prefix},{key}",
            pod,
            [
                (pod.cores(number, phase, at), pod.memory(number, phase, at))
                for number in range(len(pod.slot.workload.containers))
            ],
        )
        for key, pod in told
    ]
    families = (("cpu_usage", "cores", 0), ("memory_working_set_bytes", "memory", 1))
    for family, word, which in families:
        gauge(
            f"k8s_pod_{family}",
            help=f"The {word} that a pod uses.",
            series=((key, sum(use[which] for use in used)) for key, _, used in uses),
        )
        gauge(
            f"container_{family}",
            help=f"The {word} that a container uses.",
            series=(
                (f'{key},k8s_container_name="{container.name}"', use[which])
                for key, pod, used in uses
                for container, use in zip(pod.slot.workload.containers, used, strict=True)
            ),
        )

"""kube-state-metrics 2: what the API server of a cluster knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from costwire_simulator.estate.clouds import CLOUDS, GIB
from costwire_simulator.estate.model import Cluster, Node, Volume, Workload
from costwire_simulator.estate.pods import Pod, jobs, pods, ready_of, replica_sets
from costwire_simulator.exporters.kube_pods import tell_pods
from costwire_simulator.exporters.text import Page, Series, labels

_MIB = 1 << 20
_CONDITIONS = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
_STATUSES = ("true", "false", "unknown")
_VOLUME_PHASES = ("Pending", "Available", "Bound", "Released", "Failed")
_POD_CAPACITY = 110
_SCHEDULES = {3_600.0: "0 * * * *", 21_600.0: "0 */6 * * *", 86_400.0: "0 0 * * *"}
_NO_SOURCE = dict.fromkeys(
    ("gce_persistent_disk_name", "ebs_volume_id", "azure_disk_name", "fc_wwids", "nfs_server"), ""
)


def kube_state_metrics(cluster: Cluster, at: float) -> bytes:
    """Its text at a time."""
    page, found = Page(), pods(cluster, at)
    _tell_nodes(page, cluster)
    _tell_namespaces(page, cluster)
    _tell_workloads(page, cluster, found)
    _tell_sets_and_jobs(page, cluster, at)
    _tell_volumes(page, cluster.volumes)
    tell_pods(page, found)
    return page.text()


# Nodes.


def _tell_nodes(page: Page, cluster: Cluster) -> None:
    gauge, nodes = partial(_gauge, page), cluster.nodes
    named = {node: labels({"node": node.name}) for node in nodes}
    gauge("kube_node_info", "About a node.", ((_node_info(cluster, node), 1) for node in nodes))
    gauge("kube_node_labels", "A node's labels.", ((_node_labels(node), 1) for node in nodes))
    gauge(
        "kube_node_created",
        "When a node came.",
        ((named[node], int(node.created)) for node in nodes),
    )
    gauge(
        "kube_node_spec_unschedulable",
        "Whether a node takes no new pods.",
        ((named[node], 0) for node in nodes),
    )
    gauge(
        "kube_node_status_condition",
        "The condition of a node.",
        (
            (
                f'{named[node]},condition="{condition}",status="{status}"',
                status == ("true" if condition == "Ready" else "false"),
            )
            for node in nodes
            for condition in _CONDITIONS
            for status in _STATUSES
        ),
    )
    for family, of in (("capacity", capacity), ("allocatable", allocatable)):
        gauge(
            f"kube_node_status_{family}",
            f"The {family} of a node.",
            (
                (f'{named[node]},resource="{resource}",unit="{unit}"', amount)
                for node in nodes
                for resource, unit, amount in of(node)
            ),
        )


def capacity(node: Node) -> Iterator[tuple[str, str, float]]:
    """Resources, their units, how much of them there is."""
    yield "cpu", "core", node.cores
    yield "memory", "byte", node.memory
    yield "ephemeral_storage", "byte", node.root.bytes * 95 // 100
    yield "hugepages_2Mi", "byte", 0
    yield "pods", "integer", _POD_CAPACITY


def allocatable(node: Node) -> Iterator[tuple[str, str, float]]:
    """The same without what the system keeps."""
    kept = {"cpu": 0.08, "memory": 640 * _MIB, "ephemeral_storage": 4 * GIB}
    for resource, unit, amount in capacity(node):
        yield resource, unit, amount - kept.get(resource, 0)


def _node_info(cluster: Cluster, node: Node) -> str:
    cloud = CLOUDS[cluster.cloud]
    return labels(
        {
            "node": node.name,
            "kernel_version": cloud.kernel,
            "os_image": cloud.os_image,
            "container_runtime_version": "containerd://1.7.24",
            "kubelet_version": cloud.kubelet,
            "kubeproxy_version": "deprecated",
            "provider_id": node.provider_id,
            "pod_cidr": f"{node.pod_network}.0/24",
            "system_uuid": node.system_uuid,
            "internal_ip": node.ip,
        }
    )


def _node_labels(node: Node) -> str:
    return labels(
        {
            "node": node.name,
            "label_kubernetes_io_arch": "amd64",
            "label_kubernetes_io_hostname": node.name,
            "label_kubernetes_io_os": "linux",
            "label_node_kubernetes_io_instance_type": node.instance_type,
            "label_topology_kubernetes_io_region": node.region,
            "label_topology_kubernetes_io_zone": node.zone,
        }
    )


# Namespaces and workloads.


def _tell_namespaces(page: Page, cluster: Cluster) -> None:
    _gauge(
        page,
        "kube_namespace_status_phase",
        "The phase of a namespace.",
        (
            (labels({"namespace": name, "phase": phase}), phase == "Active")
            for name in cluster.namespaces
            for phase in ("Active", "Terminating")
        ),
    )
    _gauge(
        page,
        "kube_namespace_labels",
        "A namespace's labels.",
        (
            (labels({"namespace": name, "label_kubernetes_io_metadata_name": name}), 1)
            for name in cluster.namespaces
        ),
    )


_COUNTS = {
    "Deployment": (
        "deployment",
        "kube_deployment_spec_replicas",
        "kube_deployment_status_replicas_ready",
    ),
    "StatefulSet": (
        "statefulset",
        "kube_statefulset_replicas",
        "kube_statefulset_status_replicas_ready",
    ),
    "DaemonSet": (
        "daemonset",
        "kube_daemonset_status_desired_number_scheduled",
        "kube_daemonset_status_number_ready",
    ),
}
"""The label of a kind's name, and the families of the pods that should be there and are ready."""


def _tell_workloads(page: Page, cluster: Cluster, found: Sequence[Pod]) -> None:
    ready = ready_of(found)
    for kind, (label, wanted, are_ready) in _COUNTS.items():
        named = {one: _named(one, label) for one in cluster.workloads if one.kind == kind}
        slots = cluster.workloads
        _gauge(
            page,
            wanted,
            f"How many pods a {kind} should have.",
            ((text, len(slots[one])) for one, text in named.items()),
        )
        _gauge(
            page,
            are_ready,
            f"How many pods of a {kind} are ready.",
            ((text, ready[one]) for one, text in named.items()),
        )


def _tell_sets_and_jobs(page: Page, cluster: Cluster, at: float) -> None:
    sets = [
        (labels({"namespace": workload.namespace, "replicaset": name}), workload, count)
        for workload, name, count in replica_sets(cluster, at)
    ]
    _gauge(
        page,
        "kube_replicaset_owner",
        "What a ReplicaSet belongs to.",
        ((f"{named},{_owner('Deployment', workload.name)}", 1) for named, workload, _ in sets),
    )
    _gauge(
        page,
        "kube_replicaset_status_replicas",
        "How many pods a ReplicaSet has.",
        ((named, count) for named, _, count in sets),
    )
    _gauge(
        page,
        "kube_cronjob_info",
        "About a CronJob.",
        (
            (
                f'{_named(one, "cronjob")},schedule="{_SCHEDULES[one.period]}",'
                'concurrency_policy="Forbid",timezone=""',
                1,
            )
            for one in cluster.workloads
            if one.kind == "CronJob"
        ),
    )
    _gauge(
        page,
        "kube_job_owner",
        "What a Job belongs to.",
        (
            (
                f'namespace="{workload.namespace}",job_name="{name}",'
                f"{_owner('CronJob', workload.name)}",
                1,
            )
            for workload, name in jobs(cluster, at)
        ),
    )


def _named(workload: Workload, label: str) -> str:
    return labels({"namespace": workload.namespace, label: workload.name})


def _owner(kind: str, name: str) -> str:
    return labels({"owner_kind": kind, "owner_name": name, "owner_is_controller": "true"})


# Volumes.


def _tell_volumes(page: Page, volumes: Iterable[Volume]) -> None:
    gauge = partial(_gauge, page)
    named = [(labels({"persistentvolume": one.name}), one) for one in volumes]
    gauge(
        "kube_persistentvolume_info",
        "About a persistent volume.",
        ((f"{name},{_volume_source(one)}", 1) for name, one in named),
    )
    gauge(
        "kube_persistentvolume_claim_ref",
        "The claim of a persistent volume.",
        (
            (f'{name},name="{one.claim}",claim_namespace="{one.namespace}"', 1)
            for name, one in named
        ),
    )
    gauge(
        "kube_persistentvolume_capacity_bytes",
        "The size of a persistent volume.",
        ((name, one.disk.bytes) for name, one in named),
    )
    gauge(
        "kube_persistentvolume_status_phase",
        "The phase of a persistent volume.",
        (
            (f'{name},phase="{phase}"', phase == "Bound")
            for name, _ in named
            for phase in _VOLUME_PHASES
        ),
    )


def _volume_source(volume: Volume) -> str:
    of_driver = bool(volume.driver)
    return labels(
        {
            "storageclass": volume.storage_class,
            **_NO_SOURCE,
            "csi_driver": volume.driver,
            "csi_volume_handle": volume.disk.handle if of_driver else "",
            "local_path": "" if of_driver else volume.disk.handle,
        }
    )


def _gauge(page: Page, name: str, help: str, series: Series) -> None:
    page.family(name, "gauge", help, series)

"""Kubernetes as the OpenTelemetry Collector's receivers k8s_cluster and kubeletstats tell it.

Names are those of the Prometheus translation, with and without units behind them; resource
attributes have to be labels.
"""

from __future__ import annotations

from costwire_aggregator.questions import TIMES, of_families
from costwire_aggregator.topology.flavours.rules import (
    BYTES,
    CORES,
    PIECES,
    TRUE_OR_FALSE,
    All,
    ByLabels,
    Flavour,
    LabelMap,
    Makes,
    Number,
    OwnedByOneOf,
    Rule,
    State,
    Tell,
    Text,
    Texts,
)
from costwire_aggregator.topology.model import (
    Container,
    Namespace,
    Node,
    PersistentVolume,
    Pod,
    Workload,
)

_CONDITIONS = {
    "memory_pressure": "MemoryPressure",
    "disk_pressure": "DiskPressure",
    "pid_pressure": "PIDPressure",
    "network_unavailable": "NetworkUnavailable",
}
_CONDITION = {1.0: "True", 0.0: "False", -1.0: "Unknown"}
_PHASES = {1.0: "Pending", 2.0: "Running", 3.0: "Succeeded", 4.0: "Failed", 5.0: "Unknown"}

_NODE, _NAMESPACE, _POD = ("k8s_node_name",), ("k8s_namespace_name",), ("k8s_pod_name",)
_OF_NODES = Texts(
    {
        "name": _NODE,
        "uid": ("k8s_node_uid",),
        "instance_type": ("host_type",),
        "host_name": ("host_name",),
        "os": ("os_description", "os_type"),
        "architecture": ("host_arch",),
        "kubelet_version": ("k8s_kubelet_version",),
        "container_runtime": ("container_runtime_version", "container_runtime"),
        "location.region": ("cloud_region",),
        "location.zone": ("cloud_availability_zone",),
    }
)
_OF_PODS = (
    Texts({"uid": ("k8s_pod_uid",), "node": _NODE, "ip": ("k8s_pod_ip",)}),
    OwnedByOneOf(
        {
            "k8s_deployment_name": "Deployment",
            "k8s_statefulset_name": "StatefulSet",
            "k8s_daemonset_name": "DaemonSet",
            "k8s_job_name": "Job",
            "k8s_cronjob_name": "CronJob",
            "k8s_replicaset_name": "ReplicaSet",
        }
    ),
    LabelMap("labels", ("k8s_pod_label_", "k8s_pod_labels_")),
)
_IMAGE = Text("image", All(("container_image_name", "container_image_tag"), ":"))


def _bytes(name: str) -> tuple[str, str]:
    return f"{name}_bytes", name


def _node(families: tuple[str, ...], *tells: Tell) -> Rule:
    return Rule(
        families,
        Node,
        tells,
        Makes.ALWAYS,
        known_by=(_NODE, ("k8s_node_uid",)),
    )


def _pod(families: tuple[str, ...], *tells: Tell) -> Rule:
    return Rule(families, Pod, tells, Makes.ALWAYS)


def _container(families: tuple[str, ...], *tells: Tell) -> Rule:
    return Rule(families, Container, tells, Makes.ALWAYS)


def _workload(kind: str, label: str, desired: str, ready: str) -> tuple[Rule, ...]:
    at = (_NAMESPACE, (label,))
    return tuple(
        Rule((family,), Workload, (Number(field, PIECES),), Makes.ALWAYS, at=at, kind=kind)
        for family, field in ((desired, "desired"), (ready, "ready"))
    )


def _asked_for(word: str, field: str) -> tuple[Rule, ...]:
    return (
        _container((f"k8s_container_cpu_{word}",), Number(field, CORES, "cpu")),
        _container(_bytes(f"k8s_container_memory_{word}"), Number(field, BYTES, "memory")),
        _container(
            _bytes(f"k8s_container_ephemeralstorage_{word}"),
            Number(field, BYTES, "ephemeralStorage"),
        ),
    )


def _cpu(prefix: str) -> tuple[str, ...]:
    """The older name, too, counts cores."""
    return (
        f"{prefix}_cpu_usage",
        f"{prefix}_cpu_utilization_ratio",
        f"{prefix}_cpu_utilization",
    )


_NODE_RULES = (
    _node(("k8s_node_condition_ready",), _OF_NODES, State("conditions", _CONDITION, "Ready")),
    *(
        _node((f"k8s_node_condition_{name}",), State("conditions", _CONDITION, condition))
        for name, condition in _CONDITIONS.items()
    ),
    _node(("k8s_node_condition",), State("conditions", _CONDITION, by=("condition",))),
    _node(("k8s_node_allocatable_cpu",), Number("allocatable", CORES, "cpu")),
    _node(_bytes("k8s_node_allocatable_memory"), Number("allocatable", BYTES, "memory")),
    _node(
        _bytes("k8s_node_allocatable_ephemeral_storage"),
        Number("allocatable", BYTES, "ephemeralStorage"),
    ),
    _node(("k8s_node_allocatable_pods",), Number("allocatable", PIECES, "pods")),
    _node(_cpu("k8s_node"), _OF_NODES, Number("usage", CORES, "cpu")),
    _node(_bytes("k8s_node_memory_working_set"), Number("usage", BYTES, "memory")),
    _node(_bytes("k8s_node_filesystem_usage"), Number("usage", BYTES, "ephemeralStorage")),
    _node(_bytes("k8s_node_filesystem_capacity"), Number("capacity", BYTES, "ephemeralStorage")),
)
_OBJECT_RULES = (
    Rule(
        ("k8s_namespace_phase",),
        Namespace,
        (State("phase", {1.0: "Active", 0.0: "Terminating"}),),
        Makes.ALWAYS,
    ),
    *_workload(
        "Deployment", "k8s_deployment_name", "k8s_deployment_desired", "k8s_deployment_available"
    ),
    *_workload(
        "StatefulSet",
        "k8s_statefulset_name",
        "k8s_statefulset_desired_pods",
        "k8s_statefulset_ready_pods",
    ),
    *_workload(
        "DaemonSet",
        "k8s_daemonset_name",
        "k8s_daemonset_desired_scheduled_nodes",
        "k8s_daemonset_ready_nodes",
    ),
    Rule(
        ("k8s_cronjob_active_jobs",),
        Workload,
        makes=Makes.ALWAYS,
        at=(_NAMESPACE, ("k8s_cronjob_name",)),
        kind="CronJob",
    ),
    Rule(
        _bytes("k8s_persistentvolume_storage_capacity"),
        PersistentVolume,
        (Text("storage_class", ("k8s_storageclass_name",)), Number("capacity", BYTES)),
        Makes.ALWAYS,
    ),
    Rule(
        ("k8s_persistentvolume_status_phase",),
        PersistentVolume,
        (Text("phase", ("k8s_persistentvolume_status_phase",), while_one=True),),
        Makes.ALWAYS,
    ),
)
_POD_RULES = (
    _pod(("k8s_pod_phase",), *_OF_PODS, State("phase", _PHASES)),
    _pod(_cpu("k8s_pod"), Number("usage", CORES, "cpu")),
    _pod(_bytes("k8s_pod_memory_working_set"), *_OF_PODS, Number("usage", BYTES, "memory")),
)
_CONTAINER_RULES = (
    _container(("k8s_container_ready",), State("ready", TRUE_OR_FALSE), _IMAGE),
    _container(("k8s_container_restarts",), Number("restarts", PIECES)),
    *_asked_for("request", "requests"),
    *_asked_for("limit", "limits"),
)
_USAGE_RULES = (
    _container(_cpu("container"), Number("usage", CORES, "cpu")),
    _container(_bytes("container_memory_working_set"), Number("usage", BYTES, "memory")),
)


def _families(*rules: Rule) -> list[str]:
    return [family for rule in rules for family in rule.families]


OPENTELEMETRY = Flavour(
    "opentelemetry",
    "the OpenTelemetry Collector, with its receivers k8s_cluster and kubeletstats",
    frozenset({"k8s_node_condition_ready", "k8s_pod_phase", *_cpu("k8s_pod"), *_cpu("k8s_node")}),
    (
        TIMES,
        of_families("nodes", _families(*_NODE_RULES)),
        of_families("objects", _families(*_OBJECT_RULES)),
        of_families("pods", _families(*_POD_RULES)),
        of_families("containers", _families(*_CONTAINER_RULES)),
        of_families("usage", _families(*_USAGE_RULES), matchers='k8s_container_name!=""'),
    ),
    ByLabels(name=("k8s_cluster_name",), uid=("k8s_cluster_uid",)),
    {
        Node: (_NODE,),
        Namespace: (_NAMESPACE,),
        PersistentVolume: (("k8s_persistentvolume_name",),),
        Pod: (_NAMESPACE, _POD),
        Container: (_NAMESPACE, _POD, ("k8s_container_name",)),
    },
    (*_NODE_RULES, *_OBJECT_RULES, *_POD_RULES, *_CONTAINER_RULES, *_USAGE_RULES),
)

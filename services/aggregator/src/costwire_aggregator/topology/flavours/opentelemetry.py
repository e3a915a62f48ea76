"""Kubernetes as the OpenTelemetry Collector's receivers k8s_cluster and kubeletstats tell it.

Of nodes k8s_cluster knows what pods may have; what they have in all kubeletstats tells, and
hostmetrics where it runs.
Names are those of the Prometheus translation, with and without units behind them; resource
attributes have to be labels.
"""

from __future__ import annotations

from costwire_aggregator.questions import TIMES, of_families
from costwire_aggregator.topology.flavours.expressions import named, together
from costwire_aggregator.topology.flavours.rules import (
    BYTES,
    CORES,
    NOT_OF_ICOS,
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
        "os": ("os_description", "os_type"),
        "kubelet_version": ("k8s_kubelet_version",),
        "container_runtime": ("container_runtime_version", "container_runtime"),
        "location.region": ("cloud_region",),
    }
)
# The collector's own host adds these labels: on series of kubeletstats, which runs on each node,
# they are the node's; on those of k8s_cluster, which runs once, they are of one node for all.
_OF_HOSTS = Texts(
    {
        "provider_id": ("host_id",),
        "instance_type": ("host_type",),
        "host_name": ("host_name",),
        "architecture": ("host_arch",),
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
_MEMORY = "costwire_node_memory_capacity"
"""What is available of a node's memory is what its working set leaves of it."""
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


def _of_host(families: tuple[str, ...], *tells: Tell) -> Rule:
    """Of hosts that are nodes."""
    return Rule(families, Node, tells, at=(_NODE, ("host_name",)))


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
    *(
        _node((f"k8s_node_allocatable_{resource}",), Number("allocatable", PIECES, resource))
        for resource in ("nvidia_com_gpu", "amd_com_gpu")
    ),
    _node(_cpu("k8s_node"), _OF_NODES, _OF_HOSTS, Number("usage", CORES, "cpu")),
    _node(_bytes("k8s_node_memory_working_set"), Number("usage", BYTES, "memory")),
    _node(_bytes("k8s_node_filesystem_usage"), Number("usage", BYTES, "ephemeralStorage")),
    _node(_bytes("k8s_node_filesystem_capacity"), Number("capacity", BYTES, "ephemeralStorage")),
)
_CAPACITY_RULE = _node((_MEMORY,), Number("capacity", BYTES, "memory"))
_HOST_RULES = (
    _of_host(("system_cpu_logical_count",), Number("capacity", CORES, "cpu")),
    _of_host(_bytes("system_memory_limit"), Number("capacity", BYTES, "memory")),
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
    "the OpenTelemetry Collector, with its receivers k8s_cluster and kubeletstats"
    " (and hostmetrics)",
    frozenset({"k8s_node_condition_ready", "k8s_pod_phase", *_cpu("k8s_pod"), *_cpu("k8s_node")}),
    (
        TIMES,
        together(
            "nodes",
            {
                _MEMORY: named(
                    _MEMORY,
                    f"k8s_node_memory_available_bytes{{{NOT_OF_ICOS}}}"
                    " + k8s_node_memory_working_set_bytes"
                    f" or k8s_node_memory_available{{{NOT_OF_ICOS}}}"
                    " + k8s_node_memory_working_set",
                )
            },
            of_families("nodes", _families(*_NODE_RULES, *_HOST_RULES), matchers=NOT_OF_ICOS),
        ),
        of_families("objects", _families(*_OBJECT_RULES), matchers=NOT_OF_ICOS),
        of_families("pods", _families(*_POD_RULES), matchers=NOT_OF_ICOS),
        of_families("containers", _families(*_CONTAINER_RULES), matchers=NOT_OF_ICOS),
        of_families(
            "usage", _families(*_USAGE_RULES), matchers=f'k8s_container_name!="",{NOT_OF_ICOS}'
        ),
    ),
    ByLabels(name=("k8s_cluster_name",), uid=("k8s_cluster_uid",)),
    {
        Node: (_NODE,),
        Namespace: (_NAMESPACE,),
        PersistentVolume: (("k8s_persistentvolume_name",),),
        Pod: (_NAMESPACE, _POD),
        Container: (_NAMESPACE, _POD, ("k8s_container_name",)),
    },
    (
        *_NODE_RULES,
        _CAPACITY_RULE,
        *_HOST_RULES,
        *_OBJECT_RULES,
        *_POD_RULES,
        *_CONTAINER_RULES,
        *_USAGE_RULES,
    ),
    NOT_OF_ICOS,
)

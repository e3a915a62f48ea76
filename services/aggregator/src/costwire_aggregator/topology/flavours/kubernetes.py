"""Kubernetes as kube-prometheus scrapes it: kube-state-metrics, node exporter, cAdvisor.

A scrape that does not honour labels puts `exported_` before those of the object.
"""

from __future__ import annotations

from costwire_aggregator.icos.families import (
    CAPACITY,
    CONTAINERS,
    ENERGY,
    FREE_MEMORY,
    FREQUENCY,
    NODES,
    PHASES,
    PODS,
    TEMPERATURE,
)
from costwire_aggregator.questions import TIMES, of_families
from costwire_aggregator.topology.flavours.expressions import named, together
from costwire_aggregator.topology.flavours.node_exporter import NETWORK, host_rules
from costwire_aggregator.topology.flavours.rules import (
    BYTES,
    CELSIUS,
    CORES,
    MICROJOULES,
    NOT_OF_ICOS,
    PIECES,
    TRUE_OR_FALSE,
    AmountOf,
    ByLabels,
    Flavour,
    LabelMap,
    Makes,
    Name,
    Number,
    OwnedBy,
    Rule,
    State,
    Text,
    TextBy,
    Texts,
)
from costwire_aggregator.topology.model import (
    Container,
    Device,
    Namespace,
    Node,
    PersistentVolume,
    Pod,
    Workload,
)

_OF_HOSTS = (
    NODES,
    "node_dmi_info",
    FREQUENCY,
    FREE_MEMORY,
    TEMPERATURE,
    "node_hwmon_temp_celsius",
    ENERGY,
    *NETWORK,
    "node_disk_info",
)
_OF_OBJECTS = (
    "kube_node_info",
    "kube_node_labels",
    CAPACITY,
    "kube_node_status_allocatable",
    "kube_node_spec_unschedulable",
    "kube_namespace_labels",
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_ready",
    "kube_statefulset_replicas",
    "kube_statefulset_status_replicas_ready",
    "kube_daemonset_status_desired_number_scheduled",
    "kube_daemonset_status_number_ready",
    "kube_cronjob_info",
    "kube_job_owner",
    "kube_persistentvolume_info",
    "kube_persistentvolume_claim_ref",
    "kube_persistentvolume_capacity_bytes",
)
_OF_STATES = (
    "kube_node_status_condition",
    "kube_namespace_status_phase",
    "kube_persistentvolume_status_phase",
    PHASES,
)
_OF_PODS = (
    PODS,
    "kube_pod_labels",
    "kube_pod_status_ready",
    CONTAINERS,
    "kube_pod_container_status_ready",
    "kube_pod_container_status_restarts_total",
    "kube_pod_container_resource_requests",
    "kube_pod_container_resource_limits",
)
_OF_PODS_NETWORKS = (
    "veth.*",
    "cali.*",  # Calico
    "lxc.*",  # Cilium
    "(eni|vlan)[0-9a-f]{11}",  # EKS
    "azv.*",  # AKS
    "gke[0-9a-f]{11}",  # GKE
    "[0-9a-f]{15}",  # OVN-Kubernetes
)
_NO_PODS_INTERFACE = f'device!~"{"|".join(_OF_PODS_NETWORKS)}"'
_REPLICASETS = "kube_replicaset_owner"
_NODE_CPU, _NODE_MEMORY = "costwire_node_cpu_usage", "costwire_node_memory_usage"
_CPU, _MEMORY = "costwire_container_cpu_usage", "container_memory_working_set_bytes"
_CONTAINERS = f'container!="",container!="POD",{NOT_OF_ICOS}'


# Old ReplicaSets, of which each Deployment keeps ten, have no pods.
_STATES = together(
    "states",
    {
        _REPLICASETS: f"({_REPLICASETS}{{{NOT_OF_ICOS}}} unless ignoring (owner_kind, owner_name,"
        " owner_is_controller) (kube_replicaset_status_replicas == 0))"
    },
    of_families("phases", _OF_STATES, matchers=NOT_OF_ICOS, holding=True),
)
_USAGE = together(
    "usage",
    {
        _MEMORY: f"{_MEMORY}{{{_CONTAINERS}}}",
        _CPU: named(
            _CPU,
            "sum without (cpu, id, image, name)"
            f" (rate(container_cpu_usage_seconds_total{{{_CONTAINERS}}}[5m]))",
        ),
        _NODE_CPU: named(
            _NODE_CPU,
            "sum without (cpu, mode) (rate(node_cpu_seconds_total"
            f'{{mode!~"idle|iowait|steal",{NOT_OF_ICOS}}}[5m]))',
        ),
        _NODE_MEMORY: named(
            _NODE_MEMORY,
            f"node_memory_MemTotal_bytes{{{NOT_OF_ICOS}}} - node_memory_MemAvailable_bytes",
        ),
    },
)
_QUESTIONS = (
    TIMES,
    of_families("hosts", _OF_HOSTS, matchers=f"{_NO_PODS_INTERFACE},{NOT_OF_ICOS}"),
    of_families("objects", _OF_OBJECTS, matchers=NOT_OF_ICOS),
    _STATES,
    of_families("pods", _OF_PODS, matchers=f'condition=~"true|",{NOT_OF_ICOS}'),
    _USAGE,
)

_NODE = ("exported_node", "node")
_NAMESPACE = ("exported_namespace", "namespace")
_POD = ("exported_pod", "pod")
_CONTAINER = ("exported_container", "container")
_INSTANCE: tuple[Name, ...] = (("node",), ("kubernetes_node",), ("instance",))
_OF_ZONES = {
    "location.region": (
        "label_topology_kubernetes_io_region",
        "label_failure_domain_beta_kubernetes_io_region",
    ),
    "location.zone": (
        "label_topology_kubernetes_io_zone",
        "label_failure_domain_beta_kubernetes_io_zone",
    ),
    "architecture": ("label_kubernetes_io_arch", "label_beta_kubernetes_io_arch"),
    "host_name": ("label_kubernetes_io_hostname",),
    "instance_type": (
        "label_node_kubernetes_io_instance_type",
        "label_beta_kubernetes_io_instance_type",
    ),
}


def _workload(kind: str, label: str, *families: str) -> tuple[Rule, ...]:
    """`families`: of the pods that should be there, and of those that are ready."""
    fields = ("desired", "ready")
    return tuple(
        Rule(
            (family,),
            Workload,
            (Number(field, PIECES),),
            Makes.ALWAYS,
            at=(_NAMESPACE, (f"exported_{label}", label)),
            kind=kind,
        )
        for family, field in zip(families, fields, strict=True)
    )


_NODE_RULES = (
    Rule(
        ("kube_node_info",),
        Node,
        (
            Texts(
                {
                    "name": _NODE,
                    "system_uuid": ("system_uuid",),
                    "provider_id": ("provider_id",),
                    "ip": ("internal_ip",),
                    "os": ("os_image",),
                    "kernel": ("kernel_version",),
                    "kubelet_version": ("kubelet_version",),
                    "container_runtime": ("container_runtime_version",),
                }
            ),
        ),
        Makes.ALWAYS,
        known_by=(_NODE, ("internal_ip",)),
    ),
    Rule(
        (NODES,),
        Node,
        (
            Texts(
                {
                    "name": ("nodename",),
                    "host_name": ("nodename",),
                    "architecture": ("machine",),
                    "kernel": ("release",),
                }
            ),
        ),
        Makes.WHERE_NONE_IS,
        at=(*_INSTANCE, ("nodename",)),
        known_by=(("nodename",), ("instance",)),
    ),
    Rule(("kube_node_labels",), Node, (LabelMap("labels", ("label_",)), Texts(_OF_ZONES))),
    Rule((CAPACITY,), Node, (AmountOf("capacity"),)),
    Rule(("kube_node_status_allocatable",), Node, (AmountOf("allocatable"),)),
    Rule(("kube_node_spec_unschedulable",), Node, (State("unschedulable", TRUE_OR_FALSE),)),
    Rule(("kube_node_status_condition",), Node, (TextBy("conditions", "condition", "status"),)),
    Rule(("node_dmi_info",), Node, (Text("system_uuid", ("product_uuid",)),), at=_INSTANCE),
    Rule(
        ("node_hwmon_temp_celsius",),
        Node,
        (Number("temperatures", CELSIUS, by=("chip", "sensor")),),
        at=_INSTANCE,
    ),
    Rule((ENERGY,), Node, (Number("energy", MICROJOULES),), at=_INSTANCE),
    Rule((_NODE_CPU,), Node, (Number("usage", CORES, "cpu"),), at=_INSTANCE),
    Rule((_NODE_MEMORY,), Node, (Number("usage", BYTES, "memory"),), at=_INSTANCE),
    *host_rules(*_INSTANCE),
    Rule(
        ("node_disk_info",),
        Device,
        (Texts({"path": ("path",), "model": ("model",), "serial": ("serial",)}),),
        Makes.ALWAYS,
        at=_INSTANCE,
    ),
)
_OBJECT_RULES = (
    Rule(
        ("kube_namespace_status_phase",),
        Namespace,
        (Text("phase", ("phase",), while_one=True),),
        Makes.ALWAYS,
    ),
    Rule(("kube_namespace_labels",), Namespace, (LabelMap("labels", ("label_",)),), Makes.ALWAYS),
    *_workload(
        "Deployment",
        "deployment",
        "kube_deployment_spec_replicas",
        "kube_deployment_status_replicas_ready",
    ),
    *_workload(
        "StatefulSet",
        "statefulset",
        "kube_statefulset_replicas",
        "kube_statefulset_status_replicas_ready",
    ),
    *_workload(
        "DaemonSet",
        "daemonset",
        "kube_daemonset_status_desired_number_scheduled",
        "kube_daemonset_status_number_ready",
    ),
    Rule(
        ("kube_cronjob_info",),
        Workload,
        makes=Makes.ALWAYS,
        at=(_NAMESPACE, ("cronjob",)),
        kind="CronJob",
    ),
    Rule(
        ("kube_job_owner",),
        Workload,
        (OwnedBy("owner_kind", "owner_name"),),
        Makes.ALWAYS,
        at=(_NAMESPACE, ("job_name",)),
        kind="Job",
    ),
    Rule(
        (_REPLICASETS,),
        Workload,
        (OwnedBy("owner_kind", "owner_name"),),
        Makes.ALWAYS,
        at=(_NAMESPACE, ("replicaset",)),
        kind="ReplicaSet",
    ),
    Rule(
        ("kube_persistentvolume_info",),
        PersistentVolume,
        (
            Texts(
                {
                    "storage_class": ("storageclass",),
                    "driver": ("csi_driver",),
                    "handle": ("csi_volume_handle",),
                    "disk": ("ebs_volume_id", "gce_persistent_disk_name", "azure_disk_name"),
                }
            ),
        ),
        Makes.ALWAYS,
    ),
    Rule(
        ("kube_persistentvolume_claim_ref",),
        PersistentVolume,
        (Texts({"claim_namespace": ("claim_namespace",), "claim": ("name",)}),),
    ),
    Rule(("kube_persistentvolume_capacity_bytes",), PersistentVolume, (Number("capacity", BYTES),)),
    Rule(
        ("kube_persistentvolume_status_phase",),
        PersistentVolume,
        (Text("phase", ("phase",), while_one=True),),
    ),
)
_POD_RULES = (
    Rule(
        (PODS,),
        Pod,
        (
            Texts({"uid": ("uid",), "node": _NODE, "ip": ("pod_ip",), "host_ip": ("host_ip",)}),
            OwnedBy("created_by_kind", "created_by_name"),
        ),
        Makes.ALWAYS,
    ),
    Rule(("kube_pod_labels",), Pod, (LabelMap("labels", ("label_",)),)),
    Rule((PHASES,), Pod, (Text("phase", ("phase",), while_one=True),)),
    Rule(
        ("kube_pod_status_ready",),
        Pod,
        (State("ready", TRUE_OR_FALSE),),
        where={"condition": "true"},
    ),
    Rule((CONTAINERS,), Container, (Text("image", ("image",)),), Makes.ALWAYS),
    Rule(("kube_pod_container_status_ready",), Container, (State("ready", TRUE_OR_FALSE),)),
    Rule(("kube_pod_container_status_restarts_total",), Container, (Number("restarts", PIECES),)),
    Rule(("kube_pod_container_resource_requests",), Container, (AmountOf("requests"),)),
    Rule(("kube_pod_container_resource_limits",), Container, (AmountOf("limits"),)),
    Rule((_CPU,), Container, (Number("usage", CORES, "cpu"),)),
    Rule((_MEMORY,), Container, (Number("usage", BYTES, "memory"),)),
)

KUBERNETES = Flavour(
    "kubernetes",
    "kube-state-metrics 2, node exporter and cAdvisor, as kube-prometheus scrapes them",
    frozenset({"kube_node_info", PODS}),
    _QUESTIONS,
    ByLabels(name=("cluster",)),
    {
        Node: (_NODE,),
        Namespace: (_NAMESPACE,),
        PersistentVolume: (("persistentvolume",),),
        Pod: (_NAMESPACE, _POD),
        Container: (_NAMESPACE, _POD, _CONTAINER),
    },
    (*_NODE_RULES, *_OBJECT_RULES, *_POD_RULES),
    NOT_OF_ICOS,
)

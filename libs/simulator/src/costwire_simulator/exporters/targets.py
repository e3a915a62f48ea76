"""All exporters of an estate, as Prometheus would find them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from costwire_simulator.estate.model import Cluster, Estate
from costwire_simulator.exporters.cadvisor import cadvisor
from costwire_simulator.exporters.icos import icos_agent
from costwire_simulator.exporters.kube_state_metrics import kube_state_metrics
from costwire_simulator.exporters.node_exporter import node_exporter
from costwire_simulator.exporters.opentelemetry import opentelemetry_collector
from costwire_simulator.targets import Target

JOBS = {
    "kube-state-metrics": True,
    "node-exporter": False,
    "kubelet": True,
    "otel-collector": True,
    "icos-telemetry": True,
}
"""Kinds of exporters, and whether their own labels are honoured."""


def targets_of(estate: Estate) -> list[Target]:
    """Of all clusters."""
    return [target for cluster in estate.clusters for target in cluster_targets(cluster)]


def cluster_targets(cluster: Cluster) -> Iterator[Target]:
    """What tells of a cluster; of Kubernetes with the labels that kube-prometheus gives."""
    if cluster.flavour == "opentelemetry":
        yield _target(cluster, "otel-collector", partial(opentelemetry_collector, cluster))
    elif cluster.flavour == "kubernetes":
        yield from _of_kubernetes(cluster)
    else:
        yield _target(cluster, "icos-telemetry", partial(icos_agent, cluster))


def _target(cluster: Cluster, job: str, render: partial[bytes]) -> Target:
    named = {"job": job, "instance": f"{job}.{cluster.name}:8889"}
    return Target(cluster.name, f"/clusters/{cluster.name}/{job}", named, render, JOBS[job])


def _of_kubernetes(cluster: Cluster) -> Iterator[Target]:
    of_cluster = {"cluster": cluster.name}
    path = f"/clusters/{cluster.name}"
    job = "kube-state-metrics"
    yield Target(
        cluster.name,
        f"{path}/{job}",
        {
            **of_cluster,
            "job": job,
            "instance": f"{cluster.nodes[0].pod_network}.250:8443",
            "container": "kube-rbac-proxy-main",
        },
        partial(kube_state_metrics, cluster),
        JOBS[job],
    )
    for node in cluster.nodes:
        job = "node-exporter"
        yield Target(
            cluster.name,
            f"{path}/nodes/{node.name}/{job}",
            {
                **of_cluster,
                "job": job,
                "instance": node.name,
                "namespace": "monitoring",
                "container": "kube-rbac-proxy",
                "endpoint": "https",
                "service": job,
            },
            partial(node_exporter, cluster, node),
            JOBS[job],
        )
        job = "kubelet"
        yield Target(
            cluster.name,
            f"{path}/nodes/{node.name}/cadvisor",
            {
                **of_cluster,
                "job": job,
                "instance": f"{node.ip}:10250",
                "namespace": "kube-system",
                "node": node.name,
                "endpoint": "https-metrics",
                "service": job,
                "metrics_path": "/metrics/cadvisor",
            },
            partial(cadvisor, cluster, node),
            JOBS[job],
        )

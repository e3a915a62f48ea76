"""The telemetry agent of ICOS: what it gathers from the hosts of a cluster, or of a fleet.

Each series has the labels of its host; hosts of a fleet are of no cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costwire_simulator.estate.draws import draw, hexes, pick, uuid
from costwire_simulator.estate.model import Cluster, Node
from costwire_simulator.estate.pods import Pod, pods
from costwire_simulator.estate.usage import total
from costwire_simulator.exporters.hosts import Host, tell_hosts
from costwire_simulator.exporters.kube_pods import image_of, key_of, phases, pod_info
from costwire_simulator.exporters.kube_state_metrics import capacity
from costwire_simulator.exporters.text import Page, joined, labels

_SEVERITIES = ("Critical", "High", "Medium", "Low")
_DEVICES = (("camera_front", "/dev/video0"), ("gps", "/dev/ttyS1"))
_STATES = (1, 0, -1)
"""Of a device: available, busy, detached."""
_WATTS = 85.0


def icos_agent(cluster: Cluster, at: float) -> bytes:
    """Its text at a time."""
    page = Page()
    is_fleet = cluster.flavour == "icos-fleet"
    hosts = [_host(cluster, node, is_fleet=is_fleet) for node in cluster.nodes]
    _tell_agents(page, cluster, is_fleet=is_fleet)
    tell_hosts(page, hosts, at)
    _tell_hosts(page, hosts, at)
    named = {host.node: host.labels for host in hosts}
    _tell_pods(page, [(named[pod.slot.node], pod) for pod in pods(cluster, at)])
    _tell_usage(page, cluster, at, is_fleet=is_fleet)
    return page.text()


def _host(cluster: Cluster, node: Node, *, is_fleet: bool) -> Host:
    own = {
        "icos_agent_id": node.name if is_fleet else cluster.name,
        "icos_host_id": hexes(8, node.system_uuid, "host"),
        "icos_host_name": node.name,
    }
    if not is_fleet:
        own["k8s_cluster_uid"] = cluster.uid
    about = {
        "net_host_name": node.ip,
        "icos_alpha_latitude": node.latitude,
        "icos_alpha_longitude": node.longitude,
    }
    return Host(labels(own), node, cluster, labels(about))


def _tell_agents(page: Page, cluster: Cluster, *, is_fleet: bool) -> None:
    of_cluster = {"k8s_cluster_uid": cluster.uid}
    told: list[Mapping[str, object]] = [
        {"type": "ocm", "agent_id": cluster.name, "agent_name": cluster.name, **of_cluster}
    ]
    if is_fleet:
        told = [
            {
                "type": "nuvla",
                "agent_id": f"nuvlabox/{uuid(node.system_uuid, 'agent')}",
                "agent_name": cluster.name,
                "icos_host_name": node.name,
            }
            for node in cluster.nodes
        ]
    page.family("tlum_orch_info", "gauge", "About an agent.", ((labels(one), 1) for one in told))
    if not is_fleet:
        named = labels({**of_cluster, "name": cluster.name})
        page.family("tlum_ocm_agent_info", "gauge", "The name of a cluster.", [(named, 1)])


def _tell_hosts(page: Page, hosts: Sequence[Host], at: float) -> None:
    page.family(
        "kube_node_status_capacity",
        "gauge",
        "The capacity of a node.",
        (
            (f'{host.labels},node="{host.node.name}",resource="{resource}",unit="{unit}"', amount)
            for host in hosts
            for resource, unit, amount in capacity(host.node)
        ),
    )
    page.family(
        "scaph_host_energy_microjoules_total",
        "counter",
        "The energy that a host has used.",
        ((host.labels, int(_microjoules(host, at))) for host in hosts),
    )
    page.family(
        "node_mounted",
        "gauge",
        "1 available, 0 busy, -1 detached.",
        (
            (
                f'{host.labels},device="{device}",resource_path="{path}"',
                pick(_STATES, host.node.system_uuid, device),
            )
            for host in hosts
            for device, path in _DEVICES
        ),
    )
    checked = [
        (labels({"agent_hostname": host.node.name, "agent_ip": host.node.ip}), host.node)
        for host in hosts
    ]
    page.family(
        "SCA_score",
        "gauge",
        "Of an assessment of the configuration.",
        ((key, 55 + draw(node.system_uuid, "score") % 400 / 10) for key, node in checked),
    )
    page.family(
        "vulnerabilities",
        "gauge",
        "How many were found.",
        (
            (f'{key},severity="{severity}"', draw(node.system_uuid, severity) % (6 << place))
            for key, node in checked
            for place, severity in enumerate(_SEVERITIES)
        ),
    )


def _microjoules(host: Host, at: float) -> float:
    return total(_WATTS * 1e6, 0.4, host.cluster.phase, host.booted(at), at)


def _tell_pods(page: Page, found: Sequence[tuple[str, Pod]]) -> None:
    """`found`: pods, each with the labels of its host."""
    keys = [(f"{host},{key_of(pod)}", pod) for host, pod in found]
    page.family(
        "kube_pod_info", "gauge", "About a pod.", ((pod_info(key, pod), 1) for key, pod in keys)
    )
    page.family("kube_pod_status_phase", "gauge", "The phase of a pod.", phases(keys))
    page.family(
        "kube_pod_container_info",
        "gauge",
        "About a container of a pod.",
        (
            (f'{key},container="{container.name}",image="{image_of(pod, number)}"', 1)
            for key, pod in keys
            for number, container in enumerate(pod.slot.workload.containers)
        ),
    )


def _tell_usage(page: Page, cluster: Cluster, at: float, *, is_fleet: bool) -> None:
    uid = "" if is_fleet else labels({"k8s_cluster_uid": cluster.uid})
    page.family(
        "container_cpu_utilization_ratio",
        "gauge",
        "The part of a core that a container uses.",
        (
            (
                joined(
                    uid,
                    f'icos_host_name="{pod.slot.node.name}",k8s_pod_name="{pod.name}",'
                    f'k8s_namespace_name="{pod.slot.workload.namespace}",'
                    f'k8s_container_name="{container.name}"',
                ),
                pod.cores(number, cluster.phase, at),
            )
            for pod in pods(cluster, at)
            if pod.runs
            for number, container in enumerate(pod.slot.workload.containers)
        ),
    )

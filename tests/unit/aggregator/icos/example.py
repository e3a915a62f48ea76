"""The example of the reference: an OCM cluster, a Nuvla host, and hosts that nobody knows."""

from __future__ import annotations

from costwire_aggregator.samples import Sample

NOW = 1753000061.75
_AGENT = {"k8s_cluster_uid": "5d3c9a10", "icos_agent_id": "edge-north"}
_NORTH = _AGENT | {"icos_host_id": "b7e1c2d3", "icos_host_name": "node-a1"}
_ROVER = {"icos_host_id": "f00d1234", "icos_host_name": "rover-07", "icos_agent_id": "rover-07"}
_CHECKED = {"agent_hostname": "node-a1", "agent_ip": "10.20.0.5"}
_API = {"pod": "shop-api-0"}

SERIES: dict[str, list[tuple[dict[str, str], float]]] = {
    "up": [({"job": "x"}, 1753000000.5), ({"job": "y"}, 1753000012)],
    "tlum_orch_info": [
        (
            {
                "type": "ocm",
                "agent_id": "edge-north",
                "agent_name": "edge-north",
                "k8s_cluster_uid": "5d3c9a10",
            },
            1,
        ),
        (
            {
                "type": "nuvla",
                "agent_id": "nuvlabox/9c2e",
                "agent_name": "rover-fleet",
                "icos_host_name": "rover-07",
            },
            1,
        ),
    ],
    "node_uname_info": [
        (
            _NORTH
            | {
                "nodename": "node-a1",
                "net_host_name": "10.20.0.5",
                "machine": "x86_64",
                "icos_alpha_latitude": "41.38",
                "icos_alpha_longitude": "2.17",
            },
            1,
        ),
        (_ROVER | {"nodename": "rover-07", "net_host_name": "10.30.0.7", "machine": "aarch64"}, 1),
        ({"k8s_cluster_uid": "self", "icos_host_id": "ctl", "nodename": "ctl"}, 1),
        ({"k8s_cluster_uid": "stray", "icos_host_id": "z", "nodename": "z"}, 1),
    ],
    "SCA_score": [(_CHECKED, 63.9)],
    "vulnerabilities": [
        (_CHECKED | {"severity": "High"}, 4),
        (_CHECKED | {"severity": "Critical"}, 0),
    ],
    "kube_node_status_capacity": [
        (_NORTH | {"resource": "cpu"}, 8),
        (_NORTH | {"resource": "memory"}, 33512345600),
    ],
    "node_cpu_frequency_max_hertz": [
        (_NORTH | {"cpu": "0"}, 3400000000),
        (_NORTH | {"cpu": "1"}, 3600000000),
    ],
    "node_thermal_zone_temp": [(_NORTH | {"zone": "0"}, 44), (_NORTH | {"zone": "1"}, 47.5)],
    "scaph_host_energy_microjoules_total": [(_NORTH, 912345678901)],
    "node_memory_MemFree_bytes": [(_NORTH, 2147483648), (_ROVER, 536870912)],
    "node_network_info": [
        (_NORTH | {"device": "eth0", "duplex": "full"}, 1),
        (_ROVER | {"device": "wlan0", "duplex": "unknown"}, 1),
    ],
    "node_network_up": [(_NORTH | {"device": "eth0"}, 1), (_NORTH | {"device": "eth1"}, 0)],
    "node_network_address_info": [
        (_NORTH | {"device": "eth0", "address": "10.20.0.5", "netmask": "24"}, 1),
        (_NORTH | {"device": "eth0", "address": "fe80::1", "netmask": "64"}, 1),
    ],
    "node_network_speed_bytes": [
        (_NORTH | {"device": "eth0"}, 125000000),
        (_NORTH | {"device": "eth1"}, -125000),
    ],
    "node_mounted": [
        (_NORTH | {"device": "camera_front", "resource_path": "/dev/video0"}, 1),
        (_ROVER | {"device": "gps", "resource_path": "/dev/ttyS1"}, -1),
    ],
    "kube_pod_info": [
        (_AGENT | _API | {"icos_host_name": "node-a1", "pod_ip": "10.42.0.9"}, 1),
        (_ROVER | {"pod": "relay-0", "pod_ip": ""}, 1),
    ],
    "kube_pod_status_phase": [
        (_AGENT | _API | {"phase": "Running"}, 1),
        (_ROVER | {"pod": "relay-0", "phase": "Running"}, 1),
    ],
    "kube_pod_container_info": [
        (_NORTH | _API | {"container": "api"}, 1),
        (_NORTH | _API | {"container": "proxy"}, 1),
    ],
    "container_cpu_utilization_ratio": [
        (
            {
                "k8s_cluster_uid": "5d3c9a10",
                "k8s_pod_name": "shop-api-0",
                "k8s_container_name": "api",
                "icos_host_name": "node-a1",
            },
            0.0425,
        )
    ],
    "tlum_ocm_agent_info": [({"k8s_cluster_uid": "5d3c9a10", "name": "edge-north"}, 1)],
}


def example() -> dict[str, list[Sample]]:
    """Its samples, by family."""
    return {
        family: [Sample(labels, float(value)) for labels, value in series]
        for family, series in SERIES.items()
    }

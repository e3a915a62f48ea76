"""Which node a series tells of: exporters call one host by many names."""

from __future__ import annotations

import pytest
from tests.unit.aggregator.topology.told import (
    Told,
    cluster_of,
    folded,
    info,
    node_of,
    reading,
)

from costwire_aggregator.topology.fold import NO_CLUSTER, NOBODYS, fold

EXPORTER = "10.0.0.5:9100"


def used(labels: dict[str, str], *nodes: tuple[dict[str, str], float], **more: Told) -> list[float]:
    """The cores used of each node, or -1, where one series with these labels tells them."""
    topology = folded(kube_node_info=[*nodes], costwire_node_cpu_usage=[(labels, 2)], **more)
    return [node.usage.get("cpu", -1) for node in cluster_of(topology).nodes]


@pytest.mark.parametrize(
    "labels",
    [
        {"node": "a", "instance": "nobody:9100"},
        {"kubernetes_node": "a", "instance": "nobody:9100"},
        {"instance": "a"},
        {"instance": "a:9100"},
        {"instance": EXPORTER},
        {"instance": "[fd00::5]:9100"},
    ],
    ids=lambda labels: " ".join(f"{name}={text}" for name, text in labels.items()),
)
def test_exporter_names_its_host_in_many_ways(labels: dict[str, str]) -> None:
    ip = "fd00::5" if "fd00" in labels["instance"] else "10.0.0.5"
    assert used(labels, info("a", internal_ip=ip), info("b", internal_ip="10.0.0.6")) == [2, -1]


def test_host_of_an_instance_is_known_by_its_name() -> None:
    """Behind a proxy the instance is neither a node's name nor its address."""
    uname: Told = [({"instance": "proxy:1234", "nodename": "a", "machine": "x86_64"}, 1)]
    assert used({"instance": "proxy:1234"}, info("a"), info("b"), node_uname_info=uname) == [2, -1]


def test_instance_of_several_hosts_is_nobodys() -> None:
    uname: Told = [({"instance": "proxy:1234", "nodename": name}, 1) for name in ("a", "b")]
    nodes = info("a"), info("b")
    assert used({"instance": "proxy:1234"}, *nodes, node_uname_info=uname) == [-1, -1]


def test_missing_labels_are_equal_to_no_others() -> None:
    nodes = info("a", internal_ip=""), info("b")
    assert used({"job": "node-exporter"}, *nodes) == [-1, -1]
    assert used({"instance": ":9100"}, *nodes) == [-1, -1]


def test_nodes_of_one_name_in_two_clusters_are_two() -> None:
    of_node = {"instance": "a"}
    topology = folded(
        kube_node_info=[info("a", cluster="x"), info("a", cluster="y")],
        costwire_node_cpu_usage=[(of_node | {"cluster": "y"}, 2)],
    )
    assert [[node.usage for node in one.nodes] for one in topology.clusters] == [[{}], [{"cpu": 2}]]


def test_hosts_are_nodes_where_nothing_else_tells_of_nodes() -> None:
    unames: Told = [({"instance": f"{name}:9100", "nodename": name}, 1) for name in ("a", "b")]
    topology = folded(
        node_uname_info=unames, costwire_node_memory_usage=[({"instance": "b:9100"}, 1024)]
    )
    nodes = cluster_of(topology).nodes
    assert [(node.name, node.usage) for node in nodes] == [("a", {}), ("b", {"memory": 1024})]


def test_hosts_that_are_nodes_have_what_is_on_them() -> None:
    host = {"instance": "a:9100"}
    topology = folded(
        node_uname_info=[(host | {"nodename": "a"}, 1)],
        node_network_info=[(host | {"device": "eth0"}, 1)],
        node_disk_info=[(host | {"device": "sda"}, 1)],
    )
    node = node_of(topology)
    assert ([one.name for one in node.interfaces], node.devices[0].name) == (["eth0"], "sda")


def test_host_is_no_node_where_another_upstream_tells_of_nodes() -> None:
    bastion = {"instance": "a:9100", "nodename": "bastion", "cluster": "x"}
    node = {"k8s_node_name": "n", "k8s_cluster_name": "x"}
    topology = fold(
        [
            reading("kubernetes", "a", node_uname_info=[(bastion, 1)]),
            reading("opentelemetry", "b", k8s_node_condition_ready=[(node, 1)]),
        ]
    )
    assert node_of(topology).name == "n"


def test_host_that_kubernetes_does_not_know_is_no_node_of_it() -> None:
    bastion = {"instance": "10.9.9.9:9100", "nodename": "bastion"}
    topology = folded(kube_node_info=[info("a")], node_uname_info=[(bastion, 1)])
    assert node_of(topology).name == "a"
    assert topology.notes == {("node_uname_info", NOBODYS): 1}


def test_interface_has_all_of_its_addresses_in_one_order() -> None:
    eth0 = {"node": "a", "device": "eth0"}
    addresses: Told = [
        (eth0 | {"address": address, "netmask": netmask}, 1)
        for address, netmask in (("fe80::1", "64"), ("10.0.0.5", "24"), ("10.0.0.4", "24"))
    ]
    topology = folded(
        kube_node_info=[info("a")], node_network_address_info=[*addresses, addresses[0]]
    )
    (interface,) = node_of(topology).interfaces
    assert [one.address for one in interface.addresses] == ["10.0.0.4", "10.0.0.5", "fe80::1"]


# ICOS.

AGENT = ({"type": "ocm", "agent_id": "a", "k8s_cluster_uid": "u"}, 1.0)


def host(name: str, **more: str) -> dict[str, str]:
    return {
        "k8s_cluster_uid": "u",
        "icos_host_id": f"id-{name}",
        "icos_host_name": name,
        "icos_agent_id": f"agent-{name}",
        "nodename": name,
        **more,
    }


def test_hosts_of_one_name_stay_two() -> None:
    hosts = [host("n"), host("n") | {"icos_host_id": "other"}]
    topology = folded(
        "icos",
        tlum_orch_info=[AGENT],
        node_uname_info=[(labels, 1) for labels in hosts],
        node_memory_MemFree_bytes=[({"k8s_cluster_uid": "u", "icos_host_id": "other"}, 7)],
    )
    nodes = cluster_of(topology).nodes
    assert [(node.name, node.uid, node.free_memory) for node in nodes] == [
        ("n", "id-n", None),
        ("n", "other", 7),
    ]


def test_capacity_is_of_the_host_that_its_agent_and_its_hosts_name_tell() -> None:
    capacity = {"k8s_cluster_uid": "u", "resource": "cpu", "icos_host_name": "n"}
    topology = folded(
        "icos",
        tlum_orch_info=[AGENT],
        node_uname_info=[(host("n"), 1), (host("m"), 1)],
        kube_node_status_capacity=[
            (capacity | {"icos_agent_id": "agent-n"}, 8),
            (capacity | {"icos_agent_id": "agent-m"}, 64),
        ],
    )
    nodes = cluster_of(topology).nodes
    assert [(node.name, node.capacity) for node in nodes] == [("m", {}), ("n", {"cpu": 8.0})]


def test_scan_is_of_the_host_with_its_name_and_address_wherever_that_is() -> None:
    other = AGENT[0] | {"agent_id": "b", "k8s_cluster_uid": "v"}
    here, there = host("n", net_host_name="10.0.0.1"), host("m", net_host_name="10.0.0.2")
    scanned = {"agent_hostname": "m", "agent_ip": "10.0.0.2"}
    families: dict[str, Told] = {
        "tlum_orch_info": [AGENT, (other, 1)],
        "node_uname_info": [(here, 1), (there | {"k8s_cluster_uid": "v"}, 1)],
        "vulnerabilities": [(scanned | {"severity": "High"}, 4), ({"severity": "High"}, 9)],
    }
    topology = folded("icos", **families)
    assert [node.vulnerabilities for one in topology.clusters for node in one.nodes] == [
        {},
        {"High": 4},
    ]
    assert topology.notes == {("vulnerabilities", NOBODYS): 1}
    families["node_uname_info"].append((there, 1))
    topology = folded("icos", **families)
    assert not any(node.vulnerabilities for one in topology.clusters for node in one.nodes)


def test_half_of_what_names_a_host_names_none() -> None:
    topology = folded(
        "icos",
        tlum_orch_info=[AGENT],
        node_uname_info=[(host("n"), 1)],
        SCA_score=[({"agent_hostname": "n"}, 63.5)],
    )
    assert node_of(topology).sca_score is None
    assert topology.notes == {("SCA_score", NOBODYS): 1}


def test_sensor_is_called_by_what_there_is_of_its_names() -> None:
    sensors: Told = [({"node": "a", "zone": "0"}, 40), ({"node": "a", "type": "cpu"}, 50)]
    sensors.append(({"node": "a", "type": "cpu", "zone": "1"}, 60))
    topology = folded(kube_node_info=[info("a")], node_thermal_zone_temp=sensors)
    assert node_of(topology).temperatures == {"0": 40, "cpu": 50, "cpu 1": 60}


def test_host_that_no_agent_tells_of_is_left_out_with_a_note() -> None:
    topology = folded("icos", node_uname_info=[(host("n"), 1)])
    assert topology.clusters == []
    assert topology.notes == {("node_uname_info", NO_CLUSTER): 1}

"""Which cluster a series tells of, and what it is called."""

from __future__ import annotations

from tests.unit.aggregator.topology.told import Told, folded, info, of_pod, reading

from costwire_aggregator.topology.fold import NO_CLUSTER, fold
from costwire_aggregator.topology.model import Topology


def named(topology: Topology) -> list[tuple[str, str | None, str | None, int]]:
    """Key, name, uid, and how many nodes, of each cluster."""
    return [(one.key, one.name, one.uid, len(one.nodes)) for one in topology.clusters]


def otel(node: str, **labels: str) -> tuple[dict[str, str], float]:
    return {"k8s_node_name": node} | {f"k8s_cluster_{key}": text for key, text in labels.items()}, 1


def test_upstreams_name_is_that_of_a_cluster_whose_series_name_none() -> None:
    told = reading("kubernetes", "north", kube_node_info=[info("a"), info("b", cluster="south")])
    assert named(fold([told])) == [("north", "north", None, 1), ("south", "south", None, 1)]


def test_upstreams_that_tell_of_one_cluster_tell_of_it_together() -> None:
    topology = fold(
        [
            reading("kubernetes", "a", kube_node_info=[info("n", cluster="x", os_image="Debian")]),
            reading(
                "kubernetes",
                "b",
                kube_node_info=[info("m", cluster="x")],
                kube_node_spec_unschedulable=[({"node": "n", "cluster": "x"}, 1)],
            ),
        ]
    )
    (cluster,) = topology.clusters
    assert [(node.name, node.os, node.unschedulable) for node in cluster.nodes] == [
        ("m", None, None),
        ("n", "Debian", True),
    ]


def test_flavours_tell_of_one_cluster_together() -> None:
    nodes: Told = [otel("n", name="x", uid="u")]
    topology = fold(
        [
            reading("opentelemetry", "a", k8s_node_condition_ready=nodes),
            reading("kubernetes", "b", kube_node_info=[info("n", cluster="x", os_image="Debian")]),
        ]
    )
    assert named(topology) == [("x", "x", "u", 1)]
    (node,) = topology.clusters[0].nodes
    assert (node.os, node.conditions) == ("Debian", {"Ready": "True"})


def test_clusters_of_one_name_and_two_uids_stay_two() -> None:
    nodes = [otel("n", name="x", uid="1"), otel("n", name="x", uid="2")]
    assert named(folded("opentelemetry", k8s_node_condition_ready=nodes)) == [
        ("x (1)", "x", "1", 1),
        ("x (2)", "x", "2", 1),
    ]


def test_series_that_name_a_cluster_by_its_uid_alone_are_of_it() -> None:
    nodes = [otel("n", name="x", uid="1"), otel("m", uid="1"), otel("o", name="x")]
    assert named(folded("opentelemetry", k8s_node_condition_ready=nodes)) == [("x", "x", "1", 3)]


def test_name_of_several_clusters_is_that_of_none() -> None:
    nodes = [otel("n", name="x", uid="1"), otel("n", name="x", uid="2"), otel("m", name="x")]
    topology = folded("opentelemetry", k8s_node_condition_ready=nodes)
    assert [cluster.key for cluster in topology.clusters] == ["x (1)", "x (2)"]
    assert topology.notes == {("k8s_node_condition_ready", NO_CLUSTER): 1}


def test_cluster_whose_uid_is_anothers_name_stays_another() -> None:
    nodes = [otel("n", uid="x"), otel("m", name="x")]
    assert named(folded("opentelemetry", k8s_node_condition_ready=nodes)) == [
        ("x", "x", None, 1),
        ("x (x)", None, "x", 1),
    ]


# ICOS.


def agent(kind: str, **labels: str) -> tuple[dict[str, str], float]:
    return {"type": kind, **labels}, 1


def uname(host: str, **labels: str) -> tuple[dict[str, str], float]:
    names = {"icos_host_id": f"id-{host}", "icos_host_name": host, "nodename": host}
    return names | labels, 1


def test_agents_say_which_cluster_a_host_is_of() -> None:
    topology = folded(
        "icos",
        tlum_orch_info=[
            agent("ocm", agent_id="a", k8s_cluster_uid="u"),
            agent("nuvla", agent_id="b", agent_name="fleet", icos_host_name="rover"),
        ],
        tlum_ocm_agent_info=[({"k8s_cluster_uid": "u", "name": "edge"}, 1)],
        node_uname_info=[uname("n", k8s_cluster_uid="u"), uname("rover")],
    )
    assert named(topology) == [("edge", "edge", "u", 1), ("fleet", "fleet", None, 1)]


def test_last_of_several_names_by_the_alphabet_holds() -> None:
    names: Told = [({"k8s_cluster_uid": "u", "name": name}, 1) for name in ("edge", "north", "")]
    for told in (names, names[::-1]):
        topology = folded(
            "icos",
            tlum_orch_info=[agent("ocm", agent_id="a", k8s_cluster_uid="u")],
            tlum_ocm_agent_info=told,
            node_uname_info=[uname("n", k8s_cluster_uid="u")],
        )
        assert named(topology) == [("north", "north", "u", 1)]


def test_controllers_own_cluster_is_not_told_and_not_noted() -> None:
    own = {"k8s_cluster_uid": "self"}
    topology = folded(
        "icos",
        node_uname_info=[uname("ctl", **own)],
        kube_pod_info=[(of_pod() | own, 1)],
        node_memory_MemFree_bytes=[({"icos_host_id": "id-ctl"} | own, 1)],
    )
    assert topology == Topology()


def test_fleet_and_cluster_of_one_name_stay_two() -> None:
    topology = folded(
        "icos",
        tlum_orch_info=[
            agent("ocm", agent_id="a", k8s_cluster_uid="u"),
            agent("nuvla", agent_id="b", agent_name="x", icos_host_name="rover"),
        ],
        tlum_ocm_agent_info=[({"k8s_cluster_uid": "u", "name": "x"}, 1)],
        node_uname_info=[uname("n", k8s_cluster_uid="u"), uname("rover")],
    )
    assert [(one.name, one.uid) for one in topology.clusters] == [("x", None), ("x", "u")]
    assert len({one.key for one in topology.clusters}) == 2


def test_pods_of_one_name_on_two_hosts_of_a_fleet_are_two() -> None:
    hosts = ("h", "g")
    topology = folded(
        "icos",
        tlum_orch_info=[
            agent("nuvla", agent_id=host, agent_name="fleet", icos_host_name=host) for host in hosts
        ],
        node_uname_info=[uname(host) for host in hosts],
        kube_pod_info=[({"pod": "relay", "icos_host_name": host}, 1) for host in hosts],
    )
    (fleet,) = topology.clusters
    assert [(pod.name, pod.node) for pod in fleet.pods] == [("relay", "g"), ("relay", "h")]

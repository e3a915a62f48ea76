"""The infrastructure that series tell of: whatever their order, and whatever is wrong with some."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.icos_estates import Estate, Series, permuted
from tests.unit.aggregator.icos.example import NOW, example

from costwire_aggregator.icos.document import document
from costwire_aggregator.icos.fold import Fold
from costwire_aggregator.icos.model import Cluster, Infrastructure, Node
from costwire_aggregator.icos.names import told_apart
from costwire_aggregator.samples import Sample

AGENT = {"type": "ocm", "agent_id": "a", "agent_name": "a", "k8s_cluster_uid": "u"}
CHECKED = {"agent_hostname": "n", "agent_ip": "1.2.3.4"}


def an_estate(*hosts: str, **more: list[tuple[dict[str, str], float]]) -> Series:
    """One OCM cluster `u`; `more`: series of other families."""
    told: dict[str, list[tuple[dict[str, str], float]]] = {
        "tlum_orch_info": [(AGENT, 1)],
        "node_uname_info": [
            (of_host(host) | {"nodename": host, "net_host_name": "1.2.3.4"}, 1) for host in hosts
        ],
        **more,
    }
    return {family: [Sample(*series) for series in of] for family, of in told.items()}


def of_host(host: str) -> dict[str, str]:
    return {
        "k8s_cluster_uid": "u",
        "icos_host_id": f"id-{host}",
        "icos_host_name": host,
        "icos_agent_id": "a",
    }


def of_pod(pod: str, namespace: str = "shop") -> dict[str, str]:
    return {"k8s_cluster_uid": "u", "pod": pod, "namespace": namespace}


def rover(host: str, **more: str) -> list[Sample]:
    """The agent of a host of its own, and the host."""
    agent = {"type": "nuvla", "agent_id": f"box-{host}", "agent_name": "fleet", **more}
    return [
        Sample(agent | {"icos_host_name": host}, 1),
        Sample({"icos_host_name": host, "icos_host_id": f"id-{host}", "nodename": host}, 1),
    ]


def a_fleet(*rovers: list[Sample], **more: list[tuple[dict[str, str], float]]) -> Series:
    """Hosts, each with its agent."""
    told = {family: [Sample(*series) for series in of] for family, of in more.items()}
    agents, hosts = zip(*rovers, strict=True)
    return {"tlum_orch_info": [*agents], "node_uname_info": [*hosts], **told}


def folded(series: Series) -> Infrastructure:
    return Fold(series).infrastructure()


def cluster_of(series: Series) -> Cluster:
    (cluster,) = folded(series).clusters.values()
    return cluster


def node_of(series: Series) -> Node:
    (node,) = cluster_of(series).nodes.values()
    return node


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_order_of_series_never_matters(seed: int, other: int) -> None:
    series = Estate(seed).series
    told = document(folded(series), NOW)
    assert document(folded(permuted(series, other)), NOW) == told


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_every_estate_is_told(seed: int, oddity: float) -> None:
    infrastructure = folded(Estate(seed, oddity=oddity).series)
    told = json.loads(document(infrastructure, NOW)).get("cluster", {})
    assert {
        name: (told[name].get("node", {}).keys(), told[name].get("pod", {}).keys()) for name in told
    } == {
        name: (cluster.nodes.keys(), cluster.pods.keys())
        for name, cluster in infrastructure.clusters.items()
    }


def test_example_has_what_the_original_leaves_out_of_nuvla() -> None:
    fleet = folded(example()).clusters["rover-fleet"]
    assert fleet.name == "rover-fleet"
    assert fleet.pods["relay-0"].status == "Running"
    assert fleet.nodes["nuvlabox/9c2e"].interfaces["wlan0"].name == "wlan0"


def test_address_of_the_network_is_preferred_to_that_of_the_link() -> None:
    (node,) = folded(example()).clusters["edge-north"].nodes.values()
    assert (node.interfaces["eth0"].ip, node.interfaces["eth0"].subnet_mask) == ("10.20.0.5", "24")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300], ids=str)
def test_value_that_is_none_costs_its_field_and_no_more(value: float) -> None:
    of = of_host("n")
    series = an_estate(
        "n",
        SCA_score=[(CHECKED, value)],
        node_memory_MemFree_bytes=[(of, value)],
        kube_node_status_capacity=[(of | {"resource": "cpu"}, value)],
        node_mounted=[(of | {"device": "gps"}, value)],
    )
    fold = Fold(series)
    (cluster,) = fold.infrastructure().clusters.values()
    (node,) = cluster.nodes.values()
    assert (node.free_memory, node.cores, node.sca_score, node.name) == (None, None, None, "n")
    assert node.devices["gps"].status == ("unknown" if value == 1e300 else "")
    assert fold.left_out["SCA_score", "its value is no whole number of 32 bits"]
    assert fold.left_out["node_memory_MemFree_bytes", "its value is no whole number of 64 bits"]


@pytest.mark.parametrize("family", ["node_thermal_zone_temp", "up"])
def test_value_that_is_no_number_leaves_the_others(family: str) -> None:
    of = of_host("n")
    series = an_estate("n", **{family: [(of | {"zone": "0"}, math.nan), (of, 44.0)]})
    told = folded(series)
    (cluster,) = told.clusters.values()
    (node,) = cluster.nodes.values()
    assert {"node_thermal_zone_temp": node.temperature, "up": told.oldest}[family] == 44.0


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "north"])
def test_coordinate_that_is_no_number_is_left_out(text: str) -> None:
    series = an_estate("n")
    (uname,) = series["node_uname_info"]
    place = {"icos_alpha_latitude": text, "icos_alpha_longitude": "2.17"}
    series["node_uname_info"] = [Sample({**uname.labels, **place}, 1)]
    node = node_of(series)
    assert (node.latitude, node.longitude) == (None, 2.17)


def test_without_samples_there_is_no_time() -> None:
    assert folded({}) == Infrastructure({}, None)


def test_nodes_of_one_name_are_told_apart_by_their_ids() -> None:
    series = an_estate("n")
    (uname,) = series["node_uname_info"]
    series["node_uname_info"].append(Sample({**uname.labels, "icos_host_id": "other"}, 1))
    assert [*cluster_of(series).nodes] == ["n (id-n)", "n (other)"]


def test_pods_of_one_name_are_told_apart_by_their_namespaces() -> None:
    pods = [(of_pod("web"), 1.0), (of_pod("web", "test"), 1.0), (of_pod("db"), 1.0)]
    phases = [(of_pod("web", "test") | {"phase": "Failed"}, 1.0)]
    cluster = cluster_of(an_estate("n", kube_pod_info=pods, kube_pod_status_phase=phases))
    assert {name: pod.status for name, pod in cluster.pods.items()} == {
        "web (shop)": "",
        "web (test)": "Failed",
        "db": "",
    }


def test_clusters_of_one_name_are_told_apart_by_their_ids() -> None:
    series = an_estate("n")
    (uname,) = series["node_uname_info"]
    for uid in ("v", "u"):
        agent = AGENT | {"agent_id": uid, "k8s_cluster_uid": uid}
        series["tlum_orch_info"].append(Sample(agent, 1))
        series["node_uname_info"].append(Sample({**uname.labels, "k8s_cluster_uid": uid}, 1))
    series["tlum_ocm_agent_info"] = [
        Sample({"k8s_cluster_uid": uid, "name": "edge"}, 1) for uid in ("u", "v")
    ]
    assert sorted(folded(series).clusters) == ["edge (u)", "edge (v)"]


@pytest.mark.parametrize(
    "agent",
    [
        {"type": "nuvla", "agent_id": "x", "agent_name": "fleet"},
        {"type": "ocm", "agent_id": "y", "agent_name": "y"},
    ],
    ids=lambda agent: agent["type"],
)
def test_agent_without_a_place_adopts_no_host_without_one(agent: dict[str, str]) -> None:
    series = an_estate("n")
    series["tlum_orch_info"].append(Sample(agent, 1))
    series["node_uname_info"].append(Sample({"icos_host_id": "stray", "nodename": "stray"}, 1))
    assert [*cluster_of(series).nodes] == ["n"]


def test_host_whose_agent_has_its_name_is_kept() -> None:
    series = an_estate()
    series["tlum_orch_info"] = [
        Sample({"type": "nuvla", "agent_id": "n", "agent_name": "f", "icos_host_name": "n"}, 1)
    ]
    host = {"icos_host_name": "n", "nodename": "n", "icos_host_id": "1"}
    series["node_uname_info"] = [Sample(host, 1)]
    assert [*cluster_of(series).nodes] == ["n"]


def test_hosts_without_a_name_keep_their_ids_as_names() -> None:
    series = an_estate()
    series["node_uname_info"] = [Sample({"k8s_cluster_uid": "u", "icos_host_id": "7"}, 1)]
    assert [*cluster_of(series).nodes] == ["7"]


def test_two_series_for_one_host_do_not_lose_its_capacity() -> None:
    series = an_estate("n", kube_node_status_capacity=[(of_host("n") | {"resource": "cpu"}, 8.0)])
    (uname,) = series["node_uname_info"]
    series["node_uname_info"].append(Sample({**uname.labels, "instance": "again"}, 1))
    assert node_of(series).cores == 8


def test_hottest_zone_is_the_temperature_in_any_order() -> None:
    zones = [(of_host("n") | {"zone": str(n)}, heat) for n, heat in enumerate((44.0, 51.0, 47.5))]
    assert node_of(an_estate("n", node_thermal_zone_temp=zones)).temperature == 51.0


def test_hosts_of_the_controllers_own_cluster_are_not_told() -> None:
    series = an_estate("n")
    own = of_host("ctl") | {"k8s_cluster_uid": "self", "nodename": "ctl"}
    series["node_uname_info"].append(Sample(own, 1))
    fold = Fold(series)
    assert [*fold.infrastructure().clusters] == ["u"]
    assert not fold.left_out


def test_container_is_on_the_node_of_its_pod_whoever_tells_of_it() -> None:
    told_by = of_host("exporter") | of_pod("web") | {"container": "api"}
    pods = [(of_pod("web") | {"node": "n"}, 1.0)]
    series = an_estate("n", "exporter", kube_pod_info=pods, kube_pod_container_info=[(told_by, 1)])
    assert cluster_of(series).pods["web"].containers["api"].node == "id-n"


@given(st.dictionaries(st.text("ab ()1", max_size=6), st.text("ab ()1", max_size=6), max_size=9))
def test_no_name_hides_another_thing(names: dict[str, str]) -> None:
    told = told_apart(names, str, str)
    assert sorted(told.values()) == sorted(names.values())
    assert all(key.startswith(name) for key, name in told.items())


def test_clusters_of_two_kinds_with_one_id_stay_two() -> None:
    series = an_estate("n")
    rover = {"icos_host_name": "rover", "icos_host_id": "r", "nodename": "rover"}
    fleet = {"type": "nuvla", "agent_id": "box", "agent_name": "u", "icos_host_name": "rover"}
    series["tlum_orch_info"].append(Sample(fleet, 1))
    series["node_uname_info"].append(Sample(rover, 1))
    assert sorted(folded(series).clusters) == ["u (u) (nuvla u)", "u (u) (ocm u)"]


def test_pod_whose_name_is_what_tells_another_apart_hides_none() -> None:
    names = [("web", "shop"), ("web", "test"), ("web (shop)", "shop")]
    pods = [(of_pod(pod, namespace), 1.0) for pod, namespace in names]
    cluster = cluster_of(an_estate("n", kube_pod_info=pods))
    assert sorted((pod.name, pod.namespace) for pod in cluster.pods.values()) == names


def test_capacity_without_an_agent_and_a_host_is_nobodys() -> None:
    bare = {"k8s_cluster_uid": "u", "icos_host_id": "7"}
    foreign = {"k8s_cluster_uid": "u", "resource": "cpu"}
    series = an_estate(kube_node_status_capacity=[(foreign, 64.0)])
    series["node_uname_info"] = [Sample(bare, 1)]
    assert node_of(series).cores is None


def test_agents_of_one_id_hide_none() -> None:
    series = an_estate("n")
    series["tlum_orch_info"].append(Sample(AGENT | {"k8s_cluster_uid": "v"}, 1))
    series["node_uname_info"].append(Sample(of_host("m") | {"k8s_cluster_uid": "v"}, 1))
    assert sorted(folded(series).clusters) == ["u", "v"]


@pytest.mark.parametrize("family", ["kube_pod_status_phase", "container_cpu_utilization_ratio"])
@pytest.mark.parametrize("namespaces", [["shop"], ["shop", "test"]], ids=len)
def test_series_without_a_namespace_is_of_the_only_pod_of_its_name(
    family: str, namespaces: list[str]
) -> None:
    bare = {"k8s_cluster_uid": "u", "pod": "web", "k8s_pod_name": "web"}
    series = an_estate(
        "n",
        kube_pod_info=[(of_pod("web", namespace), 1.0) for namespace in namespaces],
        kube_pod_container_info=[
            (of_pod("web", namespace) | {"container": "api"}, 1.0) for namespace in namespaces
        ],
        **{family: [(bare | {"phase": "Running", "k8s_container_name": "api"}, 0.5)]},
    )
    pods = cluster_of(series).pods.values()
    told = [pod.status or pod.containers["api"].cpu for pod in pods]
    value = "Running" if family == "kube_pod_status_phase" else 0.5
    assert told == ([value] if len(namespaces) == 1 else [None, None])


def test_cpu_is_of_the_container_that_is_named_and_not_of_its_exporter() -> None:
    exporter = of_pod("otel", "monitoring") | {"container": "api"}
    used = of_pod("otel", "monitoring") | {
        "k8s_pod_name": "web",
        "k8s_namespace_name": "shop",
        "k8s_container_name": "api",
    }
    series = an_estate(
        "n",
        kube_pod_info=[(of_pod("web"), 1.0), (of_pod("otel", "monitoring"), 1.0)],
        kube_pod_container_info=[(of_pod("web") | {"container": "api"}, 1.0), (exporter, 1.0)],
        container_cpu_utilization_ratio=[(used, 0.25)],
    )
    pods = cluster_of(series).pods
    assert {name: pod.containers["api"].cpu for name, pod in pods.items()} == {
        "web": 0.25,
        "otel": None,
    }


def test_of_two_series_for_one_pod_each_tells_what_the_other_does_not() -> None:
    pods = [(of_pod("web"), 1.0), (of_pod("web") | {"node": "n", "pod_ip": "10.1.2.3"}, 1.0)]
    pod = cluster_of(an_estate("n", kube_pod_info=pods)).pods["web"]
    assert (pod.ip, pod.node) == ("10.1.2.3", "id-n")


def test_pods_of_one_name_on_two_hosts_of_a_fleet_stay_two() -> None:
    def relay(host: str, ip: str) -> tuple[dict[str, str], float]:
        return {"icos_host_name": host, "pod": "relay", "namespace": "default", "pod_ip": ip}, 1.0

    pods = [relay("g", "10.0.0.1"), relay("h", "10.0.0.2")]
    cluster = cluster_of(a_fleet(rover("g"), rover("h"), kube_pod_info=pods))
    assert {name: pod.ip for name, pod in cluster.pods.items()} == {
        "relay (default) (g)": "10.0.0.1",
        "relay (default) (h)": "10.0.0.2",
    }


def test_fleets_without_a_name_are_known_by_the_ids_of_their_agents() -> None:
    told = folded(a_fleet(rover("g", agent_name=""), rover("h", agent_name="")))
    assert sorted(told.clusters) == ["box-g", "box-h"]


def test_name_for_a_cluster_without_an_id_names_none() -> None:
    names = [({"name": "wrong"}, 1.0), ({"k8s_cluster_uid": "fleet", "name": "wrong"}, 1.0)]
    assert [*folded(a_fleet(rover("g"), tlum_ocm_agent_info=names)).clusters] == ["fleet"]


@pytest.mark.parametrize(
    ("family", "bare"),
    [
        ("node_uname_info", {"machine": "arm"}),
        ("kube_pod_info", {"pod_ip": "10.0.0.1"}),
        ("node_network_up", of_host("n")),
        ("node_mounted", of_host("n")),
        ("kube_pod_container_info", of_pod("web")),
    ],
)
def test_what_has_no_name_is_left_out_with_a_note(family: str, bare: dict[str, str]) -> None:
    series = an_estate("n", kube_pod_info=[(of_pod("web"), 1.0)])
    expected = folded(series)
    more = [*series.get(family, []), Sample({"k8s_cluster_uid": "u"} | bare, 1)]
    fold = Fold(series | {family: more})
    assert fold.infrastructure() == expected
    assert fold.left_out[family, "it has no name"] == 1


def test_measure_without_a_host_is_no_nameless_hosts() -> None:
    series = an_estate(node_thermal_zone_temp=[({"k8s_cluster_uid": "u"}, 44.0)])
    series["node_uname_info"] = [Sample({"k8s_cluster_uid": "u", "icos_host_id": "7"}, 1)]
    assert node_of(series).temperature is None


def test_pod_that_is_on_no_node_is_on_no_nameless_one() -> None:
    series = an_estate(
        kube_pod_info=[(of_pod("web"), 1.0)],
        kube_pod_container_info=[(of_pod("web") | {"container": "api"}, 1.0)],
    )
    series["node_uname_info"] = [Sample({"k8s_cluster_uid": "u", "icos_host_id": "7"}, 1)]
    assert cluster_of(series).pods["web"].containers["api"].node == ""


def test_capacity_is_that_of_the_host_in_its_own_cluster() -> None:
    cores = [
        (of_host("n") | {"k8s_cluster_uid": uid, "resource": "cpu"}, count)
        for uid, count in (("u", 4.0), ("v", 8.0))
    ]
    series = an_estate("n", kube_node_status_capacity=cores)
    (uname,) = series["node_uname_info"]
    series["tlum_orch_info"].append(Sample(AGENT | {"k8s_cluster_uid": "v"}, 1))
    series["node_uname_info"].append(Sample({**uname.labels, "k8s_cluster_uid": "v"}, 1))
    clusters = folded(series).clusters
    assert {uid: clusters[uid].nodes["n"].cores for uid in clusters} == {"u": 4, "v": 8}


def test_capacity_is_that_of_the_node_that_is_named_and_not_of_its_exporters() -> None:
    cores = [
        (of_host("n") | {"node": node, "resource": "cpu"}, count)
        for node, count in (("n", 4.0), ("m", 8.0))
    ]
    nodes = cluster_of(an_estate("n", "m", kube_node_status_capacity=cores)).nodes
    assert {name: node.cores for name, node in nodes.items()} == {"n": 4, "m": 8}


def test_measure_that_tells_but_a_hosts_name_finds_it() -> None:
    bare = {"k8s_cluster_uid": "u", "icos_host_name": "n"}
    assert node_of(an_estate("n", node_memory_MemFree_bytes=[(bare, 7.0)])).free_memory == 7


def test_measure_of_another_agent_finds_the_host_whose_id_it_tells() -> None:
    other = of_host("n") | {"icos_agent_id": "second"}
    node = node_of(an_estate("n", node_memory_MemFree_bytes=[(other, 7.0)]))
    assert node.free_memory == 7


def test_id_of_one_host_that_is_the_name_of_another_keeps_both() -> None:
    series = an_estate("n")
    other = {"k8s_cluster_uid": "u", "icos_host_name": "id-n"}
    series["node_uname_info"].append(Sample(other, 1))
    assert sorted(cluster_of(series).nodes) == ["id-n", "n"]


def test_score_of_a_host_whose_like_is_in_another_cluster_is_of_the_one_it_names() -> None:
    score = CHECKED | {"k8s_cluster_uid": "v"}
    series = an_estate("n", SCA_score=[(score, 90.0), (CHECKED, 10.0)])
    (uname,) = series["node_uname_info"]
    series["tlum_orch_info"].append(Sample(AGENT | {"k8s_cluster_uid": "v"}, 1))
    series["node_uname_info"].append(Sample({**uname.labels, "k8s_cluster_uid": "v"}, 1))
    fold = Fold(series)
    clusters = fold.infrastructure().clusters
    assert (clusters["u"].nodes["n"].sca_score, clusters["v"].nodes["n"].sca_score) == (None, 90)
    assert sum(fold.left_out.values()) == 1


@pytest.mark.parametrize(
    ("values", "status"),
    [([math.nan], ""), ([2.0], "unknown"), ([1.0, math.nan], "available"), ([0.0, 2.0], "busy")],
)
def test_state_that_is_known_holds(values: list[float], status: str) -> None:
    mounted = of_host("n") | {"device": "gps"}
    series = [(mounted | {"instance": str(n)}, value) for n, value in enumerate(values)]
    assert node_of(an_estate("n", node_mounted=series)).devices["gps"].status == status

"""Nodes of ordinary Kubernetes clusters and of ICOS agents: who they are, what they have."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.etim import families
from costwire_aggregator.etim.fold import Fold
from costwire_aggregator.etim.model import EtimNode, Resources
from costwire_aggregator.icos.places import NOBODYS
from costwire_aggregator.samples import Sample

GIB = 2**30
NO_CLUSTER = "it names no cluster"
Series = dict[str, list[Sample]]


def kube(value: float, resource: str = "cpu", **labels: str) -> Sample:
    """A series of kube-state-metrics, of a node or a container on it."""
    told = {"cluster": "north", "node": "n1", "instance": "10.0.0.9:8080", "resource": resource}
    return Sample({**told, **labels}, value)


def request(value: float, container: str = "api", **labels: str) -> Sample:
    """What one container of the shop asks for."""
    return kube(value, **{"namespace": "shop", "pod": "shop-0", "container": container, **labels})


def estate() -> Series:
    """A cluster of one node, as kube-prometheus tells of it: by instance, or by node."""
    exporter = {"cluster": "north", "job": "node-exporter", "instance": "10.0.0.1:9100"}
    return {
        families.NODES: [Sample({**exporter, "nodename": "n1", "machine": "x86_64"}, 1)],
        families.MEMORY_TOTAL: [Sample(exporter, 32 * GIB)],
        families.MEMORY_AVAILABLE: [Sample(exporter, 20 * GIB)],
        families.CAPACITY: [kube(8), kube(33 * GIB, "memory"), kube(110, "pods")],
        families.ALLOCATABLE: [kube(7.91), kube(31 * GIB, "memory")],
        families.REQUESTS: [request(0.1), request(0.25, "proxy"), request(GIB, resource="memory")],
    }


def only_node(series: Series) -> EtimNode:
    """The one that there is."""
    (node,) = Fold(series).nodes()
    return node


def test_node_of_an_ordinary_cluster_is_whole() -> None:
    assert only_node(estate()) == EtimNode(
        cluster="north",
        id="n1",
        cpu_architecture="x86_64",
        resources=Resources(8000, 32 * GIB),
        available_resources=Resources(7910 - 350, 20 * GIB),
        labels=("cluster=north",),
    )


def test_nothing_of_an_ordinary_cluster_is_left_out() -> None:
    fold = Fold(estate())
    fold.nodes()
    assert not fold.left_out


@pytest.mark.parametrize(
    ("labels", "cluster"),
    [
        ({"cluster": "north", "k8s_cluster_uid": "5d3c"}, "north"),
        ({"cluster": "", "k8s_cluster_uid": "5d3c", "icos_agent_id": "edge"}, "5d3c"),
        ({"k8s_cluster_name": "otel", "k8s_cluster_uid": "5d3c"}, "otel"),
        ({"icos_agent_id": "rover-07"}, "rover-07"),
    ],
)
def test_cluster_is_the_first_label_that_names_it(labels: dict[str, str], cluster: str) -> None:
    node = only_node({families.NODES: [Sample({**labels, "nodename": "n1"}, 1)]})
    assert (node.cluster, node.labels) == (cluster, (f"cluster={cluster}",))


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"node": "a", "nodename": "b", "icos_host_name": "c"}, "a"),
        ({"k8s_node_name": "a", "nodename": "b"}, "a"),
        ({"node": "", "nodename": "b", "icos_host_name": "c", "instance": "d:9100"}, "b"),
        ({"icos_host_name": "c", "icos_host_id": "f00d"}, "c"),
        ({"icos_host_id": "f00d", "instance": "d:9100"}, "f00d"),
    ],
)
def test_id_is_the_first_label_that_names_the_node(labels: dict[str, str], name: str) -> None:
    assert only_node({families.NODES: [Sample({"cluster": "north", **labels}, 1)]}).id == name


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"nodename": "n1"}, NO_CLUSTER),
        ({"cluster": "", "k8s_cluster_uid": "", "nodename": "n1"}, NO_CLUSTER),
        ({"cluster": "north", "nodename": "", "instance": "10.0.0.1:9100"}, "it names no node"),
    ],
)
def test_series_without_a_name_makes_no_node(labels: dict[str, str], reason: str) -> None:
    fold = Fold({families.NODES: [Sample(labels, 1)]})
    assert fold.nodes() == []
    assert fold.left_out == {(families.NODES, reason): 1}


def test_controllers_own_cluster_is_nobodys_business() -> None:
    series = estate()
    own = {"k8s_cluster_uid": "self", "node": "ctl", "resource": "cpu"}
    for samples in series.values():
        samples.append(Sample(own, 1))
    fold = Fold(series)
    assert fold.nodes() == Fold(estate()).nodes()
    assert not fold.left_out


def test_node_that_is_told_of_twice_is_one_and_the_last_texts_of_the_alphabet_hold() -> None:
    host = {"cluster": "edge", "icos_host_id": "f1"}
    told = [("pi-b", "aarch64"), ("pi-a", "armv7l")]
    series = [Sample({**host, "nodename": name, "machine": m}, 1) for name, m in told]
    for order in (series, series[::-1]):
        node = only_node({families.NODES: order})
        assert (node.id, node.cpu_architecture) == ("pi-b", "armv7l")


def test_equal_names_of_two_clusters_are_two_nodes() -> None:
    series = {families.NODES: [Sample({"cluster": c, "node": "n1"}, 1) for c in "ba"]}
    series[families.MEMORY_TOTAL] = [Sample({"cluster": "b", "node": "n1"}, GIB)]
    assert [(node.labels, node.resources.memory_bytes) for node in Fold(series).nodes()] == [
        (("cluster=a",), 0),
        (("cluster=b",), GIB),
    ]


def test_equal_names_of_two_hosts_of_a_cluster_are_told_apart_by_their_ids() -> None:
    hosts = [{"cluster": "edge", "icos_host_id": id, "nodename": "pi"} for id in ("f2", "f1")]
    series = {
        families.NODES: [Sample(labels, 1) for labels in hosts],
        families.MEMORY_TOTAL: [Sample(labels, 7) for labels in hosts[:1]],
        families.CAPACITY: [kube(4, cluster="edge", node="pi")],
    }
    fold = Fold(series)
    told = [(node.id, node.resources) for node in fold.nodes()]
    assert told == [("pi (f1)", Resources()), ("pi (f2)", Resources(memory_bytes=7))]
    assert fold.left_out == {(families.CAPACITY, NOBODYS): 1}


def test_host_is_found_by_its_id_where_its_instance_is_that_of_another() -> None:
    shared = {"cluster": "edge", "instance": "localhost:9100"}
    hosts = [{**shared, "icos_host_id": id, "nodename": f"host-{id}"} for id in ("1", "2")]
    series = {
        families.NODES: [Sample(labels, 1) for labels in hosts],
        families.MEMORY_TOTAL: [
            Sample({**shared, "icos_host_id": "2"}, GIB),
            Sample(shared, 2 * GIB),
        ],
    }
    fold = Fold(series)
    assert [node.resources.memory_bytes for node in fold.nodes()] == [0, GIB]
    assert fold.left_out == {(families.MEMORY_TOTAL, NOBODYS): 1}


def test_node_that_kubernetes_alone_tells_of_is_there() -> None:
    series = {families.CAPACITY: [kube(2), kube(4 * GIB, "memory")]}
    node = only_node(series)
    assert (node.id, node.cpu_architecture) == ("n1", "")
    assert node.resources == Resources(2000, 4 * GIB)
    series[families.MEMORY_TOTAL] = [Sample({"cluster": "north", "node": "n1"}, 3 * GIB)]
    assert only_node(series).resources == Resources(2000, 3 * GIB)


def test_kubernetes_series_tell_of_the_node_they_name_not_of_the_one_they_come_from() -> None:
    series = estate()
    series[families.NODES].append(
        Sample({"cluster": "north", "nodename": "n2", "instance": "10.0.0.9:8080"}, 1)
    )
    first, second = Fold(series).nodes()
    assert (first.resources.milli_cpu, second.resources.milli_cpu) == (8000, 0)


def test_series_of_nodes_that_nobody_knows_are_left_out() -> None:
    fold = Fold({families.MEMORY_TOTAL: [Sample({"cluster": "north", "node": "n1"}, GIB)]})
    assert fold.nodes() == []
    assert fold.left_out == {(families.MEMORY_TOTAL, NOBODYS): 1}


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1, 2.0**63, 1e300], ids=lambda value: f"{value:g}"
)
def test_value_without_room_drops_its_field_alone(value: float) -> None:
    series = estate()
    for family in (families.MEMORY_TOTAL, families.MEMORY_AVAILABLE):
        series[family] = [Sample(series[family][0].labels, value)]
    fold = Fold(series)
    (node,) = fold.nodes()
    assert node.resources == Resources(8000, 33 * GIB)  # what Kubernetes tells
    assert node.available_resources == Resources(7560, 0)
    reason = "its value is no count of 64 bits"
    assert fold.left_out == {
        (families.MEMORY_TOTAL, reason): 1,
        (families.MEMORY_AVAILABLE, reason): 1,
    }


@pytest.mark.parametrize(
    ("cores", "milli_cpu"),
    [
        (0.94, 940),
        (0.0016, 2),
        (0.07, 70),  # 0.07 * 1000 is a little more than 70
        (2_147_483.647, 2**31 - 1),
        (2_147_483.648, 0),
        (1e306, 0),
        (math.nan, 0),
        (-0.001, 0),
    ],
)
def test_cores_are_thousandths_that_have_room(cores: float, milli_cpu: int) -> None:
    fold = Fold({families.CAPACITY: [kube(cores)]})
    (node,) = fold.nodes()
    assert node.resources.milli_cpu == milli_cpu
    reason = families.CAPACITY, "its value is no count of 32 bits"
    assert fold.left_out[reason] == (0 if milli_cpu else 1)


def test_largest_of_several_values_holds() -> None:
    series = estate()
    for family in (families.MEMORY_TOTAL, families.CAPACITY, families.ALLOCATABLE):
        labels, value = series[family][0]
        series[family] += [Sample({**labels, "replica": "b"}, value + 1), Sample(labels, 1)]
    node = only_node(series)
    assert node.resources == Resources(9000, 32 * GIB + 1)
    assert node.available_resources.milli_cpu == 8910 - 350


# What is free to allocate.


def test_container_that_is_told_twice_counts_once() -> None:
    series = estate()
    series[families.REQUESTS] += [request(0.1, replica="b"), request(0.05, replica="c")]
    assert only_node(series).available_resources.milli_cpu == 7560


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pod_that_is_over_takes_nothing(phase: str) -> None:
    series = estate()
    labels = {"cluster": "north", "namespace": "shop", "pod": "shop-0"}
    series[families.PHASES] = [Sample({**labels, "phase": phase}, 1)]
    series[families.REQUESTS].append(request(1, pod="shop-1"))
    assert only_node(series).available_resources.milli_cpu == 6910


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"phase": "Running"}, 1),
        ({"phase": "Failed"}, 0),
        ({"phase": "Failed", "namespace": "other"}, 1),
        ({"phase": "Failed", "cluster": "south"}, 1),
    ],
)
def test_pod_that_is_not_over_takes_its_requests(change: dict[str, str], value: float) -> None:
    series = estate()
    labels = {"cluster": "north", "namespace": "shop", "pod": "shop-0", **change}
    series[families.PHASES] = [Sample(labels, value)]
    assert only_node(series).available_resources.milli_cpu == 7560


def test_pod_that_waits_for_a_node_takes_nothing_and_is_no_fault() -> None:
    series = estate()
    series[families.REQUESTS].append(request(2, pod="waiting", node=""))
    fold = Fold(series)
    assert fold.nodes() == Fold(estate()).nodes()
    assert not fold.left_out


def test_free_cpu_is_all_allocatable_where_no_requests_are_told() -> None:
    series = estate()
    del series[families.REQUESTS]
    assert only_node(series).available_resources.milli_cpu == 7910


@pytest.mark.parametrize("allocatable", [[], [kube(0.3)]], ids=["unknown", "less than requested"])
def test_free_cpu_is_never_negative(allocatable: list[Sample]) -> None:
    series = estate()
    series[families.ALLOCATABLE] = allocatable
    assert only_node(series).available_resources.milli_cpu == 0


def test_request_that_is_no_number_is_counted_as_left_out() -> None:
    series = estate()
    series[families.REQUESTS].append(request(math.nan, "broken"))
    fold = Fold(series)
    assert fold.nodes() == Fold(estate()).nodes()
    assert fold.left_out == {(families.REQUESTS, "its value is no count of 32 bits"): 1}


# Whatever arrives.

_NAMES = st.sampled_from(["", "n1", "n2", "f00d"])
_LABELS = st.fixed_dictionaries(
    {"cluster": st.sampled_from(["north", "north", "south", ""]), "nodename": _NAMES},
    optional={
        "k8s_cluster_uid": st.sampled_from(["", "uid", "self"]),
        "icos_host_id": _NAMES,
        "node": _NAMES,
        "instance": st.sampled_from(["n1", "10.0.0.1:9100"]),
        "machine": st.sampled_from(["x86_64", "aarch64"]),
        "resource": st.sampled_from(["cpu", "cpu", "memory"]),
        "pod": st.sampled_from(["p1", "p2"]),
        "phase": st.sampled_from(["Running", "Failed"]),
    },
)
_VALUES = st.one_of(st.floats(), st.sampled_from([0.1, 0.2, 0.3, 1.0, 4.0]))
_ALL = (
    *families.OF_ORIGINAL,
    families.CAPACITY,
    families.ALLOCATABLE,
    families.REQUESTS,
    families.PHASES,
)
_FAMILIES = st.sampled_from([families.NODES] * 4 + [*_ALL])
_SERIES = st.tuples(_FAMILIES, st.builds(Sample, _LABELS, _VALUES))


def _by_family(series: list[tuple[str, Sample]]) -> Series:
    return {family: [sample for told, sample in series if told == family] for family in _ALL}


@given(st.lists(_SERIES, max_size=25), st.data())
def test_order_of_series_changes_nothing(
    series: list[tuple[str, Sample]], data: st.DataObject
) -> None:
    fold = Fold(_by_family(series))
    shuffled = Fold(_by_family(data.draw(st.permutations(series))))
    assert shuffled.nodes() == fold.nodes()
    assert shuffled.left_out == fold.left_out


@given(st.lists(_SERIES, max_size=25))
def test_every_node_can_be_told_from_every_other_and_has_room_in_its_fields(
    series: list[tuple[str, Sample]],
) -> None:
    nodes = Fold(_by_family(series)).nodes()
    keys = [(node.cluster, node.id) for node in nodes]
    assert keys == sorted(set(keys))
    for node in nodes:
        assert node.cluster
        assert node.id
        for resources in (node.resources, node.available_resources):
            assert 0 <= resources.milli_cpu < 2**31
            assert 0 <= resources.memory_bytes < 2**63

"""The topology that series tell of: whatever their order, and whatever is wrong with some."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.kubernetes_estates import Estate, permuted, split
from tests.unit.aggregator.topology.told import (
    Told,
    cluster_of,
    folded,
    info,
    node_of,
    of_pod,
    pod_of,
    reading,
)

from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.flavours.others import NOT_ASKED, reason
from costwire_aggregator.topology.fold import NOBODYS, fold
from costwire_aggregator.topology.model import Topology
from costwire_aggregator.topology.sources import OTHERS, UNREAD, Reading
from costwire_aggregator.topology.telling import NO_KEY, NO_NUMBER, NO_STATE, OUT_OF_RANGE

flavours = st.sampled_from(sorted(FLAVOURS))
seeds = st.integers(0, 10_000)
oddities = st.sampled_from([0.0, 0.05, 0.3])


@given(flavours, seeds, oddities, st.randoms())
@settings(deadline=None)
def test_order_of_series_never_matters(
    flavour: str, seed: int, oddity: float, chance: Random
) -> None:
    series = Estate(seed, oddity=oddity).series(flavour)
    again = permuted(series, chance)
    told = fold([Reading("all", flavour, series)])
    assert fold([Reading("all", flavour, again)]) == told


@given(seeds, oddities, st.randoms())
@settings(deadline=None)
def test_order_of_upstreams_never_matters(seed: int, oddity: float, chance: Random) -> None:
    readings = [
        Reading(f"{flavour}-{number}", flavour, part)
        for flavour in FLAVOURS
        for number, part in enumerate(
            split(Estate(seed, oddity=oddity, clusters=2).series(flavour), 2, chance)
        )
    ]
    told = fold(readings)
    assert fold(chance.sample(readings, len(readings))) == told


@given(flavours, seeds)
@settings(deadline=None)
def test_all_that_is_there_is_told_and_nothing_else(flavour: str, seed: int) -> None:
    estate = Estate(seed)
    topology = fold([estate.reading(flavour)])
    assert _things(topology) == {
        *(
            ("node", cluster.name, node.name)
            for cluster in estate.clusters
            for node in cluster.nodes
        ),
        *(
            ("pod", cluster.name, pod.namespace, pod.name, pod.node.name, pod.phase)
            for cluster in estate.clusters
            for pod in cluster.pods
        ),
        *(
            ("container", cluster.name, pod.namespace, pod.name, name)
            for cluster in estate.clusters
            for pod in cluster.pods
            for name in pod.containers
        ),
    }


@given(flavours, seeds, st.floats(0, 1))
@settings(deadline=None)
def test_completeness_never_exceeds_truth(flavour: str, seed: int, oddity: float) -> None:
    reading = Estate(seed, oddity=oddity).reading(flavour)
    texts = {
        text
        for samples in reading.families.values()
        for labels, _ in samples
        for text in labels.values()
    }
    for thing in _things(fold([reading])):
        assert {name for name in thing[2:] if name} <= texts | _WORDS, thing


_WORDS = {"None", "Pending", "Running", "Succeeded", "Failed", "Unknown"}


def _things(topology: Topology) -> set[tuple[str, ...]]:
    things: list[tuple[str, ...]] = []
    for cluster in topology.clusters:
        things += [("node", cluster.key, node.name) for node in cluster.nodes]
        for pod in cluster.pods:
            place = cluster.key, pod.namespace, pod.name
            things.append(("pod", *place, str(pod.node), str(pod.phase)))
            things += [("container", *place, container.name) for container in pod.containers]
    return {*things}


@pytest.mark.parametrize("flavour", ["kubernetes", "opentelemetry"])
def test_flavours_agree_on_what_both_tell(flavour: str) -> None:
    estate = Estate(7)
    topology = fold([estate.reading(flavour)])
    for planned, cluster in zip(estate.clusters, topology.clusters, strict=True):
        node, plan = cluster.nodes[0], planned.nodes[0]
        assert cluster.location.region == node.location.region == plan.region
        assert node.conditions == {"Ready": str(plan.ready)}
        assert node.allocatable["memory"] == plan.memory // 2
        assert node.usage["memory"] == plan.memory // 4
        assert [one.name for one in cluster.namespaces] == ["shop", "test"]
        pods = {(pod.namespace, pod.name): pod for pod in planned.pods}
        for pod in cluster.pods:
            plan_of_pod = pods[pod.namespace, pod.name]
            memory = sum(plan_of_pod.containers.values())
            assert pod.requests == {"cpu": 0.2, "memory": memory}
            assert pod.usage["memory"] == memory // 2
            assert pod.containers[0].image == "registry/c0:1"
            assert (pod.containers[0].restarts, pod.containers[0].ready) == (0, True)


# Values.


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, NO_NUMBER),
        (math.inf, NO_NUMBER),
        (-math.inf, NO_NUMBER),
        (-1.0, OUT_OF_RANGE),
        (2.0**63, OUT_OF_RANGE),
    ],
)
@pytest.mark.parametrize("resource", ["cpu", "memory", "nvidia_com_gpu"])
def test_value_that_cannot_be_is_left_out_with_a_note(
    value: float, reason: str, resource: str
) -> None:
    capacity = {"node": "n", "resource": resource}
    topology = folded(
        kube_node_info=[info("n")],
        kube_node_status_capacity=[(capacity, value), ({"node": "n", "resource": "pods"}, 110)],
    )
    assert node_of(topology).capacity == {"pods": 110}
    assert topology.notes == {("kube_node_status_capacity", reason): 1}


def test_zero_is_told_and_nothing_is_not() -> None:
    container = of_pod(container="c")
    topology = folded(
        kube_pod_info=[(of_pod(), 1)],
        kube_pod_container_info=[(container, 1), (container | {"container": "d"}, 1)],
        costwire_container_cpu_usage=[(container, 0)],
        kube_pod_container_status_restarts_total=[(container, 0)],
    )
    one, other = pod_of(topology).containers
    assert (one.usage, one.restarts) == ({"cpu": 0.0}, 0)
    assert (other.usage, other.restarts) == ({}, None)


def test_cores_keep_their_fraction_and_bytes_are_whole() -> None:
    topology = folded(
        kube_node_info=[info("n")],
        kube_node_status_allocatable=[
            ({"node": "n", "resource": "cpu"}, 1.93),
            ({"node": "n", "resource": "memory"}, 2.0**34),
            ({"node": "n", "resource": "ephemeral_storage"}, 1e9),
        ],
    )
    allocatable = node_of(topology).allocatable
    assert allocatable == {"cpu": 1.93, "memory": 2**34, "ephemeralStorage": 10**9}
    assert isinstance(allocatable["memory"], int)


def test_speed_that_a_node_does_not_know_is_unknown_without_a_note() -> None:
    eth0 = {"node": "n", "device": "eth0"}
    topology = folded(
        kube_node_info=[info("n")],
        node_network_info=[(eth0, 1)],
        node_network_speed_bytes=[(eth0, -125_000)],
    )
    assert node_of(topology).interfaces[0].speed is None
    assert not topology.notes


@pytest.mark.parametrize(("value", "reason"), [(7.0, NO_STATE), (math.nan, NO_NUMBER)])
def test_state_that_nobody_knows_is_left_out(value: float, reason: str) -> None:
    pod = {"k8s_pod_name": "web", "k8s_namespace_name": "shop"}
    topology = folded("opentelemetry", k8s_pod_phase=[(pod, value)])
    assert pod_of(topology).phase is None
    assert topology.notes == {("k8s_pod_phase", reason): 1}


def test_amount_of_no_resource_is_left_out() -> None:
    topology = folded(
        kube_node_info=[info("n")], kube_node_status_capacity=[({"node": "n", "resource": ""}, 1)]
    )
    assert topology.notes == {("kube_node_status_capacity", NO_KEY): 1}


def test_latitude_that_is_no_number_is_left_out() -> None:
    told = {"k8s_cluster_uid": "u", "icos_host_id": "1", "nodename": "n"}
    where = {"icos_alpha_latitude": "north", "icos_alpha_longitude": "2.17"}
    topology = folded(
        "icos",
        tlum_orch_info=[({"type": "ocm", "agent_id": "a", "k8s_cluster_uid": "u"}, 1)],
        node_uname_info=[(told | where, 1)],
    )
    location = node_of(topology).location
    assert (location.latitude, location.longitude) == (None, 2.17)
    assert sum(topology.notes.values()) == 1


# Texts.


def test_texts_of_one_series_stay_together() -> None:
    """A pod of a stateful set that moved: two series for one name."""
    first = of_pod(uid="1", node="z", pod_ip="10.0.0.9")
    second = of_pod(uid="2", node="a", pod_ip="")
    pod = pod_of(folded(kube_pod_info=[(first, 1), (second, 1)]))
    assert (pod.uid, pod.node) == ("2", "a")
    assert pod.ip == "10.0.0.9"


def test_series_that_tells_less_takes_nothing_away() -> None:
    told = {"system_uuid": "u", "os_image": "Debian", "kernel_version": "6.1"}
    bare, full = info("n"), info("n", **told)
    for series in ([bare, full], [full, bare]):
        assert node_of(folded(kube_node_info=series)).os == "Debian"


def test_phase_that_does_not_hold_is_not_told() -> None:
    phases = [(of_pod(phase="Running"), 1.0), (of_pod(phase="Succeeded"), 0.0)]
    topology = folded(kube_pod_info=[(of_pod(), 1)], kube_pod_status_phase=phases)
    assert pod_of(topology).phase == "Running"


def test_pod_is_ready_where_its_condition_says_so() -> None:
    """Each condition has a series; that it is not ready holds with the value 1."""
    conditions = [(of_pod(condition="true"), 0.0), (of_pod(condition="false"), 1.0)]
    topology = folded(kube_pod_info=[(of_pod(), 1)], kube_pod_status_ready=conditions)
    assert pod_of(topology).ready is False


def test_condition_that_does_not_hold_is_not_told() -> None:
    ready = {"node": "n", "condition": "Ready"}
    conditions = [(ready | {"status": "unknown"}, 0.0), (ready | {"status": "false"}, 1.0)]
    topology = folded(kube_node_info=[info("n")], kube_node_status_condition=conditions)
    assert node_of(topology).conditions == {"Ready": "False"}


@pytest.mark.parametrize("values", [(1.0, 2.0), (2.0, 1.0)])
def test_largest_of_several_values_holds(values: tuple[float, float]) -> None:
    container = of_pod(container="c")
    told = [(container | {"id": str(number)}, value) for number, value in enumerate(values)]
    topology = folded(
        kube_pod_info=[(of_pod(), 1)],
        kube_pod_container_info=[(container, 1)],
        kube_pod_container_status_restarts_total=told,
        costwire_container_cpu_usage=told,
    )
    (one,) = pod_of(topology).containers
    assert (one.restarts, one.usage) == (2, {"cpu": 2.0})


def test_labels_are_told_without_their_prefix() -> None:
    labels = of_pod(label_app="web", label_empty="", instance="x")
    topology = folded(kube_pod_info=[(of_pod(), 1)], kube_pod_labels=[(labels, 1)])
    assert pod_of(topology).labels == {"app": "web"}


# Things.


@pytest.mark.parametrize(
    ("family", "labels"),
    [
        ("container_memory_working_set_bytes", of_pod(container="c")),
        ("kube_pod_status_phase", of_pod(phase="Running")),
        ("kube_node_status_capacity", {"node": "n", "resource": "cpu"}),
        ("kube_persistentvolume_capacity_bytes", {"persistentvolume": "pv"}),
        ("node_network_up", {"node": "n", "device": "eth0"}),
    ],
)
def test_measure_alone_makes_nothing(family: str, labels: dict[str, str]) -> None:
    topology = folded(**{family: [(labels, 1.0)]})
    assert topology.clusters == []
    assert topology.notes == {(family, NOBODYS): 1}


@pytest.mark.parametrize(
    ("family", "labels"),
    [
        ("kube_node_info", {"node": ""}),
        ("kube_pod_info", {"namespace": "shop"}),
        ("kube_pod_container_info", of_pod()),
        ("kube_namespace_status_phase", {"phase": "Active"}),
        ("kube_deployment_spec_replicas", {"namespace": "shop"}),
        ("kube_persistentvolume_info", {}),
        ("node_disk_info", {"node": "n"}),
    ],
)
def test_thing_without_a_name_is_left_out_with_a_note(family: str, labels: dict[str, str]) -> None:
    told = {"kube_node_info": [info("n")], "kube_pod_info": [(of_pod(), 1.0)]}
    told[family] = [*told.get(family, []), (labels, 1)]
    topology = folded(**told)
    assert topology.notes == {(family, NOBODYS): 1}
    assert len(cluster_of(topology).nodes) == 1
    assert len(cluster_of(topology).pods) == 1


def test_notes_have_a_bound_whatever_upstreams_answer() -> None:
    families: dict[str, Told] = {f"made_up_{number}": [({}, 1.0)] for number in range(100)}
    assert folded(**families).notes == {(OTHERS, UNREAD): 100}


def test_what_was_not_asked_for_is_noted_with_how_much_there_is() -> None:
    others: Told = [
        ({"flavour": "kubernetes", "family": "kube_pod_info"}, 20.0),
        ({"flavour": "kubernetes", "family": "kube_node_info"}, 3.0),
    ]
    told = fold([reading("icos", name, **{NOT_ASKED: others}) for name in ("a", "b")])
    why = reason(["kubernetes"])
    assert told.notes == {("kube_pod_info", why): 40, ("kube_node_info", why): 6}


def test_pods_of_one_name_in_two_namespaces_are_two() -> None:
    topology = folded(
        kube_pod_info=[(of_pod(namespace="shop"), 1), (of_pod(namespace="test"), 1)],
        kube_pod_status_phase=[(of_pod(namespace="test", phase="Failed"), 1)],
    )
    assert [pod.phase for pod in cluster_of(topology).pods] == [None, "Failed"]


def test_series_without_a_namespace_is_of_the_only_pod_of_its_name() -> None:
    agent = {"type": "ocm", "agent_id": "a", "k8s_cluster_uid": "u"}
    uid = {"k8s_cluster_uid": "u"}
    used = uid | {"k8s_pod_name": "web-0", "k8s_container_name": "c"}
    phase = uid | {"pod": "web-0", "phase": "Running"}
    pods = [(of_pod() | uid, 1.0)]
    containers = [(of_pod(container="c") | uid, 1.0)]

    def told() -> list[tuple[str | None, dict[str, float]]]:
        topology = folded(
            "icos",
            tlum_orch_info=[(agent, 1)],
            kube_pod_info=pods,
            kube_pod_status_phase=[(phase, 1)],
            kube_pod_container_info=containers,
            container_cpu_utilization_ratio=[(used, 0.5)],
        )
        return [
            (pod.phase, one.usage) for pod in cluster_of(topology).pods for one in pod.containers
        ]

    assert told() == [("Running", {"cpu": 0.5})]
    pods.append((of_pod(namespace="test") | uid, 1.0))
    assert told() == [(None, {})]


def test_labels_of_the_exporter_do_not_hide_those_of_the_object() -> None:
    exporter = {"namespace": "monitoring", "pod": "kube-state-metrics-0", "container": "main"}
    exported = {"exported_namespace": "shop", "exported_pod": "web", "exported_container": "c"}
    topology = folded(
        kube_pod_info=[(exporter | exported, 1)], kube_pod_container_info=[(exporter | exported, 1)]
    )
    pod = pod_of(topology)
    assert (pod.namespace, pod.name, pod.containers[0].name) == ("shop", "web", "c")


def test_nothing_told_is_an_empty_topology() -> None:
    assert fold([]) == Topology()
    assert fold([reading()]) == Topology()

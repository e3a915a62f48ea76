"""What `costwire topology` shows: what is not known is no zero, and what is missing is named."""

from __future__ import annotations

from typing import Any

import pytest

from costwire_aggregator.topology.selection import DEPTHS as DEPTHS_OF_THE_AGGREGATOR
from costwire_aggregator.topology.selection import read_selection
from costwire_cli.outline import Mood, lines
from costwire_cli.topology_arguments import DEPTHS
from costwire_cli.topology_facts import by_phase, is_ready, ready_pods
from costwire_cli.topology_view import (
    is_complete,
    missing,
    not_found,
    question,
    topology_view,
)

GIB = 2**30
HEAD = "topology  at=2026-10-01T12:00:00.000Z  complete=100 %  clusters=1"


def upstream(name: str = "a", state: str = "answered", **more: Any) -> dict[str, Any]:
    complete = 47 if state == "answered" else 40
    told = {"name": name, "state": state, "metricsAsked": 47, "metricsComplete": complete}
    return {**told, "reasons": [], **more}


def document(*clusters: dict[str, Any], **more: Any) -> dict[str, Any]:
    at = {"at": "2026-10-01T12:00:00.000Z", "percent": 100.0, "upstreams": [upstream()]}
    return {"clusters": [*clusters], "notes": [], "completeness": at, **more}


def node(name: str, ready: str | None = "True", **more: Any) -> dict[str, Any]:
    conditions = {"conditions": {"Ready": ready}} if ready else {}
    capacity = {"cpu": 4.0, "memory": 16 * GIB, "pods": 110}
    usage = {"cpu": 0.5, "memory": 4 * GIB}
    return {"name": name, "capacity": capacity, "usage": usage, **conditions, **more}


def pod(name: str, phase: str | None = "Running", **more: Any) -> dict[str, Any]:
    told = {"namespace": "shop", "name": name, "node": "n1", **({"phase": phase} if phase else {})}
    return {**told, **more}


def cluster(key: str = "north", **more: Any) -> dict[str, Any]:
    return {"key": key, "nodes": [node("n1")], "pods": [pod("p1")], **more}


def shown(depth: str, *clusters: dict[str, Any], namespaces: tuple[str, ...] = ()) -> list[str]:
    return [*lines(topology_view(document(*clusters), depth, namespaces))]


def only(found: list[str], kind: str) -> list[str]:
    return [line for line in found if line.startswith(f"{kind}  ")]


def test_clusters_are_told_with_what_they_add_up_to() -> None:
    nodes = [node("n1"), node("n2", "False"), node("n3")]
    pods = [pod("p1"), pod("p2", "Failed"), pod("p3", "Pending"), pod("p4"), pod("p5", None)]
    assert shown("clusters", cluster(nodes=nodes, pods=pods)) == [
        HEAD,
        "cluster  north  ready=2/3  cpu=1.5/12  memory=12/48 GiB  "
        "pods=5 (2 Running, 1 Pending, 1 Failed, 1 without phase)",
    ]


def test_what_nothing_tells_is_no_zero() -> None:
    assert shown("nodes", {"key": "dark"}, {"key": "dim", "nodes": [{"name": "n1"}]})[1:] == [
        "cluster  dark  ready=?/?  cpu=?/?  memory=?/?  pods=?",
        "cluster  dim  ready=?/1  cpu=?/?  memory=?/?  pods=?",
        "node  dim/n1  status=?  cpu=?/?  memory=?/?  pods=?/?",
    ]


def test_what_some_nodes_tell_is_at_least() -> None:
    nodes = [node("n1"), node("n2", None, usage={"memory": 0}, capacity={"cpu": 2})]
    (told,) = only(shown("clusters", cluster(nodes=nodes)), "cluster")
    assert "  ready=1+/2  cpu=0.5+/6  memory=4/16+ GiB  " in told


def test_pods_that_are_over_take_no_room_on_their_node() -> None:
    pods = [
        pod("a"),
        pod("b", "Pending"),
        pod("c", "Succeeded"),
        pod("d", "Failed"),
        pod("e", None),
    ]
    (told,) = only(shown("nodes", cluster(pods=[*pods, pod("f", node="n2")])), "node")
    assert told == "node  north/n1  status=Ready  cpu=0.5/4  memory=4/16 GiB  pods=3/110"


@pytest.mark.parametrize(
    ("ready", "unschedulable", "text", "mood"),
    [
        ("True", False, "Ready", Mood.GOOD),
        ("False", False, "NotReady", Mood.BAD),
        ("Unknown", False, "Unknown", Mood.BAD),
        (None, False, "?", Mood.POOR),
        ("True", True, "Ready,SchedulingDisabled", Mood.POOR),
        ("False", True, "NotReady,SchedulingDisabled", Mood.BAD),
    ],
)
def test_status_of_a_node_is_in_the_words_of_kubectl(
    ready: str | None, unschedulable: bool, text: str, mood: Mood
) -> None:
    of_one = cluster(nodes=[node("n1", ready, unschedulable=unschedulable)])
    (status,) = (
        fact
        for item in topology_view(document(of_one), "nodes").parts[0].parts
        for fact in item.facts
        if fact.name == "status"
    )
    assert (status.text, status.mood) == (text, mood)


def test_nearly_full_node_is_marked() -> None:
    busy = node("n1", usage={"cpu": 3.2, "memory": GIB})
    (item,) = topology_view(document(cluster(nodes=[busy])), "nodes").parts[0].parts
    moods = {fact.name: fact.mood for fact in item.facts}
    assert (moods["cpu"], moods["memory"]) == (Mood.POOR, Mood.PLAIN)


@pytest.mark.parametrize(
    ("phases", "mood"),
    [
        ((), Mood.PLAIN),
        (("Running", "Succeeded"), Mood.PLAIN),
        (("Running", "Pending"), Mood.POOR),
        (("Running", None), Mood.POOR),
        (("Pending", "Failed"), Mood.BAD),
        (("Unknown", "Running"), Mood.BAD),
    ],
)
def test_pods_are_painted_as_the_worst_of_their_phases(
    phases: tuple[str | None, ...], mood: Mood
) -> None:
    assert by_phase([pod("p", one) for one in phases]).mood is mood


@pytest.mark.parametrize(
    ("ready", "desired", "mood"),
    [(3, 3, Mood.GOOD), (2, 3, Mood.POOR), (2, None, Mood.POOR), (None, 3, Mood.PLAIN)],
)
def test_workload_is_well_where_all_of_its_pods_are_ready(
    ready: int | None, desired: int | None, mood: Mood
) -> None:
    assert ready_pods({"ready": ready, "desired": desired}).mood is mood


def test_pod_that_is_over_need_not_be_ready() -> None:
    assert is_ready({"ready": False}, should_be=True).mood is Mood.POOR
    assert is_ready({"ready": False}, should_be=False).mood is Mood.PLAIN
    assert is_ready({"ready": True}, should_be=True).mood is Mood.PLAIN


WORKS = [
    {"kind": "CronJob", "namespace": "shop", "name": "nightly"},
    {"kind": "Deployment", "namespace": "shop", "name": "api", "desired": 3, "ready": 2},
    {
        "kind": "Job",
        "namespace": "shop",
        "name": "nightly-1",
        "owner": {"kind": "CronJob", "name": "nightly"},
    },
    {"kind": "Deployment", "namespace": "test", "name": "api", "desired": 0, "ready": 0},
]
OF_API = {"owner": {"kind": "Deployment", "name": "api"}}
SHOP = cluster(
    namespaces=[{"name": "idle", "phase": "Terminating"}, {"name": "shop", "phase": "Active"}],
    workloads=WORKS,
    pods=[
        pod("api-1", **OF_API, ready=True, usage={"cpu": 0.1, "memory": GIB}),
        pod("api-2", "Pending", **OF_API, ready=False, containers=[{"name": "web"}]),
        pod("etcd", owner={"kind": "Node", "name": "n1"}),
        pod("lost", namespace=""),
    ],
)


def test_namespaces_are_told_with_their_pods() -> None:
    assert only(shown("namespaces", SHOP), "namespace") == [
        "namespace  north/(no namespace)  phase=?  pods=1 (1 Running)",
        "namespace  north/idle  phase=Terminating  pods=0",
        "namespace  north/shop  phase=Active  pods=3 (2 Running, 1 Pending)",
        "namespace  north/test  phase=?  pods=0",
    ]


def test_workloads_are_told_with_their_pods_and_owners() -> None:
    assert only(shown("workloads", SHOP), "workload") == [
        "workload  north/(no namespace)/(no workload)  pods=1 (1 Running)",
        "workload  north/shop/CronJob/nightly  ready=?/?  pods=0",
        "workload  north/shop/Deployment/api  ready=2/3  pods=2 (1 Running, 1 Pending)",
        "workload  north/shop/Job/nightly-1  ready=?/?  pods=0  owner=CronJob/nightly",
        "workload  north/shop/(no workload)  pods=1 (1 Running)",
        "workload  north/test/Deployment/api  ready=0/0  pods=0",
    ]


def test_pods_and_containers_are_told_with_their_usage() -> None:
    found = shown("containers", SHOP)
    assert only(found, "pod") == [
        "pod  north/(no namespace)/lost  phase=Running  ready=?  node=n1  cpu=?  memory=?",
        "pod  north/shop/api-1  phase=Running  ready=yes  node=n1  cpu=0.1  memory=1 GiB",
        "pod  north/shop/api-2  phase=Pending  ready=no  node=n1  cpu=?  memory=?",
        "pod  north/shop/etcd  phase=Running  ready=?  node=n1  cpu=?  memory=?",
    ]
    assert only(found, "container") == [
        "container  north/shop/api-2/web  ready=?  restarts=?  cpu=?  memory=?  image=?"
    ]


def test_containers_are_told_whole() -> None:
    told = {"name": "c", "ready": True, "restarts": 3, "image": "r/c:1", "usage": {"cpu": 0.02}}
    one = pod("p", containers=[told])
    assert only(shown("containers", cluster(pods=[one])), "container") == [
        "container  north/shop/p/c  ready=yes  restarts=3  cpu=0.02  memory=?  image=r/c:1"
    ]


@pytest.mark.parametrize("depth", DEPTHS)
def test_depth_is_what_is_shown_with_all_before_it(depth: str) -> None:
    with_all = {**SHOP, "pods": [pod("p", containers=[{"name": "c"}])]}
    kinds = {line.partition("  ")[0] for line in shown(depth, with_all)} - {"topology"}
    assert {f"{kind}s" for kind in kinds} == {*DEPTHS[: DEPTHS.index(depth) + 1]}


def test_nodes_do_not_seem_empty_where_some_namespaces_are_shown() -> None:
    assert shown("nodes", cluster(pods=[]), namespaces=("shop", "test")) == [
        "topology  at=2026-10-01T12:00:00.000Z  complete=100 %  namespaces=shop, test  clusters=1",
        "cluster  north  ready=1/1  cpu=0.5/4  memory=4/16 GiB  pods=0",
        "node  north/n1  status=Ready  cpu=0.5/4  memory=4/16 GiB  pods=0",
    ]


def test_missing_upstreams_stand_in_the_first_line_and_last_with_reasons() -> None:
    reasons = ["cpu: it answers 500", "up: late", "pods: late", "disk: late", "net: late"]
    upstreams = [
        upstream("a"),
        upstream("b", "failed", reasons=reasons),
        upstream("c", "empty", metricsComplete=0),
    ]
    completeness = {"at": "noon", "percent": 61.7, "upstreams": upstreams}
    told = document(completeness=completeness, notes=[{"metric": "m", "reason": "r", "series": 3}])
    assert [*lines(topology_view(told, "clusters"))] == [
        "topology  at=noon  complete=61.7 %  missing=b (failed), c (empty)  clusters=0",
        "upstream  b  state=failed  metrics=40/47  "
        "reason=cpu: it answers 500; up: late; pods: late; and 2 more",
        "upstream  c  state=empty  metrics=0/47",
        "unused  series=3  metrics=1",
    ]
    assert missing(told) == "b (failed), c (empty)"
    assert not is_complete(told)


def test_complete_is_nothing_less_than_all() -> None:
    told = document()
    assert is_complete(told)
    told["completeness"]["percent"] = 99.9
    assert not is_complete(told)


def test_cluster_is_found_by_key_name_or_uid() -> None:
    told = document({"key": "north (u1)", "name": "north", "uid": "u1"}, {"key": "south"})
    assert not_found(told, ["north (u1)", "north", "u1", "south"]) == []
    assert not_found(told, ["None", "sout"]) == ["None", "sout"]


def test_depths_are_those_of_the_aggregator() -> None:
    assert DEPTHS == DEPTHS_OF_THE_AGGREGATOR


@pytest.mark.parametrize("depth", DEPTHS)
def test_question_is_one_that_the_aggregator_understands(depth: str) -> None:
    selection = read_selection(question(depth).items())
    assert selection.depth == ("containers" if depth == "containers" else "pods")
    assert selection.fields is not None
    assert {"name", "uid", "nodes", "pods"} <= {*selection.fields}

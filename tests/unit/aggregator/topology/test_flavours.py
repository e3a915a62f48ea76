"""The tables: sound in themselves, and taken by Prometheus."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.support.needs import executable
from tests.unit.aggregator.topology.told import folded, node_of, pod_of

from costwire_aggregator.icos.families import UP
from costwire_aggregator.questions import TIMES
from costwire_aggregator.topology.flavours import FLAVOURS, LOOKING, MARKERS, found
from costwire_aggregator.topology.flavours.page import page
from costwire_aggregator.topology.flavours.rules import (
    AmountOf,
    ByAgents,
    Flavour,
    LabelMap,
    Number,
    NumberIn,
    State,
    Text,
    TextBy,
    Texts,
)
from costwire_aggregator.topology.model import Container, Device, Interface, Node, Pod

_PAGE = Path(__file__).parents[4] / "docs" / "aggregator-flavours.md"
EACH = pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=lambda flavour: flavour.name)


@EACH
def test_each_family_is_asked_for_once_and_read(flavour: Flavour) -> None:
    asked = Counter(family for one in flavour.questions for family in one.families)
    assert set(asked.values()) == {1}
    of_clusters = {"tlum_orch_info", "tlum_ocm_agent_info"}
    unread = of_clusters if isinstance(flavour.clusters, ByAgents) else set()
    read = [family for rule in flavour.rules for family in rule.families]
    assert {*read} == asked.keys() - unread - {UP}
    assert len(read) == len({*read})


@EACH
def test_an_upstream_is_asked_six_questions_at_most(flavour: Flavour) -> None:
    assert len(flavour.questions) <= 6
    assert TIMES in flavour.questions


@EACH
def test_rules_fill_fields_that_there_are(flavour: Flavour) -> None:
    for rule in flavour.rules:
        known = {field.name for field in fields(rule.thing)}
        for tell in rule.tells:
            assert {name.partition(".")[0] for name in _fields(tell)} <= known, rule


def _fields(tell: Any) -> list[str]:
    if isinstance(tell, Texts):
        return [*tell.fields]
    if isinstance(tell, Text | TextBy | Number | NumberIn | AmountOf | State | LabelMap):
        return [tell.field]
    return []


@EACH
def test_things_can_be_identified(flavour: Flavour) -> None:
    """Pods and containers by two labels at most for each part, as `Finder` reads no more."""
    parts = {Pod: 2, Container: 3}
    for rule in flavour.rules:
        on_node = rule.thing in (Interface, Device)
        names = rule.at or rule.known_by or flavour.identities[Node if on_node else rule.thing]
        if rule.thing in parts:
            assert len(names) == parts[rule.thing], rule
            assert all(isinstance(name, tuple) and len(name) <= 2 for name in names), rule


def test_flavour_that_others_hide_in_is_found_first() -> None:
    assert [one.name for one in found({"tlum_orch_info", "kube_pod_info", "up"})] == [
        "icos",
        "kubernetes",
    ]
    assert [one.name for one in found(["k8s_pod_phase"])] == ["opentelemetry"]
    assert found(["node_uname_info"]) == []


def test_agents_of_icos_make_no_other_flavour_of_what_they_gather() -> None:
    for flavour in FLAVOURS.values():
        assert ('icos_agent_id=""' in flavour.marked) is (flavour.name != "icos")
        assert flavour.marked in LOOKING


def test_looking_asks_for_every_marker() -> None:
    assert all(marker in LOOKING for marker in MARKERS)
    assert LOOKING.count("count by (__name__) (") == len(FLAVOURS)


def test_page_is_what_the_tables_say() -> None:
    assert _PAGE.read_text(encoding="utf-8") == page(), "make docs"


@pytest.mark.parametrize("suffix", ["", "_bytes"])
def test_units_in_names_of_opentelemetry_may_be_left_out(suffix: str) -> None:
    node = {"k8s_node_name": "n"}
    told = {f"k8s_node_memory_working_set{suffix}": [(node, 1024.0)]}
    told_of = node_of(folded("opentelemetry", **told))
    assert (told_of.name, told_of.usage) == ("n", {"memory": 1024})


NODE = {"k8s_node_name": "n"}
OWN_HOST = {
    "host_id": "i-0123456789abcdef0",
    "host_type": "m7i.large",
    "host_name": "n.internal",
    "host_arch": "amd64",
    "cloud_availability_zone": "eu-1a",
}


def test_what_the_collectors_host_is_called_is_of_the_node_that_it_runs_on() -> None:
    """Of kubeletstats: k8s_cluster runs once, and its collector is on one of the nodes."""
    others = {name: f"other {text}" for name, text in OWN_HOST.items()}
    node = node_of(
        folded(
            "opentelemetry",
            k8s_node_condition_ready=[(NODE | others, 1)],
            k8s_node_cpu_usage=[(NODE | OWN_HOST, 0.5)],
        )
    )
    assert (node.provider_id, node.instance_type, node.host_name) == (
        "i-0123456789abcdef0",
        "m7i.large",
        "n.internal",
    )
    assert (node.architecture, node.location.zone) == ("amd64", "eu-1a")
    alone = node_of(folded("opentelemetry", k8s_node_condition_ready=[(NODE | others, 1)]))
    assert (alone.provider_id, alone.instance_type, alone.location.zone) == (None, None, None)


def test_capacity_is_what_receivers_tell_of_it_and_not_what_pods_may_have() -> None:
    node = node_of(
        folded(
            "opentelemetry",
            k8s_node_condition_ready=[(NODE, 1)],
            k8s_node_allocatable_cpu=[(NODE, 3.92)],
            k8s_node_allocatable_nvidia_com_gpu=[(NODE, 2)],
            costwire_node_memory_capacity=[(NODE, 2.0**34)],
            system_cpu_logical_count=[({"host_name": "n"}, 4)],
        )
    )
    assert node.capacity == {"cpu": 4.0, "memory": 2**34}
    assert node.allocatable == {"cpu": 3.92, "nvidia_com_gpu": 2}


@pytest.mark.parametrize("at", [NODE, NODE | {"host_name": "other"}, {"host_name": "n"}])
def test_host_is_the_node_that_it_names(at: dict[str, str]) -> None:
    nodes = [(NODE, 1.0), ({"k8s_node_name": "m"}, 1.0)]
    topology = folded(
        "opentelemetry", k8s_node_condition_ready=nodes, system_memory_limit_bytes=[(at, 1024)]
    )
    told = {node.name: node.capacity for node in topology.clusters[0].nodes}
    assert told == {"m": {}, "n": {"memory": 1024}}


def test_host_outside_of_clusters_is_no_node() -> None:
    topology = folded("opentelemetry", system_cpu_logical_count=[({"host_name": "laptop"}, 8)])
    assert topology.clusters == []


# PromQL.


@EACH
def test_parts_of_a_question_are_kept_apart_by_a_label_of_ours(flavour: Flavour) -> None:
    """VictoriaMetrics takes series of equal labels for one, whatever their names."""
    for promql in (LOOKING, *(question.promql for question in flavour.questions)):
        assert " on (__name__)" not in promql
        assert promql.count('"__name__"') <= promql.count('"costwire_part"')


def test_prometheus_takes_the_questions(tmp_path: Path) -> None:
    texts = [LOOKING, *(one.promql for each in FLAVOURS.values() for one in each.questions)]
    rules = [{"record": f"question:{n}", "expr": text} for n, text in enumerate(texts)]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "questions", "rules": rules}]}))
    told = promtool("check", "rules", path)
    assert f"{len(texts)} rules found" in told


KSM = {"namespace": "shop", "pod": "web-0", "instance": "10.42.0.7:8080"}
READY = {"node": "n", "condition": "Ready", "status": "true"}
NEW, OLD = ({"namespace": "shop", "replicaset": name} for name in ("new", "old"))
OWNER = {"owner_kind": "Deployment", "owner_name": "web", "owner_is_controller": "true"}
HOST = {"job": "node-exporter", "instance": "10.0.0.5:9100"}
KUBELET = {"job": "kubelet", "namespace": "shop", "pod": "web-0", "replica": "a"}
BY_AGENT = {"icos_agent_id": "edge", "icos_host_id": "b7", "icos_host_name": "node-a1"}
NETWORKS_OF_PODS = [
    "veth1234",
    "cali0ef24bb4a45",
    "lxc8a3f2b1c9d0e",
    "enib5faff8a083",
    "vlanb5faff8a083",
    "azv3c9a1f0b2d4",
    "azveth3c9a1f0",
    "gke2d582428c84",
    "0123456789abcde",
]
"""As Calico, Cilium, EKS, AKS, GKE and OVN-Kubernetes call them."""
NETWORKS_OF_NODES = ["lo", "ens5", "eth1", "enP30832s1", "eni0", "vlan100", "gke0", "bond0"]
RAW: list[tuple[str, dict[str, str], str]] = [
    ("kube_pod_info", KSM | BY_AGENT, "1x20"),
    ("kube_pod_status_phase", KSM | BY_AGENT | {"phase": "Running"}, "1x20"),
    ("kube_replicaset_owner", NEW | OWNER | BY_AGENT, "1x20"),
    ("node_uname_info", HOST | BY_AGENT, "1x20"),
    ("node_cpu_seconds_total", HOST | BY_AGENT | {"cpu": "0", "mode": "user"}, "0+60x20"),
    ("node_memory_MemTotal_bytes", HOST | BY_AGENT, "1000x20"),
    ("node_memory_MemAvailable_bytes", HOST | BY_AGENT, "400x20"),
    ("container_cpu_usage_seconds_total", KUBELET | BY_AGENT | {"container": "c"}, "0+6x20"),
    ("container_memory_working_set_bytes", KUBELET | BY_AGENT | {"container": "c"}, "512x20"),
    ("kube_pod_status_phase", KSM | {"phase": "Running"}, "1x20"),
    ("kube_pod_status_phase", KSM | {"phase": "Failed"}, "0x20"),
    ("kube_node_status_condition", READY, "1x20"),
    ("kube_replicaset_owner", NEW | OWNER, "1x20"),
    ("kube_replicaset_owner", OLD | OWNER, "1x20"),
    ("kube_replicaset_status_replicas", NEW, "2x20"),
    ("kube_replicaset_status_replicas", OLD, "0x20"),
    ("kube_replicaset_status_replicas", NEW | {"site": "elsewhere"}, "0x20"),
    ("kube_pod_info", KSM, "1x20"),
    ("kube_pod_status_ready", KSM | {"condition": "true"}, "0x20"),
    ("kube_pod_status_ready", KSM | {"condition": "false"}, "1x20"),
    ("node_network_info", HOST | {"device": "eth0"}, "1x20"),
    ("node_network_up", HOST | {"device": "eth0"}, "1x20"),
    *(("node_network_info", HOST | {"device": device}, "1x20") for device in NETWORKS_OF_PODS),
    *(("node_network_info", HOST | {"device": device}, "1x20") for device in NETWORKS_OF_NODES),
    ("node_uname_info", HOST, "1x20"),
    ("node_cpu_seconds_total", HOST | {"cpu": "0", "mode": "user"}, "0+60x20"),
    ("node_cpu_seconds_total", HOST | {"cpu": "1", "mode": "user"}, "0+30x20"),
    ("node_cpu_seconds_total", HOST | {"cpu": "1", "mode": "idle"}, "0+30x20"),
    ("node_memory_MemTotal_bytes", HOST, "1000x20"),
    ("node_memory_MemAvailable_bytes", HOST, "400x20"),
    ("container_cpu_usage_seconds_total", KUBELET | {"container": "c", "id": "1"}, "0+6x20"),
    ("container_cpu_usage_seconds_total", KUBELET | {"id": "2"}, "0+6x20"),
    ("container_memory_working_set_bytes", KUBELET | {"container": "c", "id": "1"}, "512x20"),
    ("container_memory_working_set_bytes", KUBELET | {"id": "2"}, "1024x20"),
]
"""Series of one minute between samples, as exporters tell them; some are gathered by ICOS."""
_CPU, _NODE_CPU, _NODE_MEMORY = (
    {"costwire_part": f"costwire_{what}_usage"}
    for what in ("container_cpu", "node_cpu", "node_memory")
)
ANSWERS: dict[str, list[tuple[str, dict[str, str], float]]] = {
    "states": [
        ("kube_pod_status_phase", KSM | {"phase": "Running"}, 1),
        ("kube_node_status_condition", READY, 1),
        ("kube_replicaset_owner", NEW | OWNER, 1),
    ],
    "pods": [
        ("kube_pod_info", KSM, 1),
        ("kube_pod_status_ready", KSM | {"condition": "true"}, 0),
    ],
    "hosts": [
        ("node_network_info", HOST | {"device": "eth0"}, 1),
        ("node_network_up", HOST | {"device": "eth0"}, 1),
        *(("node_network_info", HOST | {"device": device}, 1) for device in NETWORKS_OF_NODES),
        ("node_uname_info", HOST, 1),
    ],
    "usage": [
        ("container_memory_working_set_bytes", KUBELET | {"container": "c", "id": "1"}, 512),
        ("costwire_container_cpu_usage", KUBELET | {"container": "c"} | _CPU, 0.1),
        ("costwire_node_cpu_usage", HOST | _NODE_CPU, 1.5),
        ("costwire_node_memory_usage", HOST | _NODE_MEMORY, 600),
    ],
}


def test_prometheus_answers_as_the_rules_of_kubernetes_expect(tmp_path: Path) -> None:
    questions = {one.name: one.promql for one in FLAVOURS["kubernetes"].questions}
    answers = {questions[name]: answer for name, answer in ANSWERS.items()}
    assert "SUCCESS" in promtool("test", "rules", _case(tmp_path, RAW, answers))


COLLECTOR = {"k8s_node_name": "n", "k8s_cluster_name": "x"}
OLD_COLLECTOR = {"k8s_node_name": "m", "k8s_cluster_name": "x"}


def test_prometheus_answers_as_the_rules_of_opentelemetry_expect(tmp_path: Path) -> None:
    """Of one node with units in the names, and one without."""
    (nodes,) = (one for one in FLAVOURS["opentelemetry"].questions if one.name == "nodes")
    raw = [
        ("k8s_node_condition_ready", COLLECTOR, "1x20"),
        ("k8s_node_condition_ready", BY_AGENT, "1x20"),
        ("k8s_node_memory_available_bytes", COLLECTOR, "600x20"),
        ("k8s_node_memory_working_set_bytes", COLLECTOR, "400x20"),
        ("k8s_node_memory_available", OLD_COLLECTOR, "60x20"),
        ("k8s_node_memory_working_set", OLD_COLLECTOR, "40x20"),
        ("system_cpu_logical_count", {"host_name": "n"}, "4x20"),
    ]
    capacity = {"costwire_part": "costwire_node_memory_capacity"}
    answer = [
        ("k8s_node_condition_ready", COLLECTOR, 1.0),
        ("k8s_node_memory_working_set_bytes", COLLECTOR, 400.0),
        ("k8s_node_memory_working_set", OLD_COLLECTOR, 40.0),
        ("system_cpu_logical_count", {"host_name": "n"}, 4.0),
        ("costwire_node_memory_capacity", COLLECTOR | capacity, 1000.0),
        ("costwire_node_memory_capacity", OLD_COLLECTOR | capacity, 100.0),
    ]
    assert "SUCCESS" in promtool("test", "rules", _case(tmp_path, raw, {nodes.promql: answer}))


@pytest.mark.parametrize("with_agents", [True, False])
def test_prometheus_counts_what_is_of_each_flavour(tmp_path: Path, with_agents: bool) -> None:
    """What agents of ICOS gather is of no other flavour; pods of plain clusters are."""
    agents = [("tlum_orch_info", {"type": "ocm", "agent_id": "edge"}, "1x20")]
    plain = [
        ("kube_pod_info", KSM, "1x20"),
        ("kube_pod_info", KSM | {"pod": "web-1"}, "1x20"),
        ("k8s_pod_phase", COLLECTOR, "2x20"),
    ]
    gathered = [
        ("kube_pod_info", KSM | BY_AGENT, "1x20"),
        ("kube_node_info", {"node": "n", "icos_agent_id": "edge"}, "1x20"),
        ("k8s_pod_phase", {"icos_host_name": "node-a1"}, "2x20"),
    ]
    answer = [
        ("kube_pod_info", {"costwire_part": "kubernetes"}, 2.0),
        ("k8s_pod_phase", {"costwire_part": "opentelemetry"}, 1.0),
    ]
    if with_agents:
        answer.append(("tlum_orch_info", {"costwire_part": "icos"}, 1.0))
    raw = [*plain, *gathered, *(agents if with_agents else [])]
    assert "SUCCESS" in promtool("test", "rules", _case(tmp_path, raw, {LOOKING: answer}))


def _case(
    folder: Path,
    raw: Sequence[tuple[str, dict[str, str], str]],
    answers: Mapping[str, Sequence[tuple[str, dict[str, str], float]]],
) -> Path:
    """A file for promtool: what questions are to be answered with, by their PromQL."""
    tests = [
        {
            "expr": promql,
            "eval_time": "10m",
            "exp_samples": [
                {"labels": _series(family, labels), "value": value}
                for family, labels, value in answer
            ],
        }
        for promql, answer in answers.items()
    ]
    series = [{"series": _series(family, labels), "values": text} for family, labels, text in raw]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": tests}
    path = folder / "test.yml"
    path.write_text(json.dumps({"rule_files": [], "tests": [case]}))
    return path


def test_what_prometheus_answers_is_folded() -> None:
    families: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family, labels, value in (series for answer in ANSWERS.values() for series in answer):
        families.setdefault(family, []).append((labels, value))
    families["kube_node_info"] = [({"node": "n", "internal_ip": "10.0.0.5"}, 1)]
    families["kube_pod_container_info"] = [(KSM | {"container": "c"}, 1)]
    topology = folded(**families)
    node, pod = node_of(topology), pod_of(topology)
    assert node.usage == {"cpu": 1.5, "memory": 600}
    assert node.conditions == {"Ready": "True"}
    assert (pod.phase, pod.ready, pod.usage) == ("Running", False, {"cpu": 0.1, "memory": 512})
    assert not topology.notes


def _series(family: str, labels: dict[str, str]) -> str:
    return family + "{" + ",".join(f'{name}="{text}"' for name, text in labels.items()) + "}"


def promtool(*arguments: object) -> str:
    run = subprocess.run(
        [executable("promtool"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout

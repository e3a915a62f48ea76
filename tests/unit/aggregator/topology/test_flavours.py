"""The tables: sound in themselves, and taken by Prometheus."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.support.needs import executable
from tests.unit.aggregator.topology.told import folded, node_of, pod_of

from costwire_aggregator.icos.families import UP
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
    assert "timestamp(up)" in {question.promql for question in flavour.questions}


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


def test_looking_asks_for_every_marker() -> None:
    assert all(marker in LOOKING for marker in MARKERS)
    assert LOOKING.startswith("count by (__name__) (")


def test_page_is_what_the_tables_say() -> None:
    assert _PAGE.read_text(encoding="utf-8") == page(), "make docs"


@pytest.mark.parametrize("suffix", ["", "_bytes"])
def test_units_in_names_of_opentelemetry_may_be_left_out(suffix: str) -> None:
    node = {"k8s_node_name": "n"}
    told = {f"k8s_node_memory_working_set{suffix}": [(node, 1024.0)]}
    told_of = node_of(folded("opentelemetry", **told))
    assert (told_of.name, told_of.usage) == ("n", {"memory": 1024})


# PromQL.


def test_prometheus_takes_the_questions(tmp_path: Path) -> None:
    texts = [LOOKING, *(one.promql for each in FLAVOURS.values() for one in each.questions)]
    rules = [{"record": f"question:{n}", "expr": text} for n, text in enumerate(texts)]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "questions", "rules": rules}]}))
    told = promtool("check", "rules", path)
    assert f"{len(texts)} rules found" in told


KSM = {"namespace": "shop", "pod": "web-0", "instance": "10.42.0.7:8080"}
NEW, OLD = ({"namespace": "shop", "replicaset": name} for name in ("new", "old"))
OWNER = {"owner_kind": "Deployment", "owner_name": "web", "owner_is_controller": "true"}
HOST = {"job": "node-exporter", "instance": "10.0.0.5:9100"}
KUBELET = {"job": "kubelet", "namespace": "shop", "pod": "web-0", "replica": "a"}
RAW: list[tuple[str, dict[str, str], str]] = [
    ("kube_pod_status_phase", KSM | {"phase": "Running"}, "1x20"),
    ("kube_pod_status_phase", KSM | {"phase": "Failed"}, "0x20"),
    ("kube_node_status_condition", {"node": "n", "condition": "Ready", "status": "true"}, "1x20"),
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
    ("node_network_up", HOST | {"device": "veth1234"}, "1x20"),
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
"""Series of one minute between samples, as exporters tell them."""
ANSWERS: dict[str, list[tuple[str, dict[str, str], float]]] = {
    "states": [
        ("kube_pod_status_phase", KSM | {"phase": "Running"}, 1),
        ("kube_node_status_condition", RAW[2][1], 1),
        ("kube_replicaset_owner", NEW | OWNER, 1),
    ],
    "pods": [
        ("kube_pod_info", KSM, 1),
        ("kube_pod_status_ready", KSM | {"condition": "true"}, 0),
    ],
    "hosts": [
        ("node_network_info", HOST | {"device": "eth0"}, 1),
        ("node_network_up", HOST | {"device": "eth0"}, 1),
        ("node_uname_info", HOST, 1),
    ],
    "usage": [
        ("container_memory_working_set_bytes", KUBELET | {"container": "c", "id": "1"}, 512),
        ("costwire_container_cpu_usage", KUBELET | {"container": "c"}, 0.1),
        ("costwire_node_cpu_usage", HOST, 1.5),
        ("costwire_node_memory_usage", HOST, 600),
    ],
}


def test_prometheus_answers_as_the_rules_of_kubernetes_expect(tmp_path: Path) -> None:
    questions = {one.name: one.promql for one in FLAVOURS["kubernetes"].questions}
    tests = [
        {
            "expr": questions[name],
            "eval_time": "10m",
            "exp_samples": [
                {"labels": _series(family, labels), "value": value}
                for family, labels, value in answer
            ],
        }
        for name, answer in ANSWERS.items()
    ]
    series = [{"series": _series(family, labels), "values": text} for family, labels, text in RAW]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": tests}
    path = tmp_path / "test.yml"
    path.write_text(json.dumps({"rule_files": [], "tests": [case]}))
    assert "SUCCESS" in promtool("test", "rules", path)


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

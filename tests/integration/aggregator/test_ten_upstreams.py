"""Ten upstreams, five of which misbehave: the answer is there in time and names what is missing."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml
from tests.support.certificates import Authority
from tests.support.fake_prometheus import FakePrometheus, Fault
from tests.support.icos_upstream import IcosUpstream
from tests.support.processes import ServiceProcess
from tests.support.tls_front import TlsFront

from costwire_aggregator.samples import Sample

DEADLINE_SECONDS = 2.0
NODES, PODS = 3, 5
DEAD, HANGING, PARTIAL, UNTRUSTED, LYING = "c0", "c1", "c2", "c3", "c4"


def a_cluster(name: str) -> dict[str, list[Sample]]:
    """What the upstream of one cluster tells."""
    own = {"k8s_cluster_uid": name, "icos_agent_id": name, "job": "j", "instance": name}
    series = {
        "up": [Sample({"job": "j", "instance": name}, time.time())],
        "tlum_orch_info": [
            Sample({"type": "ocm", "agent_id": name, "agent_name": name, **own}, 1.0)
        ],
        "node_uname_info": [],
        "node_memory_MemFree_bytes": [],
        "kube_pod_info": [],
    }
    for number in range(NODES):
        host = own | {"icos_host_id": f"{name}-{number}", "icos_host_name": f"n{number}"}
        series["node_uname_info"].append(Sample(host | {"nodename": f"n{number}"}, 1.0))
        series["node_memory_MemFree_bytes"].append(Sample(host, 1e9))
    for number in range(PODS):
        series["kube_pod_info"].append(Sample(own | {"pod": f"p{number}", "namespace": "x"}, 1.0))
    return series


@dataclass
class Estate:
    """Ten upstreams, and the file that names them."""

    upstreams: dict[str, FakePrometheus]
    file: Path
    hang: threading.Event


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with ExitStack() as stack:
        upstreams = {
            name: stack.enter_context(IcosUpstream(a_cluster(name)))
            for name in (f"c{number}" for number in range(10))
        }
        urls = {name: upstream.url for name, upstream in upstreams.items()}
        hang = threading.Event()
        stack.callback(hang.set)
        upstreams[DEAD].stop()
        upstreams[HANGING].fault = Fault(hang=hang)
        upstreams[PARTIAL].fault = Fault(more={"warnings": ["store eu-1 did not answer"]})
        front = stack.enter_context(TlsFront(upstreams[UNTRUSTED].url))
        front.show(Authority(tmp_path / "foreign").issue("foreign"))
        urls[UNTRUSTED] = front.url
        lying = dict(upstreams[LYING].series)
        lying["node_memory_MemFree_bytes"] = [
            Sample(sample.labels, math.nan) for sample in lying["node_memory_MemFree_bytes"]
        ]
        upstreams[LYING].series = lying
        upstreams[LYING].fault = Fault(body=b"<html>hello</html>", only="kube_pod_info")
        file = tmp_path / "upstreams.yaml"
        told = [{"name": name, "url": url, "flavour": "icos"} for name, url in urls.items()]
        file.write_text(yaml.safe_dump({"upstreams": told}), encoding="utf-8")
        yield Estate(upstreams, file, hang)


@contextmanager
def an_aggregator(estate: Estate, folder: Path) -> Iterator[str]:
    aggregator = ServiceProcess(
        "aggregator",
        folder,
        upstreams_file=estate.file,
        deadline_seconds=DEADLINE_SECONDS,
        fresh_seconds=0,
        stale_seconds=0,
    )
    with aggregator.start().wait_until_ready():
        yield aggregator.url


def test_answer_is_there_in_time_and_names_what_is_missing(estate: Estate, tmp_path: Path) -> None:
    with an_aggregator(estate, tmp_path / "aggregator") as url:
        began = time.monotonic()
        answer = requests.get(url, timeout=30)
        took = time.monotonic() - began
    assert answer.status_code == 200
    assert took < DEADLINE_SECONDS + 1.5
    clusters = answer.json()["cluster"]
    assert sorted(clusters) == sorted({*estate.upstreams} - {DEAD, HANGING, UNTRUSTED})
    assert {name: len(cluster["node"]) for name, cluster in clusters.items()} == dict.fromkeys(
        clusters, NODES
    )
    with_pods = {name for name, cluster in clusters.items() if "pod" in cluster}
    assert with_pods == {*clusters} - {LYING}
    free = [node["dynamicMetrics"].get("freeRAM") for node in clusters[LYING]["node"].values()]
    assert free == [None] * NODES
    missing = dict(
        entry.rstrip(")").split(" (") for entry in answer.headers["Costwire-Missing"].split(", ")
    )
    assert missing == {
        DEAD: "unreachable",
        HANGING: "late",
        PARTIAL: "partial",
        UNTRUSTED: "failed",
        LYING: "failed",
    }
    # Of 20 metrics the lying one lacks kube_pod_info alone: 5 * 20 + 19 of 10 * 20.
    assert answer.headers["Costwire-Completeness"] == "59.5"


def test_upstreams_that_come_back_are_told_again(estate: Estate, tmp_path: Path) -> None:
    with an_aggregator(estate, tmp_path / "aggregator") as url:
        estate.hang.set()
        estate.upstreams[DEAD].start_again()
        for upstream in estate.upstreams.values():
            upstream.fault = Fault()
        answer = requests.get(url, timeout=30)
    assert sorted(answer.json()["cluster"]) == sorted({*estate.upstreams} - {UNTRUSTED})
    assert answer.headers["Costwire-Missing"] == f"{UNTRUSTED} (failed)"

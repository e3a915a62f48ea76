"""`/v1/topology` and `/v1/completeness`: every flavour, selected, paged, in each form."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.support.fake_prometheus import FakePrometheus, Fault
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.kubernetes_estates import Estate
from tests.support.prometheus import remarks_of_promtool

from costwire_aggregator.app import create_app
from costwire_aggregator.samples import Sample
from costwire_aggregator.settings import Settings
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.web.gauges import GAUGES
from costwire_aggregator.web.snapshots import MOST
from costwire_runtime.asgi import AsgiAdapter

Get = Callable[..., requests.Response]
PODS_OF_A_NODE, NODES, CLUSTERS, CONTAINERS = 4, 2, 3, 2


@contextmanager
def an_aggregator(*upstreams: FakePrometheus, folder: Path, **settings: Any) -> Iterator[Get]:
    """Requests to one in this process, over upstreams that are called a, b, c, ..."""
    file = folder / "upstreams.yaml"
    told = [{"name": name, "url": one.url} for name, one in zip("abcdef", upstreams, strict=False)]
    file.write_text(yaml.safe_dump({"upstreams": told}), encoding="utf-8")
    given = {"port": 0, "upstreams_file": file, "fresh_seconds": 60, **settings}
    app = create_app(Settings(**given))
    with AsgiAdapter(app) as transport, requests.Session() as session:
        session.mount("http://", transport)

        def get(path: str = "", **parameters: Any) -> requests.Response:
            headers = parameters.pop("headers", {})
            url = f"http://aggregator{path or '/v1/topology'}"
            return session.get(url, params=parameters, headers=headers, timeout=30)

        yield get


@pytest.fixture
def kubernetes() -> Iterator[FlavourUpstream]:
    with FlavourUpstream("kubernetes", Estate(7).series("kubernetes")) as server:
        yield server


@pytest.fixture
def get(kubernetes: FlavourUpstream, tmp_path: Path) -> Iterator[Get]:
    with an_aggregator(kubernetes, folder=tmp_path) as get:
        yield get


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_each_flavour_is_found_by_looking_and_told(flavour: str, tmp_path: Path) -> None:
    series = Estate(7).series(flavour)
    with FlavourUpstream(flavour, series) as server, an_aggregator(server, folder=tmp_path) as get:
        answer = get()
    assert answer.status_code == 200
    clusters = answer.json()["clusters"]
    assert len(clusters) == CLUSTERS
    assert {len(cluster["nodes"]) for cluster in clusters} == {NODES}
    assert {len(cluster["pods"]) for cluster in clusters} == {NODES * PODS_OF_A_NODE}


def test_six_questions_and_one_look_are_all_that_is_asked(
    kubernetes: FlavourUpstream, get: Get
) -> None:
    get()
    assert len(kubernetes.asked) == 1 + 6
    assert len({request.form["time"][0] for request in kubernetes.asked}) == 1


def test_flavour_is_looked_for_once(kubernetes: FlavourUpstream, tmp_path: Path) -> None:
    with an_aggregator(kubernetes, folder=tmp_path, fresh_seconds=0, stale_seconds=0) as get:
        get()
        kubernetes.asked.clear()
        get()
    assert len(kubernetes.asked) == 6


def test_upstream_whose_flavour_cannot_be_found_is_named(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    with (
        FlavourUpstream("kubernetes", {}) as other,
        an_aggregator(kubernetes, other, folder=tmp_path) as get,
    ):
        answer = get()
    assert len(answer.json()["clusters"]) == CLUSTERS
    assert answer.headers["Costwire-Missing"] == "b (empty)"


def test_upstream_that_was_down_is_looked_at_again(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    kubernetes.stop()
    with an_aggregator(kubernetes, folder=tmp_path, fresh_seconds=0, stale_seconds=0) as get:
        assert get().status_code == 503
        kubernetes.start_again()
        assert len(get().json()["clusters"]) == CLUSTERS


def test_times_alone_are_no_answer(kubernetes: FlavourUpstream, tmp_path: Path) -> None:
    with an_aggregator(kubernetes, folder=tmp_path, fresh_seconds=0, stale_seconds=0) as get:
        assert get().ok
        kubernetes.fault = Fault(status=500, body=b"oops", only="{")
        assert get().status_code == 502


def test_upstream_that_hangs_while_it_is_looked_at_holds_up_no_other(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    with FlavourUpstream("kubernetes", {}) as hanging:
        hanging.fault = fault = Fault(hang=threading.Event())
        with an_aggregator(kubernetes, hanging, folder=tmp_path, deadline_seconds=1.5) as get:
            answer = get()
        assert fault.hang is not None
        fault.hang.set()
    assert len(answer.json()["clusters"]) == CLUSTERS
    assert answer.headers["Costwire-Missing"] == "b (late)"


def test_missing_store_is_no_zeros(kubernetes: FlavourUpstream, tmp_path: Path) -> None:
    usage = next(
        question for question in FLAVOURS["kubernetes"].questions if "rate(" in question.promql
    )
    with an_aggregator(kubernetes, folder=tmp_path) as get:
        kubernetes.fault = Fault(status=500, body=b"oops", only=usage.promql)
        answer = get()
    nodes = [node for cluster in answer.json()["clusters"] for node in cluster["nodes"]]
    assert all("cpu" not in node.get("usage", {}) for node in nodes)
    assert all(node["capacity"]["cpu"] > 0 for node in nodes)
    completeness = answer.json()["completeness"]
    assert completeness["percent"] < 100
    assert completeness["upstreams"][0]["state"] == "failed"
    assert "it answers 500" in completeness["upstreams"][0]["reasons"][0]


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ({"cluster": "cluster-1"}, (1, 2, 8)),
        ({"depth": "clusters"}, (3, 0, 0)),
        ({"depth": "nodes"}, (3, 6, 0)),
        ({"cluster": ["cluster-0", "cluster-1"], "depth": "pods"}, (2, 4, 16)),
        ({"cluster": "none"}, (0, 0, 0)),
    ],
)
def test_what_is_asked_for_is_told(
    get: Get, parameters: dict[str, Any], kept: tuple[int, int, int]
) -> None:
    clusters = get(**parameters).json()["clusters"]
    nodes = sum(len(cluster.get("nodes", ())) for cluster in clusters)
    pods = sum(len(cluster.get("pods", ())) for cluster in clusters)
    assert (len(clusters), nodes, pods) == kept


@pytest.mark.parametrize(
    "parameters",
    [
        {"depth": "atoms"},
        {"fields": "nodes.colour"},
        {"label": "=x"},
        {"table": "atoms"},
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "many"},
        {"limit": "٣"},
        {"offset": "1e3"},
        {"color": "red"},
    ],
    ids=str,
)
def test_bad_query_is_told_with_what_there_is(get: Get, parameters: dict[str, str]) -> None:
    answer = get(**parameters)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    (value,) = parameters.values()
    (name,) = parameters
    assert value in answer.json()["detail"] or name in answer.json()["detail"]


def test_tables_are_told_in_each_form(get: Get) -> None:
    rows = get(table="pods").json()
    lines = get(table="pods", headers={"Accept": "application/x-ndjson"})
    stream = get(table="pods", headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert len(rows) == CLUSTERS * NODES * PODS_OF_A_NODE
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    table = pa.ipc.open_stream(stream.content).read_all()
    assert [*zip(table["cluster"].to_pylist(), table["name"].to_pylist(), strict=True)] == [
        (row["cluster"], row["name"]) for row in rows
    ]
    assert lines.headers["Content-Type"] == "application/x-ndjson"


def test_document_is_told_as_json_alone(get: Get) -> None:
    assert get(headers={"Accept": "text/csv"}).status_code == 406
    assert get(headers={"Accept": "application/x-ndjson"}).status_code == 406


@pytest.mark.parametrize("parameters", [{}, {"table": "containers"}], ids=str)
def test_pages_are_the_whole(get: Get, parameters: dict[str, str]) -> None:
    def things(answer: requests.Response) -> list[Any]:
        told = answer.json()
        return told if isinstance(told, list) else told["clusters"]

    whole, paged = things(get(**parameters)), []
    answer = get(limit="2", **parameters)
    for _ in range(len(whole)):
        paged += things(answer)
        if "next" not in answer.links:
            break
        answer = get(answer.links["next"]["url"])
    assert paged == whole
    assert len(whole) > 2


def test_page_of_a_snapshot_that_is_gone_is_refused(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    with an_aggregator(kubernetes, folder=tmp_path, fresh_seconds=0, stale_seconds=0) as get:
        following = [get(limit="1").links["next"]["url"] for _ in range(MOST + 1)]
        answer = get(following[0])
    assert answer.status_code == 412
    assert answer.json()["type"].endswith(":snapshot-gone")


def test_pages_of_a_snapshot_hold_together_whatever_comes_after_it(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    with an_aggregator(kubernetes, folder=tmp_path, fresh_seconds=0, stale_seconds=0) as get:
        page = get(limit="1")
        whole = [page.json()]
        kubernetes.series = {}
        while link := page.links.get("next"):
            kubernetes.asked.clear()
            page = get(link["url"])
            whole.append(page.json())
            assert get().json()["clusters"] == []
    assert [len(part["clusters"]) for part in whole] == [1] * CLUSTERS
    assert len({part["snapshot"] for part in whole}) == 1


def test_target_that_is_down_is_named_and_costs_what_its_job_tells(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    (of_pod, *_) = kubernetes.series["kube_pod_info"]
    job = {"job": of_pod.labels.get("job", "")}
    kubernetes.series = {
        **kubernetes.series,
        "up": [Sample({**job, "instance": "gone"}, -time.time())],
    }
    with an_aggregator(kubernetes, folder=tmp_path) as get:
        answer = get("/v1/completeness")
    (upstream,) = answer.json()["upstreams"]
    assert (upstream["state"], upstream["targets"], upstream["targetsDown"]) == ("partial", 1, 1)
    assert upstream["downTargets"] == [{**job, "instance": "gone"}]
    states = {metric["name"]: metric["state"] for metric in upstream["metrics"]}
    assert states["kube_pod_info"] == "partial"
    assert answer.json()["percent"] < 100


def test_same_snapshot_is_not_sent_again(get: Get) -> None:
    tag = get().headers["ETag"]
    answer = get(headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert get(headers={"If-None-Match": 'W/"other"'}).status_code == 200


def test_completeness_tells_each_metric_of_each_upstream(
    kubernetes: FlavourUpstream, tmp_path: Path
) -> None:
    with an_aggregator(kubernetes, folder=tmp_path) as get:
        told = get("/v1/completeness").json()
    (upstream,) = told["upstreams"]
    asked = {family for one in FLAVOURS["kubernetes"].questions for family in one.families}
    assert {metric["name"] for metric in upstream["metrics"]} == asked
    assert {metric["state"] for metric in upstream["metrics"]} <= {"answered", "empty"}
    series = {metric["name"]: metric["series"] for metric in upstream["metrics"]}
    assert series["kube_pod_info"] == CLUSTERS * NODES * PODS_OF_A_NODE
    assert told["percent"] == 100


def test_gauges_are_those_of_the_clusters(get: Get) -> None:
    answer = get("/metrics")
    samples = {
        (sample.name, sample.labels.get("cluster")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if "phase" not in sample.labels
    }
    assert samples["costwire_completeness_ratio", None] == 1
    for cluster in get().json()["clusters"]:
        key = cluster["key"]
        assert samples["costwire_cluster_nodes", key] == NODES
        cores = sum(node["capacity"]["cpu"] for node in cluster["nodes"])
        assert samples["costwire_cluster_capacity_cpu_cores", key] == cores
        over = ("Succeeded", "Failed")
        asked = [pod["requests"]["memory"] for pod in cluster["pods"] if pod["phase"] not in over]
        assert samples["costwire_cluster_requests_memory_bytes", key] == sum(asked)
    assert {name for name, _ in samples} <= {*GAUGES}
    assert remarks_of_promtool(answer.content) == []


def test_pages_show_what_is_told(get: Get) -> None:
    answer = get("/ui")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    clusters = get().json()["clusters"]
    for cluster in clusters:
        assert cluster["key"] in answer.text
    cluster = clusters[0]
    page = get("/ui/cluster", key=cluster["key"]).text
    for pod in cluster["pods"]:
        assert pod["name"] in page
    pod = cluster["pods"][0]
    of_pod = get("/ui/pod", cluster=cluster["key"], namespace=pod["namespace"], name=pod["name"])
    assert all(container["name"] in of_pod.text for container in pod["containers"])
    of_node = get("/ui/node", cluster=cluster["key"], name=pod["node"])
    assert pod["name"] in of_node.text
    assert get("/ui/node", cluster=cluster["key"], name="none").status_code == 404
    for name in ("ui.css", "ui.js"):
        assert get(f"/ui/static/{name}").status_code == 200


def test_page_of_silent_upstreams_says_so(kubernetes: FlavourUpstream, tmp_path: Path) -> None:
    kubernetes.stop()
    with an_aggregator(kubernetes, folder=tmp_path) as get:
        answer = get("/ui")
    assert answer.status_code == 503
    assert "connection refused" in answer.text
    assert answer.headers["Content-Type"].startswith("text/html")

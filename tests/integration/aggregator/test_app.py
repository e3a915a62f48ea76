"""The HTTP face: the original's, but for its faults."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.fake_prometheus import FakePrometheus, Fault
from tests.support.processes import free_port
from tests.support.waiting import until
from tests.unit.aggregator.icos.example import example

from costwire_aggregator.app import create_app
from costwire_aggregator.samples import Sample
from costwire_aggregator.settings import Settings
from costwire_runtime.asgi import AsgiAdapter

Get = Callable[..., requests.Response]
GOLDEN = Path(__file__).parents[2] / "golden" / "icos" / "topology.json"
"""What the original wrote of the example's series."""


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with FakePrometheus(example()) as server:
        yield server


@contextmanager
def an_aggregator(**settings: Any) -> Iterator[Get]:
    """Requests to one in this process; it asks its upstreams each time unless told otherwise."""
    told = {"port": 0, "fresh_seconds": 0, "stale_seconds": 0, **settings}
    with AsgiAdapter(create_app(Settings(**told))) as transport, requests.Session() as session:
        session.mount("http://", transport)

        def get(path: str = "/", method: str = "GET", **options: Any) -> requests.Response:
            return session.request(
                method, f"http://aggregator{path}", allow_redirects=False, timeout=30, **options
            )

        yield get


def over(prometheus: FakePrometheus, **settings: Any) -> AbstractContextManager[Get]:
    return an_aggregator(prometheus_address=prometheus.url, **settings)


def without_the_clock(text: str) -> Any:
    document = json.loads(text)
    document["timestamp"].pop("timeSinceOldest", None)
    return document


def test_document_is_the_originals_in_strict_mode(prometheus: FakePrometheus) -> None:
    with over(prometheus, icos_compat="strict") as get:
        answer = get()
    told, golden = answer.text, GOLDEN.read_text(encoding="utf-8")
    assert answer.status_code == 200
    lines = [line for line in told.splitlines() if "timeSinceOldest" not in line]
    assert lines == [line for line in golden.splitlines() if "timeSinceOldest" not in line]
    since = json.loads(told)["timestamp"]["timeSinceOldest"]
    assert since == pytest.approx(time.time() - 1753000000.5, abs=30)


@pytest.mark.parametrize("path", ["/", "/aggregator", "/aggregator/", "/healthz/", "/a/b?c=d"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_every_path_and_method_gets_the_document(
    prometheus: FakePrometheus, path: str, method: str
) -> None:
    with over(prometheus) as get:
        answer = get(path, method)
        assert answer.status_code == 200
        assert "edge-north" in answer.json()["cluster"]


def test_head_tells_the_length_alone(prometheus: FakePrometheus) -> None:
    with over(prometheus, fresh_seconds=60) as get:
        assert abs(int(get("/", "HEAD").headers["Content-Length"]) - len(get().content)) < 20
        assert get("/", "HEAD").content == b""


@pytest.mark.parametrize(
    ("path", "clean"), [("/a//b", "/a/b"), ("//a/b/", "/a/b/"), ("/a//?x=/y", "/a/?x=/y")]
)
def test_path_is_cleaned_as_gos_multiplexer_does(
    prometheus: FakePrometheus, path: str, clean: str
) -> None:
    with over(prometheus) as get:
        answer = get(path)
        assert (answer.status_code, answer.headers["Location"]) == (301, clean)
    assert prometheus.asked == []


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_health_is_the_originals(prometheus: FakePrometheus, method: str) -> None:
    with over(prometheus) as get:
        answer = get("/healthz", method)
        assert (answer.status_code, answer.text) == (200, '"Aggregator working properly!"\n')
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("compat", "media_type"),
    [("default", "application/json"), ("strict", "text/plain; charset=utf-8")],
)
def test_document_is_told_as_json_unless_the_originals_word_is_wanted(
    prometheus: FakePrometheus, compat: str, media_type: str
) -> None:
    with over(prometheus, icos_compat=compat) as get:
        assert get().headers["Content-Type"] == media_type


def test_six_questions_as_of_one_time_are_all_that_a_request_asks(
    prometheus: FakePrometheus,
) -> None:
    with over(prometheus) as get:
        get()
    assert len(prometheus.asked) == 6
    assert len({request.form["time"][0] for request in prometheus.asked}) == 1


def test_no_up_series_is_no_time_and_no_more(prometheus: FakePrometheus) -> None:
    prometheus.series = {**prometheus.series, "up": []}
    with over(prometheus) as get:
        assert get().json()["timestamp"] == {}
        prometheus.series = {}
        assert get().json() == {"timestamp": {}}


def test_requests_at_one_time_share_their_questions(prometheus: FakePrometheus) -> None:
    prometheus.fault = fault = Fault(hang=threading.Event())
    with over(prometheus) as get, ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(get) for _ in range(20)]
        until("all are asked", lambda: len(prometheus.asked) == 6)
        time.sleep(0.2)
        assert fault.hang is not None
        fault.hang.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert len(prometheus.asked) == 6


def test_answer_is_kept_for_a_while_with_its_age(prometheus: FakePrometheus) -> None:
    with over(prometheus, fresh_seconds=60) as get:
        first, second = get(), get()
    assert len(prometheus.asked) == 6
    assert without_the_clock(first.text) == without_the_clock(second.text)
    assert int(second.headers["Age"]) < 10


TIMED_OUT = b'{"status":"error","errorType":"timeout","error":"query timed out"}'
SCALAR = b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'


@pytest.mark.parametrize(
    ("fault", "status", "problem"),
    [
        (Fault(status=500, body=b"oops"), 502, "upstreams-failed"),
        (Fault(status=503, body=TIMED_OUT), 504, "upstreams-late"),
        (Fault(body=SCALAR), 502, "upstreams-failed"),
        (Fault(body=b"<html>"), 502, "upstreams-failed"),
        (Fault(body=b"", only="node_uname_info"), 502, "upstreams-failed"),
    ],
)
def test_upstream_that_fails_is_told_as_a_problem(
    prometheus: FakePrometheus, fault: Fault, status: int, problem: str
) -> None:
    prometheus.fault = fault
    with over(prometheus) as get:
        answer = get()
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"].endswith(f":{problem}")
    assert "prometheus" in answer.json()["detail"]


def test_dead_upstream_is_told_as_one_and_back_again(prometheus: FakePrometheus) -> None:
    with over(prometheus) as get:
        prometheus.stop()
        answer = get()
        assert (answer.status_code, answer.json()["type"].split(":")[-1]) == (
            503,
            "upstreams-unreachable",
        )
        assert "connection refused" in answer.json()["detail"]
        prometheus.start_again()
        assert get().status_code == 200


def test_hanging_upstream_is_told_within_the_deadline(prometheus: FakePrometheus) -> None:
    prometheus.fault = fault = Fault(hang=threading.Event())
    with over(prometheus, deadline_seconds=0.5) as get:
        began = time.monotonic()
        assert get().status_code == 504
        assert time.monotonic() - began < 5
    assert fault.hang is not None
    fault.hang.set()


def test_question_that_fails_costs_its_fields_and_is_named(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(status=500, body=b"oops", only="node_network_info")
    with over(prometheus) as get:
        answer = get()
    (node,) = answer.json()["cluster"]["edge-north"]["node"].values()
    assert "networkInterfaces" not in node
    assert node["staticMetrics"]["cpuCores"] == 8
    assert float(answer.headers["Costwire-Completeness"]) < 100
    assert answer.headers["Costwire-Missing"] == "prometheus (failed)"


def test_partial_answer_is_told_as_one(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(more={"warnings": ["store south is gone"]})
    with over(prometheus) as get:
        assert get().headers["Costwire-Missing"] == "prometheus (partial)"


@pytest.mark.parametrize("fault", [None, Fault(status=500, body=b"oops")])
def test_readiness_follows_the_upstreams(prometheus: FakePrometheus, fault: Fault | None) -> None:
    prometheus.fault = fault or prometheus.fault
    with over(prometheus) as get:
        assert get("/-/ready").status_code == (200 if fault is None else 503)
        assert get("/-/healthy").status_code == 200
        assert get("/healthz").status_code == 200


def test_probe_is_answered_while_an_upstream_hangs_and_names_none(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    with FakePrometheus(example()) as hanging:
        hanging.fault = fault = Fault(hang=threading.Event())
        addresses = {"north": prometheus.url, "south": hanging.url}
        file = several(tmp_path, *({"name": n, "url": url} for n, url in addresses.items()))
        with an_aggregator(upstreams_file=file, deadline_seconds=30) as get:
            began = time.monotonic()
            assert get("/-/ready").status_code == 200
            assert time.monotonic() - began < 10
        assert fault.hang is not None
        fault.hang.set()


def test_probe_that_anyone_may_ask_names_no_upstream(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(status=500, body=b"oops")
    with over(prometheus) as get:
        answer = get("/-/ready")
    assert answer.status_code == 503
    assert "1 failed" in answer.json()["detail"]
    assert "prometheus" not in answer.text
    assert "500" not in answer.json()["detail"]


def test_what_the_document_leaves_out_is_told_beside_it(prometheus: FakePrometheus) -> None:
    hot = [
        Sample(sample.labels, math.nan) for sample in prometheus.series["node_thermal_zone_temp"]
    ]
    with over(prometheus) as get:
        before = get().headers.get("Costwire-Left-Out", "")
        prometheus.series = {**prometheus.series, "node_thermal_zone_temp": hot}
        answer = get()
        lines = get("/-/metrics").text.splitlines()
    assert "node_thermal_zone_temp" not in before
    assert (
        "node_thermal_zone_temp (2: its value is no number)"
        in (answer.headers["Costwire-Left-Out"])
    )
    labels = 'face="icos",reason="its value is no number"'
    assert f"costwire_aggregator_left_out_series_total{{{labels}}} 2.0" in lines


def test_target_that_is_down_is_as_old_in_the_document_as_the_original_tells(
    prometheus: FakePrometheus,
) -> None:
    with over(prometheus) as get:
        before = get().json()["timestamp"]["oldestTimestamp"]
        down = [Sample(sample.labels, -sample.value) for sample in prometheus.series["up"]]
        prometheus.series = {**prometheus.series, "up": down}
        assert get().json()["timestamp"]["oldestTimestamp"] == before


def several(folder: Path, *upstreams: dict[str, object]) -> Path:
    file = folder / "upstreams.yaml"
    file.write_text(json.dumps({"upstreams": upstreams}), encoding="utf-8")
    return file


def test_upstream_that_is_gone_costs_its_clusters_alone_and_is_named(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    file = several(
        tmp_path, {"name": "north", "url": prometheus.url}, {"name": "south", "url": gone}
    )
    with an_aggregator(upstreams_file=file) as get:
        answer = get()
        assert [*answer.json()["cluster"]] == ["edge-north", "rover-fleet"]
        assert "south (unreachable)" in answer.headers["Costwire-Missing"]
        assert get("/-/ready").status_code == 200


def test_series_of_two_upstreams_are_told_once(prometheus: FakePrometheus, tmp_path: Path) -> None:
    file = several(
        tmp_path, *({"name": name, "url": prometheus.url} for name in ("north", "south"))
    )
    with an_aggregator(upstreams_file=file) as get, over(prometheus) as alone:
        assert without_the_clock(get().text) == without_the_clock(alone().text)


def test_questions_are_counted_by_what_became_of_them(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(status=500, body=b"oops", only="node_network_info")
    with over(prometheus) as get:
        get()
        lines = get("/-/metrics").text.splitlines()
    name = "costwire_aggregator_upstream_questions_total"
    for question, state in (("network", "failed"), ("nodes", "answered")):
        labels = f'question="{question}",state="{state}",upstream="prometheus"'
        assert f"{name}{{{labels}}} 1.0" in lines

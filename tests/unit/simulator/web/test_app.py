"""The simulator over HTTP, without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from tests.support.waiting import until
from tests.unit.simulator.asking import NOW

from costwire_runtime.asgi import AsgiAdapter
from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import FLAVOURS
from costwire_simulator.simulation import Simulation
from costwire_simulator.web.app import create_app

URL = "http://simulator.test"
QUERY = f"{URL}/prometheus/atlas/api/v1/query"


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    estate = make_estate(Size(4, 1, 4, 1), flavours=FLAVOURS)
    app = create_app(Simulation(estate, pinned=True, clock=lambda: NOW))
    with AsgiAdapter(app) as transport, requests.Session() as session:
        session.mount(URL, transport)
        until("it is ready", lambda: session.get(f"{URL}/-/ready").ok)
        yield session


def test_every_target_can_be_scraped_where_it_is_said_to_be(session: requests.Session) -> None:
    found = session.get(f"{URL}/targets").json()
    assert len(found) == 6
    for one in found:
        (address,) = one["targets"]
        answer = session.get(f"http://{address}{one['labels']['__metrics_path__']}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer.text.startswith("# HELP ")


def test_targets_are_found_by_job_and_by_cluster(session: requests.Session) -> None:
    for filters, count in (({"job": "kubelet"}, 1), ({"cluster": "atlas"}, 3), ({"job": "x"}, 0)):
        assert len(session.get(f"{URL}/targets", params=filters).json()) == count


def test_the_configuration_asks_for_the_targets_of_each_job(session: requests.Session) -> None:
    config = session.get(f"{URL}/prometheus.yml?cluster=atlas").json()
    found = [
        target["labels"]["job"]
        for job in config["scrape_configs"]
        for source in job["http_sd_configs"]
        for target in session.get(source["url"]).json()
    ]
    assert sorted(found) == ["kube-state-metrics", "kubelet", "node-exporter"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_upstreams_answer_queries(session: requests.Session, method: str) -> None:
    form = {"query": "count(kube_node_info)", "time": str(NOW), "timeout": "5s"}
    told = {"params": form} if method == "GET" else {"data": form}
    answer = session.request(method, QUERY, **told)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["data"]["result"][0]["value"][1] == "1"


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({}, "no expression found"),
        ({"query": "sum("}, "1:5: parse error"),
        ({"query": "up", "time": "x"}, 'invalid parameter "time"'),
    ],
)
def test_what_is_no_query_is_told_as_prometheus_does(
    session: requests.Session, form: dict[str, str], word: str
) -> None:
    answer = session.post(QUERY, data=form)
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"
    assert word in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/clusters/atlas/nothing", "/prometheus/nobody/api/v1/query", "/prometheus/atlas"]
)
def test_what_is_not_there_is_a_problem(session: requests.Session, path: str) -> None:
    answer = session.get(f"{URL}{path}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"

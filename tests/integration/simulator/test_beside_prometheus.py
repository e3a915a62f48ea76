"""The small Prometheus answers as a real one that has the same samples."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from random import Random
from typing import Any

import orjson
import pytest
from tests.integration.simulator.random_queries import random_query
from tests.support.local_server import LocalServer
from tests.support.processes import ServiceProcess, local_get
from tests.support.prometheus import Job, Prometheus

from costwire_aggregator.etim import questions as etim
from costwire_aggregator.icos import questions as icos
from costwire_aggregator.topology.flavours import FLAVOURS, LOOKING
from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import Flavour
from costwire_simulator.exporters.targets import targets_of
from costwire_simulator.promql.errors import QueryError
from costwire_simulator.promql.evaluation import Evaluation
from costwire_simulator.promql.parser import parse
from costwire_simulator.upstream.answers import refusal, success
from costwire_simulator.upstream.reading import Layout
from costwire_simulator.upstream.store import Scrape, Store
from costwire_simulator.upstream.upstream import Upstream
from costwire_simulator.web.discovery import scrape_config

FLAVOURS_SHOWN: tuple[Flavour, ...] = ("kubernetes", "opentelemetry", "icos", "icos-fleet")
SIZE = Size(clusters=4, nodes=2)
ESTATE = make_estate(SIZE, flavours=FLAVOURS_SHOWN)
JOBS = {"kube-state-metrics", "node-exporter", "kubelet", "otel-collector", "icos-telemetry"}
SECONDS_SCRAPED = 6.0
RANDOM_QUERIES = 400
Told = dict[frozenset[tuple[str, str]], float]


@dataclass(frozen=True)
class Discovered(Job):
    """A job whose targets Prometheus asks for."""

    def config(self) -> dict[str, Any]:
        return dict(self.http)


def jobs(url: str) -> list[Job]:
    """Those of the simulator there."""
    return [
        Discovered(one["job_name"], "", http=one) for one in scrape_config(url)["scrape_configs"]
    ]


@dataclass(frozen=True)
class Both:
    """A real Prometheus, its samples in a store of ours, and a time to ask about."""

    real: Prometheus
    store: Store
    now: float

    def ask_real(self, promql: str, at: float) -> tuple[int, Any]:
        asked = {"query": promql, "time": f"{at:.3f}"}
        answer = local_get(f"{self.real.url}/api/v1/query", asked)
        return answer.status_code, answer.json()

    def ask_ours(self, promql: str, at: float) -> tuple[int, Any]:
        at_ms = round(at * 1000)
        try:
            answer = success(Evaluation(self.store, at_ms).value(parse(promql)), at_ms)
        except QueryError as error:
            answer = refusal(error)
        return answer.status, orjson.loads(answer.body)

    def differences(self, promql: str, at: float) -> str:
        """What is not the same; nothing, as a rule."""
        status, real = self.ask_real(promql, at)
        our_status, ours = self.ask_ours(promql, at)
        if status != our_status:
            return f"{promql} at {at}: {status} {real} but {our_status} {ours}"
        if status != 200:
            same = real["errorType"] == ours["errorType"]
            return "" if same else f"{promql}: {real} but {ours}"
        missing = compared(told(real), told(ours))
        return f"{promql} at {at}: {missing}" if missing else ""


def told(answer: Any) -> Told:
    data = answer["data"]
    if data["resultType"] == "scalar":
        return {frozenset(): float(data["result"][1])}
    found = {frozenset(one["metric"].items()): float(one["value"][1]) for one in data["result"]}
    assert len(found) == len(data["result"])
    return found


def compared(real: Told, ours: Told) -> str:
    if real.keys() != ours.keys():
        return (
            f"only real {[*real.keys() - ours.keys()][:2]}, ours {[*ours.keys() - real.keys()][:2]}"
        )
    wrong = [key for key, value in real.items() if not same(value, ours[key])]
    return f"{wrong[0]}: {real[wrong[0]]} but {ours[wrong[0]]}" if wrong else ""


def same(one: float, other: float) -> bool:
    both_nan = math.isnan(one) and math.isnan(other)
    return both_nan or one == other or math.isclose(one, other, rel_tol=1e-9)


class Still(Prometheus):
    """One that scrapes nothing any more, so that its samples stay as they are."""

    def _has_scraped_all(self) -> bool:
        return True


class Moody(LocalServer):
    """An exporter whose series come and go, whose counter falls, and which fails at times."""

    def __init__(self) -> None:
        super().__init__(MoodyHandler)
        self.scrapes = 0

    def text(self) -> bytes | None:
        """What it tells next; None: it fails."""
        self.scrapes += 1
        if self.scrapes % 5 == 4:
            return None
        lines = [f'resets_total{{a="b",job="own"}} {self.scrapes % 3}', 'always{a=""} NaN']
        if self.scrapes % 2:
            lines.append(f"sometimes {self.scrapes}")
        return "\n".join([*lines, ""]).encode()


class MoodyHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.server.owner.text()  # type: ignore[attr-defined]
        self.send_response(503 if body is None else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """What a real Prometheus has scraped of a simulator and of a moody exporter."""
    folder = tmp_path_factory.mktemp("beside")
    simulator = ServiceProcess(
        "simulator",
        folder,
        clusters=SIZE.clusters,
        nodes=SIZE.nodes,
        flavours=",".join(FLAVOURS_SHOWN),
        upstreams="none",
    )
    with simulator.start().wait_until_ready(), Moody() as moody:
        all_jobs = [*jobs(simulator.url), Job("moody", moody.url)]
        with Prometheus(folder, all_jobs):
            time.sleep(SECONDS_SCRAPED)
        now = time.time()
    with Still(folder, []) as real:
        store = imported(real, now)
        yield Both(real, store, when_all_were_up(store, now))


def when_all_were_up(store: Store, now: float) -> float:
    """The last time: on a busy machine a scrape may take too long."""
    for step in range(int(SECONDS_SCRAPED * 100)):
        at = now - step / 100
        answer = success(
            Evaluation(store, round(at * 1000)).value(parse('count(up{job!="moody"} == 1)')), 0
        )
        if told(orjson.loads(answer.body)) == {frozenset(): len(targets_of(ESTATE))}:
            return at
    raise AssertionError("the targets were never up all at once")


def imported(real: Prometheus, now: float) -> Store:
    """All samples of a real Prometheus, target by target."""
    answer = local_get(
        f"{real.url}/api/v1/query", {"query": '{__name__=~".+"}[1h]', "time": f"{now:.3f}"}
    )
    scrapes: dict[tuple[str, str], dict[int, list[tuple[Mapping[str, str], float]]]]
    scrapes = defaultdict(lambda: defaultdict(list))
    for series in answer.json()["data"]["result"]:
        labels = dict(sorted(series["metric"].items()))
        for at, value in series["values"]:
            target = labels["job"], labels["instance"]
            scrapes[target][round(at * 1000)].append((labels, float(value)))
    store = Store(keep=1_000)
    for number, of_target in enumerate(scrapes.values()):
        for at_ms, samples in sorted(of_target.items()):
            written = [repr(labels) for labels, _ in samples]
            layout = Layout(written, [labels for labels, _ in samples])
            store.add(number, Scrape(at_ms, layout, [value for _, value in samples]))
    return store


QUESTIONS = {
    **{f"{name} {one.name}": one.promql for name, of in FLAVOURS.items() for one in of.questions},
    **{f"ICOS document {one.name}": one.promql for one in icos.ALL},
    **{f"gRPC {one.name}": one.promql for one in (*etim.ALL, *etim.OF_ORIGINAL)},
    "looking": LOOKING,
    "cores of the original": "kube_node_status_capacity{resource='cpu'} * "
    "on(icos_agent_id, icos_host_name) group_left(icos_host_id) "
    "node_uname_info{icos_agent_id!=''}",
    "energy of the original": "scaph_host_energy_microjoules_total * "
    "on(icos_agent_id, icos_host_name) group_left(icos_host_id) "
    "node_uname_info{icos_agent_id!=''}",
}


@pytest.mark.parametrize("promql", QUESTIONS.values(), ids=QUESTIONS)
def test_each_question_of_the_aggregator_has_the_same_answer(both: Both, promql: str) -> None:
    assert not both.differences(promql, both.now)
    assert told(both.ask_ours(promql, both.now)[1]), "nothing is compared"


_STEADY = (
    "(kube_(node|namespace|deployment|persistentvolume)|node_|machine_|k8s_node|tlum_).*"
    "|up|SCA_score"
)
"""Families that no pod's coming or going changes, and no value of which is a label."""


def test_series_of_our_scrapes_have_the_labels_of_real_ones(both: Both) -> None:
    ours = Upstream(targets_of(ESTATE))
    ours.scrape(both.now)
    for promql in (
        f'{{__name__=~"{_STEADY}",job!="moody"}}',
        'container_cpu_usage_seconds_total{id="/"}',
        'container_memory_working_set_bytes{namespace=""}',
    ):
        real = told(both.ask_real(promql, both.now)[1])
        assert real
        assert real.keys() == told(orjson.loads(ours.answer(promql, both.now).body)).keys()


def test_every_exporter_is_found_and_is_up(both: Both) -> None:
    up = told(both.ask_real("count by (job) (up == 1)", both.now)[1])
    assert {dict(labels)["job"] for labels in up} >= JOBS


@pytest.mark.parametrize("later", [-2.3, 120.0, 294.0, 299.0, 301.0, 400.0])
def test_samples_are_as_old_as_they_may_be_at_any_time(both: Both, later: float) -> None:
    for promql in (
        "up",
        "timestamp(up)",
        "rate(node_cpu_seconds_total[5m])",
        "count(kube_pod_info)",
    ):
        assert not both.differences(promql, both.now + later)


NO_QUERIES = (
    "",
    "sum(",
    "up{",
    "up{job}",
    'up{job="a"',
    'up{job~"a"}',
    'up{job=~"("}',
    'up{job="\\q"}',
    "up up",
    "up[5m]]",
    "rate(up)",
    "rate(up[0s])",
    "rate(up[5])",
    "nosuch(up)",
    "{}",
    '{job=""}',
    '{job=~".*"}',
    'up{__name__="down"}',
    "1 == 1",
    "1 and 2",
    "up and 1",
    "up + on(job) 1",
    "up and on(job) group_left up",
    "up * on(job) group_left(job) up",
    "up + bool up",
    "sum by (job (up)",
    "sum()",
    "sum(up, up)",
    "vector(up)",
    "label_replace(up)",
    'label_replace(up, "a", "b", "c", 1)',
    "-'a'",
    "(up",
    "up)",
    "by (job) (up)",
    "5m",
    "up == ",
    "$",
)


@pytest.mark.parametrize("promql", NO_QUERIES)
def test_what_is_no_query_is_refused_by_both(both: Both, promql: str) -> None:
    status, real = both.ask_real(promql, both.now)
    our_status, ours = both.ask_ours(promql, both.now)
    assert (our_status, ours["status"], ours["errorType"]) == (400, "error", "bad_data")
    assert (status, real["errorType"]) == (400, "bad_data")
    assert ours["error"].startswith('invalid parameter "query": 1:')


PLACED = (
    "sum(",
    "up{",
    "up{job}",
    'up{job="a"',
    "up up",
    "nosuch(up)",
    "(up",
    "rate(up)",
    "$",
)


@pytest.mark.parametrize("promql", PLACED)
def test_errors_are_at_the_same_place(both: Both, promql: str) -> None:
    places = [
        answer["error"].removeprefix('invalid parameter "query": ').split(" ")[0]
        for _, answer in (both.ask_real(promql, both.now), both.ask_ours(promql, both.now))
    ]
    assert places[0] == places[1]


UNFIT = (
    "kube_node_status_capacity * on (node) kube_node_info",
    "kube_node_info * on (node) kube_node_status_capacity",
    "up - on (cluster) up",
    'rate({__name__=~"node_network_receive_bytes_total|node_network_transmit_bytes_total"}[5m])',
    'label_replace(up{job="node-exporter"}, "instance", "same", "", "")',
    'label_replace(up, "no-label", "a", "", "")',
    'label_replace(up, "a", "b", "job", "(")',
    '-{__name__=~"node_memory_MemFree_bytes|node_memory_MemTotal_bytes"}',
    '{__name__=~"node_memory_MemFree_bytes|node_memory_MemTotal_bytes"} + 1',
)


@pytest.mark.parametrize("promql", UNFIT)
def test_values_that_do_not_fit_together_are_an_error_of_both(both: Both, promql: str) -> None:
    status, real = both.ask_real(promql, both.now)
    our_status, ours = both.ask_ours(promql, both.now)
    assert (our_status, ours["errorType"]) == (status, real["errorType"]) == (422, "execution")


def test_random_queries_have_the_same_answers(both: Both) -> None:
    chance = Random(8)  # noqa: S311
    answered = 0
    for _ in range(RANDOM_QUERIES):
        promql = random_query(chance, 3)
        assert not both.differences(promql, both.now + chance.choice((-1.0, 0.0, 60.0)))
        status, answer = both.ask_ours(promql, both.now)
        answered += status == 200 and bool(told(answer))
    assert answered > RANDOM_QUERIES / 3

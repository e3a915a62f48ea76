"""What an aggregator answers is what its description says, for every operation."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
import requests
from tests.support.fake_prometheus import FakePrometheus, Fault
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.icos_upstream import IcosUpstream
from tests.support.kubernetes_estates import Estate
from tests.support.openapi import assert_as_told, faults, operations
from tests.support.processes import free_port
from tests.unit.aggregator.icos.example import example
from tests.unit.aggregator.tokens.rows import bearer
from tests.unit.aggregator.tokens.signing import a_token, base64_of, rsa_key

from costwire_aggregator.app import create_app
from costwire_aggregator.settings import Settings
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.schema import row_name
from costwire_aggregator.topology.tables import TABLES
from costwire_aggregator.web.openapi import document
from costwire_runtime.asgi import AsgiAdapter

DOCUMENT = document()
DESCRIBED = {operation.path: operation for operation in operations(DOCUMENT)}
GUARDED = [path for path, each in DESCRIBED.items() if each.told.get("security") != []]
OF_UPSTREAMS = [path for path in GUARDED if "502" in DESCRIBED[path].told["responses"]]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
NDJSON, ARROW = "application/x-ndjson", "application/vnd.apache.arrow.stream"
NOBODY = {"cluster": "nobody", "key": "nobody", "name": "nobody", "namespace": "nobody"}

Ask = Callable[..., requests.Response]


@contextmanager
def an_aggregator(upstream: FakePrometheus, **settings: Any) -> Iterator[Ask]:
    """Requests to one in this process; each answer is held against the description."""
    given = {"prometheus_address": upstream.url, "fresh_seconds": 60, **settings}
    with AsgiAdapter(create_app(Settings(**given))) as transport, requests.Session() as session:
        session.mount("http://", transport)

        def ask(
            path: str, status: int = 200, headers: dict[str, str] | None = None, **parameters: Any
        ) -> requests.Response:
            url = f"http://aggregator{path}"
            answer = session.get(url, params=parameters, headers=headers, timeout=30)
            assert answer.status_code == status, answer.text
            assert_as_told(DOCUMENT, DESCRIBED[path], answer)
            return answer

        yield ask


def slug(answer: requests.Response) -> str:
    """Which problem it is."""
    return str(answer.json()["type"].rpartition(":")[2])


@pytest.fixture(scope="module")
def upstream() -> Iterator[FlavourUpstream]:
    with FlavourUpstream("kubernetes", Estate(7).series("kubernetes")) as server:
        yield server


@pytest.fixture(scope="module")
def ask(upstream: FlavourUpstream) -> Iterator[Ask]:
    with an_aggregator(upstream) as ask:
        yield ask


@pytest.mark.parametrize("oddity", [0.0, 0.1])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_topology_of_each_flavour_is_as_told(flavour: str, oddity: float) -> None:
    series = Estate(7, oddity=oddity).series(flavour)
    with FlavourUpstream(flavour, series) as server, an_aggregator(server) as ask:
        assert ask("/v1/topology").json()["clusters"] or oddity
        for table in TABLES:
            rows = ask("/v1/topology", table=table).json()
            schema = {"type": "array", "items": SCHEMAS[row_name(table)]}
            assert not faults(DOCUMENT, schema, rows)
        ask("/v1/completeness")


def test_parts_of_the_topology_are_as_told(ask: Ask) -> None:
    whole = ask("/v1/topology")
    assert "Link" not in whole.headers
    for parameters in (
        {"cluster": "cluster-1", "namespace": ["shop", "test"], "depth": "pods"},
        {"label": "app=api"},
        {"fields": "nodes.capacity,pods.owner"},
        {"fields": ["name", "volumes"], "depth": "clusters"},
        {"limit": "1", "offset": "1"},
        {"limit": "1", "offset": "1", "table": "pods"},
        {"snapshot": whole.json()["snapshot"]},
        {"costs": "1", "period": "2026-10"},
    ):
        is_followed = "Link" in ask("/v1/topology", **parameters).headers
        assert is_followed is ("limit" in parameters)
    tag = whole.headers["ETag"]
    ask("/v1/topology", 304, {"If-None-Match": tag})


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_as_told_in_each_form(ask: Ask, table: str) -> None:
    schema = SCHEMAS[row_name(table)]
    lines = ask("/v1/topology", headers={"Accept": NDJSON}, table=table).text.splitlines()
    rows = ask("/v1/topology", table=table).json()
    assert [*map(json.loads, lines)] == rows
    assert [fault for row in rows for fault in faults(DOCUMENT, schema, row)] == []
    stream = ask("/v1/topology", headers={"Accept": ARROW}, table=table).content
    assert pa.ipc.open_stream(stream).schema.names == list(schema["properties"])


def test_everything_else_is_as_told(ask: Ask) -> None:
    (cluster, *_) = ask("/v1/topology").json()["clusters"]
    (pod, *_) = cluster["pods"]
    key = cluster["key"]
    parameters = {
        "/ui/cluster": {"key": key, "namespace": "shop", "search": "set", "page": "1"},
        "/ui/node": {"cluster": key, "name": pod["node"]},
        "/ui/pod": {"cluster": key, "namespace": pod["namespace"], "name": pod["name"]},
    }
    for path in DESCRIBED:
        ask(path, **parameters.get(path, {}))
    for path in ("/metrics", "/-/metrics"):
        ask(path, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert ask("/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize("icos_compat", ["default", "strict"])
def test_icos_document_is_as_told(icos_compat: str) -> None:
    with IcosUpstream(example()) as server, an_aggregator(server, icos_compat=icos_compat) as ask:
        told = ask("/").json()
    assert {*told["cluster"]} == {"edge-north", "rover-fleet"}
    assert not faults(DOCUMENT, SCHEMAS["IcosDocument"], told)


@pytest.mark.parametrize(
    "parameters",
    [
        {"depth": "atoms"},
        {"table": "atoms"},
        {"unheard": "of"},
        {"cluster": ""},
        {"fields": ""},
        {"limit": "0" * 8 + "1" + "9" * 20, "table": "pods"},
        {"offset": "0" * 8 + "1" + "9" * 5000},
        {"costs": "maybe"},
        {"costs": "1", "period": "2026-13"},
        {"period": "2026-10"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_bad_query_is_refused_as_told(ask: Ask, parameters: dict[str, str]) -> None:
    assert ask("/v1/topology", 400, **parameters).json()["status"] == 400


def test_refusals_of_the_topology_are_as_told(ask: Ask) -> None:
    refusals = [
        ask("/v1/topology", 406, {"Accept": "text/csv"}),
        ask("/v1/topology", 412, snapshot="1.000"),
        ask("/v1/topology", 400, {"Accept": ARROW}, table="pods", limit="1"),
    ]
    assert [*map(slug, refusals)] == ["not-acceptable", "snapshot-gone", "bad-request"]


@pytest.mark.parametrize(
    "path", [path for path in GUARDED if "404" in DESCRIBED[path].told["responses"]]
)
def test_page_of_nothing_is_as_told(ask: Ask, path: str) -> None:
    assert slug(ask(path, 404, **NOBODY)) == "not-found"


@pytest.mark.parametrize("path", GUARDED)
def test_requests_beyond_the_limits_are_refused_as_told(ask: Ask, path: str) -> None:
    assert slug(ask(path, 414, long="x" * 9000)) == "url-too-long"
    many = {f"X-{number}": "1" for number in range(120)}
    assert slug(ask(path, 431, many)) == "headers-too-large"


@pytest.mark.parametrize("path", OF_UPSTREAMS)
def test_upstreams_that_do_not_answer_are_told_as_told(
    upstream: FlavourUpstream, path: str
) -> None:
    def asked(status: int, **settings: Any) -> str:
        with an_aggregator(upstream, deadline_seconds=0.5, **settings) as ask:
            return ask(path, status).text

    gone = f"http://127.0.0.1:{free_port()}"
    assert "connection refused" in asked(503, prometheus_address=gone)
    released = threading.Event()
    try:
        upstream.fault = Fault(status=500, body=b"oops")
        assert "it answers 500" in asked(502)
        upstream.fault = Fault(hang=released)
        assert "it did not answer in time" in asked(504)
    finally:
        released.set()
        upstream.fault = Fault()


def test_upstreams_that_do_not_answer_are_told_by_the_probe(upstream: FlavourUpstream) -> None:
    with an_aggregator(upstream, prometheus_address=f"http://127.0.0.1:{free_port()}") as ask:
        assert slug(ask("/-/ready", 503)) == "not-ready"
        assert slug(ask("/v1/topology", 503)) == "upstreams-unreachable"


def test_sign_in_is_as_told(upstream: FlavourUpstream) -> None:
    good = {"Authorization": bearer(a_token())}
    with an_aggregator(upstream, key=base64_of(rsa_key())) as ask:
        for path in DESCRIBED.keys() - {*GUARDED}:
            ask(path)
        for path in GUARDED:
            assert "error=" not in ask(path, 401).headers["WWW-Authenticate"]
            refused = ask(path, 401, {"Authorization": "Bearer x"})
            assert re.search('error="invalid_', refused.headers["WWW-Authenticate"])
        ask("/v1/topology", 200, good)
    with an_aggregator(upstream, key=base64_of(rsa_key()), token_roles="admin") as ask:
        for path in GUARDED:
            ask(path, 403, good)


def test_keys_that_cannot_be_had_are_told_as_told(upstream: FlavourUpstream) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/keys"
    with an_aggregator(upstream, jwks_url=nowhere) as ask:
        for path in GUARDED:
            answer = ask(path, 503, {"Authorization": bearer(a_token())})
            assert "the keys of tokens are not to be had" in answer.json()["detail"]

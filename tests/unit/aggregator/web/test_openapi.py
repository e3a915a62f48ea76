"""The description of the aggregator's API: well-formed, of all routes, with examples that hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.requests import Request
from starlette.routing import Route
from tests.support.icos_estates import Estate
from tests.support.openapi import Node, Operation, faults, operations, unfit_examples

from costwire_aggregator.app import create_app
from costwire_aggregator.completeness import Completeness, MetricReport, UpstreamReport
from costwire_aggregator.costs.model import Period
from costwire_aggregator.icos.document import document as icos_document
from costwire_aggregator.icos.fold import Fold
from costwire_aggregator.settings import Settings
from costwire_aggregator.topology.selection import Selection, read_selection
from costwire_aggregator.topology.tables import TABLES
from costwire_aggregator.upstreams.outcomes import State
from costwire_aggregator.web.completeness import completeness_json, summary_json
from costwire_aggregator.web.openapi import document
from costwire_aggregator.web.openapi.icos import DOCUMENT as ICOS_DOCUMENT
from costwire_aggregator.web.openapi.topology import TOPOLOGY
from costwire_aggregator.web.paging import wanted_page
from costwire_aggregator.web.periods import wanted_period
from costwire_aggregator.web.topology import PARAMETERS, SELECTION, TOPOLOGY_PATH
from costwire_runtime.problems import BadRequest

DOCUMENT = document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
TOLD_PARAMETERS = {
    each["name"]: each for each in DOCUMENT["paths"][TOPOLOGY_PATH]["get"]["parameters"]
}
GOLDEN = Path(__file__).parents[3] / "golden" / "icos" / "topology.json"
EVERY_PATH = "/{path:path}"
UNTOLD = ("/ui/", "/ui/static/")
"""What only leads elsewhere, and what only pages load."""
each_operation = pytest.mark.parametrize("operation", list(operations(DOCUMENT)), ids=str)


def asking(query: str) -> Request:
    return Request({"type": "http", "headers": [], "query_string": query.encode()})


def test_document_is_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1")


def test_routes_are_those_of_the_document() -> None:
    app = create_app(Settings.model_validate({"prometheus_address": "http://prometheus:9090"}))
    routes = {route.path: route for route in app.routes if isinstance(route, Route)}
    told = {operation.path for operation in operations(DOCUMENT)}
    assert {path for path in routes if path != UNTOLD[0] and not path.startswith(UNTOLD[1])} == {
        EVERY_PATH if path == "/" else path for path in told
    }
    assert [*routes][-1] == EVERY_PATH
    for path, route in routes.items():
        assert (route.methods or {"GET"}) - {"HEAD"} == {"GET"}, path


def test_operations_are_told_apart_by_their_names() -> None:
    names = [operation.told["operationId"] for operation in operations(DOCUMENT)]
    assert len(set(names)) == len(names)


@each_operation
def test_examples_are_as_their_schemas_say(operation: Operation) -> None:
    assert unfit_examples(DOCUMENT, operation) == []


@each_operation
def test_every_answer_of_an_operation_is_told(operation: Operation) -> None:
    responses = operation.told["responses"]
    assert "200" in responses
    if operation.told.get("security") == []:
        return
    assert {"400", "401", "403", "414", "431", "500", "502", "503", "504"} <= responses.keys()
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert responses["503"]["headers"]["Retry-After"]["required"]


@each_operation
def test_every_tag_of_an_operation_is_told(operation: Operation) -> None:
    assert {*operation.told["tags"]} <= {tag["name"] for tag in DOCUMENT["tags"]}


def test_parameters_are_those_that_are_read() -> None:
    in_query = {name for name, each in TOLD_PARAMETERS.items() if each["in"] == "query"}
    assert in_query == {*PARAMETERS}
    assert TOLD_PARAMETERS.keys() - in_query == {"If-None-Match"}


@pytest.mark.parametrize("name", SELECTION)
def test_selection_that_is_told_is_read(name: str) -> None:
    told = TOLD_PARAMETERS[name]
    for text in told["schema"].get("enum") or told.get("example", ["any"]):
        is_all = text == told["schema"].get("default")
        assert (read_selection([(name, text)]) == Selection()) is is_all


@pytest.mark.parametrize("costs", TOLD_PARAMETERS["costs"]["schema"]["enum"])
def test_costs_that_are_told_are_read(costs: str) -> None:
    period = TOLD_PARAMETERS["period"]["example"]
    is_wanted = costs not in (TOLD_PARAMETERS["costs"]["schema"]["default"], "false")
    assert (wanted_period(asking(f"costs={costs}")) is not None) is is_wanted
    if is_wanted:
        assert wanted_period(asking(f"costs={costs}&period={period}")) == Period.read(period)


@given(st.from_regex(TOLD_PARAMETERS["period"]["schema"]["pattern"].replace("$", r"\Z")))
def test_period_that_is_told_is_read(period: str) -> None:
    assert Period.read(period).month == period


def test_tables_are_told() -> None:
    assert TOLD_PARAMETERS["table"]["schema"]["enum"] == [*TABLES]


def page_of(name: str, text: str) -> Any:
    return getattr(wanted_page(asking(f"{name}={text}")), name)


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_bounds_of_pages_are_those_that_are_told(name: str) -> None:
    schema = TOLD_PARAMETERS[name]["schema"]
    for number in (schema["minimum"], schema["maximum"]):
        assert page_of(name, str(number)) == number
    for number in (schema["minimum"] - 1, schema["maximum"] + 1):
        with pytest.raises(BadRequest):
            page_of(name, str(number))


@pytest.mark.parametrize("text", ["0" * 8 + "1" + "9" * 20, "0" * 8 + "1" + "9" * 5000])
def test_number_behind_zeros_is_not_larger_than_is_told(text: str) -> None:
    with pytest.raises(BadRequest):
        page_of("limit", text)


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=30)
def test_documents_of_any_estate_are_as_told(seed: int) -> None:
    series = Estate(seed, oddity=0.1).series
    told = json.loads(icos_document(Fold(series).infrastructure(), 1_753_000_090.25))
    assert not faults(DOCUMENT, SCHEMAS["IcosDocument"], told)


def fields(told: Any, schema: Node, path: str = "") -> Iterator[str]:
    """The paths of all fields that stand in a value, maps' keys left out."""
    schema = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "properties" in schema:
        for name, value in told.items():
            yield f"{path}.{name}"
            yield from fields(value, schema["properties"][name], f"{path}.{name}")
    elif isinstance(told, dict):
        for value in told.values():
            yield from fields(value, schema["additionalProperties"], path)


def all_fields(schema: Node, path: str = "") -> Iterator[str]:
    schema = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for name, of in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from all_fields(of, f"{path}.{name}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from all_fields(schema["additionalProperties"], path)


def test_every_field_of_the_icos_document_is_one_that_the_original_writes() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    schema = SCHEMAS["IcosDocument"]
    assert not faults(DOCUMENT, schema, golden)
    assert {*fields(golden, schema)} == {*all_fields(schema)}


@pytest.mark.parametrize("state", State)
def test_completeness_is_as_told(state: State) -> None:
    metrics = [
        MetricReport("kube_node_info", state, 3, 12.34567, "why"),
        MetricReport("kube_job_info", State.EMPTY, 0, None),
    ]
    upstreams = [
        UpstreamReport("north", metrics, -0.5, 2, 0.1234567),
        UpstreamReport("south", metrics[1:], None, 0, 0.0),
    ]
    told = Completeness(1_753_000_061.75, upstreams)
    assert not faults(DOCUMENT, SCHEMAS["Completeness"], completeness_json(told))
    assert not faults(DOCUMENT, SCHEMAS["CompletenessSummary"], summary_json(told))


@pytest.mark.parametrize(
    ("schema", "example", "wrong"),
    [
        ("Topology", TOPOLOGY, {"unheard": "of"}),
        ("Topology", TOPOLOGY, {"clusters": [{"name": "without its key"}]}),
        ("Topology", TOPOLOGY, {"completeness": None}),
        ("Topology", TOPOLOGY, {"notes": [{"metric": "up"}]}),
        ("IcosDocument", ICOS_DOCUMENT, {"timestamp": None}),
        ("IcosDocument", ICOS_DOCUMENT, {"cluster": {"edge-north": {"type": "ocm"}}}),
        ("IcosDocument", ICOS_DOCUMENT, {"controller": {}}),
    ],
)
def test_what_no_aggregator_says_is_not_as_told(schema: str, example: Node, wrong: Node) -> None:
    assert not faults(DOCUMENT, SCHEMAS[schema], example)
    assert faults(DOCUMENT, SCHEMAS[schema], example | wrong)
    for name in SCHEMAS[schema]["required"]:
        assert faults(DOCUMENT, SCHEMAS[schema], {k: v for k, v in example.items() if k != name})

"""The description of the exporter's API: well-formed, of all routes, with examples that hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route
from tests.support.openapi import Operation, faults, operations, unfit_examples

from costwire_exporter.app import create_app
from costwire_exporter.openapi import MANIFEST, QUARANTINED, STANDING, document
from costwire_exporter.settings import Settings
from costwire_exporter.status import Status
from costwire_focus.manifest import Manifest

DOCUMENT = document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
each_operation = pytest.mark.parametrize("operation", list(operations(DOCUMENT)), ids=str)


def test_document_is_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1")


def test_routes_are_those_of_the_document(tmp_path: Path) -> None:
    app = create_app(Settings.model_validate({"source": "bills", "data_dir": tmp_path}))
    routes = {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {str(operation) for operation in operations(DOCUMENT)} == routes


@each_operation
def test_examples_are_as_their_schemas_say(operation: Operation) -> None:
    assert unfit_examples(DOCUMENT, operation) == []
    assert not faults(DOCUMENT, SCHEMAS["QuarantinedRow"], QUARANTINED)


@each_operation
def test_every_answer_of_an_operation_is_told(operation: Operation) -> None:
    responses = operation.told["responses"]
    assert "200" in responses
    if operation.told.get("security") == []:
        return
    assert {"401", "412", "414", "431", "500", "503"} <= responses.keys()
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert "Retry-After" in responses["503"]["headers"]


def test_manifest_of_the_example_is_one() -> None:
    manifest = Manifest.model_validate(MANIFEST)
    assert Manifest.model_validate_json(manifest.to_json()) == manifest
    assert MANIFEST.keys() == SCHEMAS["Manifest"]["properties"].keys()


def test_standing_of_the_example_has_the_fields_that_are_told() -> None:
    told = Status("bills/2024-09.csv").to_json()
    assert told.keys() == STANDING.keys()
    assert not faults(DOCUMENT, SCHEMAS["Standing"], told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generation", "October"),
        ("focusVersion", "0.4"),
        ("table", "Charges"),
        ("id", "5f0c"),
        ("rows", {"read": 3, "published": 2}),
        ("scope", {"declared": ["2024-13"], "billingPeriods": []}),
        ("unheard", "of"),
    ],
)
def test_what_no_exporter_says_is_not_as_told(name: str, value: Any) -> None:
    answer = {**MANIFEST, "exporter": STANDING}
    assert not faults(DOCUMENT, SCHEMAS["Delivery"], answer)
    assert faults(DOCUMENT, SCHEMAS["Delivery"], answer | {name: value})

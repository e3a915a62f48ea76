"""The description of the API: well-formed, of all routes, with examples that hold."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route
from tests.support.openapi import Operation, faults, operations, unfit_examples

from costwire_db_handler.app import create_app
from costwire_db_handler.intake import read_manifest
from costwire_db_handler.ledger import Entry, Rows, State, SumLine, Times, balances
from costwire_db_handler.openapi import document
from costwire_db_handler.openapi.ledger import COMMITTED, ERASED, OPENED, UNCHANGED
from costwire_db_handler.openapi.manifest import MANIFEST, QUARANTINED
from costwire_db_handler.quarantined import FIELDS, NEEDED
from costwire_db_handler.settings import Settings
from costwire_focus.manifest import Manifest

DOCUMENT = document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
each_operation = pytest.mark.parametrize("operation", list(operations(DOCUMENT)), ids=str)


def test_document_is_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1")


def test_routes_are_those_of_the_document() -> None:
    routes = {
        f"{method} {route.path}"
        for route in create_app(Settings()).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {str(operation) for operation in operations(DOCUMENT)} == routes


def test_operations_are_told_apart_by_their_names() -> None:
    names = [operation.told["operationId"] for operation in operations(DOCUMENT)]
    assert len(set(names)) == len(names)


@each_operation
def test_examples_are_as_their_schemas_say(operation: Operation) -> None:
    assert unfit_examples(DOCUMENT, operation) == []


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_examples_of_schemas_are_as_these_say(name: str) -> None:
    for example in SCHEMAS[name].get("examples", []):
        assert not faults(DOCUMENT, SCHEMAS[name], example)


@each_operation
def test_every_answer_of_an_operation_is_told(operation: Operation) -> None:
    responses = operation.told["responses"]
    assert any(status.startswith("2") for status in responses)
    if operation.told.get("security") == []:
        return
    assert operation.told["x-role"] in {"reader", "writer", "admin"}
    assert {"414", "431"} <= responses.keys()
    if operation.path != "/_sql":
        assert {"401", "403", "500", "502", "503", "504"} <= responses.keys()
        assert "Retry-After" in responses["503"]["headers"]
        if "requestBody" in operation.told:
            assert {"408", "413"} <= responses.keys()
    assert "WWW-Authenticate" in responses["401"]["headers"]


@each_operation
def test_every_part_of_the_path_is_a_parameter(operation: Operation) -> None:
    named = {told["name"] for told in operation.told.get("parameters", []) if told["in"] == "path"}
    assert named == {part[1:-1] for part in operation.path.split("/") if part.startswith("{")}


def test_entry_has_the_fields_of_the_ledger() -> None:
    for name, model in {"Entry": Entry, "Rows": Rows, "SumLine": SumLine, "Times": Times}.items():
        fields = [field.alias for field in model.model_fields.values()]
        assert list(SCHEMAS[name]["properties"]) == fields
        assert SCHEMAS[name]["required"] == fields
        assert SCHEMAS[name]["additionalProperties"] is False
    assert SCHEMAS["State"]["enum"] == list(State)


def test_manifest_has_the_fields_that_are_read() -> None:
    fields = Manifest.model_fields.values()
    assert set(SCHEMAS["Manifest"]["properties"]) == {field.alias for field in fields}
    required = {field.alias for field in fields if field.is_required()}
    assert set(SCHEMAS["Manifest"]["required"]) == required


def test_quarantined_row_has_the_fields_that_are_kept() -> None:
    assert set(SCHEMAS["QuarantinedRow"]["properties"]) == {"row", *FIELDS}
    assert tuple(SCHEMAS["QuarantinedRow"]["required"]) == NEEDED
    assert not faults(DOCUMENT, SCHEMAS["QuarantinedRow"], QUARANTINED)


def test_manifest_of_the_example_does_not_contradict_itself() -> None:
    manifest = read_manifest(Manifest.model_validate(MANIFEST).to_json().encode())
    assert manifest.id == COMMITTED["id"]


@pytest.mark.parametrize(
    "example", [OPENED, COMMITTED, UNCHANGED, ERASED], ids=lambda each: each["state"]
)
def test_entries_of_the_examples_tell_the_truth_of_their_balance(example: Any) -> None:
    entry = Entry.model_validate(example)
    assert balances(entry.rows, entry.sums) is entry.balanced


@pytest.mark.parametrize("text", ["1.50", "+1", "01", "1E3", "", "-0.0", "-0", ".5", "1.", "1\n"])
def test_amounts_that_are_not_canonical_are_no_amounts(text: str) -> None:
    assert faults(DOCUMENT, SCHEMAS["Amount"], text)


@pytest.mark.parametrize("text", ["2024-09-01", "2024-09-01T00:00:00", "2024-09-01T00:00:00+02:00"])
def test_instants_are_in_utc(text: str) -> None:
    assert faults(DOCUMENT, SCHEMAS["Instant"], text)

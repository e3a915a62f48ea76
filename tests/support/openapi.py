"""Whether values are what an OpenAPI document says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import requests
from openapi_schema_validator import OAS31Validator

Node = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")


class Operation(NamedTuple):
    """A method of a path."""

    method: str
    path: str
    told: Node

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """All that the document describes."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(method, path, item[method])


def faults(document: Mapping[str, Any], schema: Node, value: Any) -> list[str]:
    """In what a value is not as a schema of the document says."""
    # References are into the document, so its components stand beside the schema.
    root = {**schema, "components": document["components"]}
    checker = OAS31Validator(root, format_checker=OAS31Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def bodies(told: Node) -> Iterator[tuple[str, Node]]:
    """Each media type of an operation's request and responses, with what is said of it."""
    parts = [("request", told.get("requestBody", {})), *told["responses"].items()]
    for name, part in parts:
        for media, body in part.get("content", {}).items():
            yield f"{name} {media}", body


def unfit_examples(document: Mapping[str, Any], operation: Operation) -> list[str]:
    """The examples of an operation's bodies and parameters that are not as their schemas say."""
    told = [
        (f"{name} {label}", body["schema"], example["value"])
        for name, body in bodies(operation.told)
        for label, example in body.get("examples", {}).items()
    ] + [
        (parameter["name"], parameter["schema"], parameter["example"])
        for parameter in operation.told.get("parameters", [])
        if "example" in parameter
    ]
    return [what for what, schema, value in told if faults(document, schema, value)]


def assert_as_told(
    document: Mapping[str, Any], operation: Operation, answer: requests.Response
) -> None:
    """Status, headers and body of an answer are documented."""
    responses = operation.told["responses"]
    status = str(answer.status_code)
    assert status in responses, (str(operation), status, answer.text)
    told = responses[status]
    for name, header in told.get("headers", {}).items():
        if header.get("required"):
            assert name in answer.headers, (str(operation), status, name)
    if "content" not in told:
        assert answer.content == b"", (str(operation), status)
        return
    media = answer.headers["Content-Type"].partition(";")[0]
    assert media in told["content"], (str(operation), status, media)
    is_json = media.endswith("json") and media != "application/x-ndjson"
    value = json.loads(answer.text) if is_json else answer.text
    found = faults(document, told["content"][media]["schema"], value)
    assert not found, (str(operation), status, found, answer.text[:1000])

"""What descriptions of services share: ways to write OpenAPI 3.1 down, and the service's paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from costwire_runtime import problems
from costwire_runtime.problems import Problem
from costwire_runtime.service import HEALTHY_PATH, OWN_METRICS_PATH, READY_PATH, NotReady

Node = dict[str, Any]
Failure = tuple[type[Problem], str]
"""A problem, and its `detail` as it is told."""

DESCRIPTION_PATH = "/openapi.json"
JSON = "application/json"
OPEN: list[Node] = []
"""The `security` of what takes no sign-in."""

_TEXT: Node = {"type": "string"}
_RETRY_AFTER: Node = {
    "description": "Seconds until it makes sense to ask again.",
    "schema": {"type": "integer", "minimum": 1},
}
_CHALLENGE: Node = {"WWW-Authenticate": {"required": True, "schema": _TEXT}}

PROBLEM: Node = {
    "type": "object",
    "description": "RFC 9457. Some problems tell more, such as `line` and `column`.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "pattern": f"^{problems.TYPE_PREFIX}[a-z0-9-]+$",
            "description": "Which problem it is; the only part for programs.",
        },
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What was done, and what to do."},
        "instance": {"type": "string", "description": "The path that was asked."},
    },
    "additionalProperties": True,
}
COUNT: Node = {"type": "integer", "minimum": 0}


def ref(name: str) -> Node:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(schema: Node) -> Node:
    """The schema of a list."""
    return {"type": "array", "items": schema}


def or_null(schema: Node) -> Node:
    """The schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(required: Mapping[str, Node], optional: Mapping[str, Node] | None = None) -> Node:
    """The schema of an object that has these fields and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def content(schema: Node, media: str = JSON, **examples: Any) -> Node:
    """A body of one media type, with examples by name."""
    told: Node = {"schema": schema}
    if examples:
        told["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {media: told}


def answer(description: str, body: Node | None = None) -> Node:
    """A response."""
    return {"description": description} | ({"content": body} if body else {})


def query(name: str, schema: Node, description: str, *, required: bool = False) -> Node:
    """A parameter behind the question mark."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


def in_header(name: str, schema: Node, description: str) -> Node:
    """A parameter that is a header of the request, which may be left out."""
    return query(name, schema, description) | {"in": "header"}


def in_path(name: str, schema: Node, description: str, example: Any) -> Node:
    """A parameter that is a part of the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def failures(told: Iterable[Failure], tell_when: tuple[type[Problem], ...] = ()) -> Node:
    """Responses by status, an example for each problem.

    `tell_when`: the problems that always say when to ask again; other 503s may.
    """
    responses: Node = {}
    for kind, detail in told:
        response = responses.setdefault(
            str(kind.status), answer(kind.title, content(ref("Problem"), problems.MEDIA_TYPE))
        )
        if kind.status == problems.Unauthorized.status:
            response["headers"] = _CHALLENGE
        elif issubclass(kind, tell_when):
            response.setdefault("headers", {"Retry-After": {**_RETRY_AFTER, "required": True}})
        elif kind.status == problems.Unavailable.status:
            response["headers"] = {"Retry-After": {**_RETRY_AFTER, "required": False}}
        examples = response["content"][problems.MEDIA_TYPE].setdefault("examples", {})
        examples[kind.slug] = {"summary": kind.title, "value": _problem(kind, detail, "/")}
    return responses


def _problem(kind: type[Problem], detail: str, instance: str) -> Node:
    return {
        "type": f"{problems.TYPE_PREFIX}{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
    }


def open_operation(name: str, summary: str, answers: Mapping[str, Node]) -> Node:
    """An operation of the service itself, for anyone."""
    return {
        "tags": ["service"],
        "operationId": name,
        "summary": summary,
        "security": OPEN,
        "responses": dict(answers),
    }


def service_paths(*, healthy: str, ready: str, not_ready: str) -> Node:
    """Probes, own metrics, and the description itself.

    `healthy`, `ready`: what the probes ask; `not_ready`: an example of a reason.
    """
    plain = "text/plain"
    unready = content(
        ref("Problem"), problems.MEDIA_TYPE, starting=_problem(NotReady, not_ready, READY_PATH)
    )
    return {
        DESCRIPTION_PATH: {
            "get": open_operation(
                "describe",
                "This description",
                {"200": answer("OpenAPI 3.1", content({"type": "object"}))},
            )
        },
        HEALTHY_PATH: {
            "get": open_operation(
                "isHealthy",
                healthy,
                {"200": answer("It does", content(_TEXT, plain, healthy="healthy\n"))},
            )
        },
        READY_PATH: {
            "get": open_operation(
                "isReady",
                ready,
                {
                    "200": answer("It can", content(_TEXT, plain, ready="ready\n")),
                    "503": answer("Not yet, or not now", unready),
                },
            )
        },
        OWN_METRICS_PATH: {
            "get": open_operation(
                "ownMetrics",
                "The service's own metrics",
                {
                    "200": answer(
                        "Prometheus text, or OpenMetrics where `Accept` asks for it",
                        {
                            **content(_TEXT, plain),
                            **content(_TEXT, "application/openmetrics-text"),
                        },
                    )
                },
            )
        },
    }


def description_route(document: Callable[[], Node]) -> Route:
    """`GET /openapi.json`: what the service's API is, for programs; anyone may read it."""

    async def describe(_request: Request) -> Response:
        return JSONResponse(document())

    return Route(DESCRIPTION_PATH, describe, methods=["GET"])

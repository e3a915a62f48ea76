"""What the groups of paths share: schemas of plain values, and ways to write an operation down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from costwire_db_handler import errors
from costwire_db_handler.users import Role
from costwire_runtime import problems
from costwire_runtime.problems import Problem

Node = dict[str, Any]
Failure = tuple[type[Problem], str]
"""A problem, and its `detail` as it is told."""

JSON = "application/json"
OPEN: list[Node] = []
"""The `security` of what takes no sign-in."""

SHARED_SCHEMAS: Node = {
    "Amount": {
        "type": "string",
        "description": "An exact decimal: plain, no trailing zeros, no plus sign; zero is `0`.",
        "pattern": r"^(0|-?(0\.[0-9]*[1-9]|[1-9][0-9]*(\.[0-9]*[1-9])?))$",
        "examples": ["20.53", "-0.000000000000000001", "0"],
    },
    "WrittenAmount": {
        "type": "string",
        "description": "An exact decimal in any spelling: plain or with an exponent.",
        "pattern": r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$",
        "examples": ["20.53", "15E-1"],
    },
    "Instant": {
        "type": "string",
        "format": "date-time",
        "description": "UTC, with milliseconds only where there are any.",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$",
        "examples": ["2024-10-02T05:00:00Z", "2024-10-02T05:00:01.250Z"],
    },
    "WrittenInstant": {
        "type": "string",
        "format": "date-time",
        "description": "An instant with its zone.",
        "examples": ["2024-10-02T07:00:00+02:00"],
    },
    "TableName": {
        "type": "string",
        "pattern": "^[a-z][a-z0-9_]{0,62}$",
        "description": "A new table's name ends neither in `__versions` nor in `__states`.",
        "examples": ["charges"],
    },
    "Count": {"type": "integer", "minimum": 0},
    "Month": {
        "type": "string",
        "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$",
        "description": "A billing month.",
        "examples": ["2024-09"],
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457. Some problems tell more, such as `line` and `column`.",
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": {
                "type": "string",
                "pattern": f"^{problems.TYPE_PREFIX}[a-z0-9-]+$",
                "description": "Which problem it is; the only part for programs.",
            },
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What was done, and what to do."},
            "instance": {"type": "string", "description": "The path that was asked."},
        },
        "additionalProperties": True,
    },
}

_HEADERS: dict[int, Node] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    503: {
        "Retry-After": {
            "description": "Seconds until it makes sense to ask again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}
_HEADERS[429] = _HEADERS[503]
_UNAVAILABLE = 503
_SOMETIMES: Node = {"Retry-After": _HEADERS[_UNAVAILABLE]["Retry-After"] | {"required": False}}
_GUARDED: tuple[Failure, ...] = (
    (problems.Unauthorized, "sign in with a user and its password (Basic)"),
    (problems.Forbidden, "rita is a reader; this takes a writer"),
    (errors.TooManyFailures, "sign in: too many attempts failed; try again in 8 seconds"),
    (problems.Problem, "answer the request: an unexpected fault; the service's log tells more"),
    (
        errors.StoreBusy,
        "write: another delivery has been settled for 45 seconds; try again in a while",
    ),
)
_WITH_BODY: tuple[Failure, ...] = (
    (problems.RequestTimedOut, "read the body: nothing arrived for 30 s after 0 bytes"),
    (problems.TooLarge, "read the body: it is larger than 16777216 bytes"),
)
_OF_CRATEDB = {
    502: "CrateDB refuses the handler's own account",
    504: "CrateDB did not answer in time",
}


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


def failures(told: Iterable[Failure]) -> Node:
    """Responses by status, an example for each problem."""
    responses: Node = {}
    for kind, detail in told:
        response = responses.setdefault(
            str(kind.status), answer(kind.title, content(ref("Problem"), problems.MEDIA_TYPE))
        )
        if kind.status == _UNAVAILABLE and not issubclass(kind, errors.TryAgain):
            response["headers"] = _SOMETIMES
        elif kind.status in _HEADERS:
            response.setdefault("headers", _HEADERS[kind.status])
        examples = response["content"][problems.MEDIA_TYPE].setdefault("examples", {})
        examples[kind.slug] = {
            "summary": kind.title,
            "value": {
                "type": f"{problems.TYPE_PREFIX}{kind.slug}",
                "title": kind.title,
                "status": kind.status,
                "detail": detail,
                "instance": "/",
            },
        }
    return responses


def operation(
    tag: str,
    name: str,
    role: Role,
    summary: str,
    *,
    answers: Mapping[str, Node],
    parameters: Iterable[Node] = (),
    body: Node | None = None,
    fails: Iterable[Failure] = (),
    description: str | None = None,
) -> Node:
    """An operation for users who have at least this role."""
    told: Node = {"tags": [tag], "operationId": name, "summary": summary, "x-role": role.value}
    if description:
        told["description"] = description
    if parameters:
        told["parameters"] = list(parameters)
    if body:
        told["requestBody"] = {"required": True, "content": body}
    others = {
        str(status): answer(title, content(ref("Problem"), problems.MEDIA_TYPE))
        for status, title in _OF_CRATEDB.items()
    }
    failing = failures((*fails, *_GUARDED, *(_WITH_BODY if body else ())))
    responses = {**answers, **others, **failing}
    return told | {"responses": dict(sorted(responses.items()))}


def open_operation(name: str, summary: str, answers: Mapping[str, Node]) -> Node:
    """An operation of the service itself, for anyone."""
    return {
        "tags": ["service"],
        "operationId": name,
        "summary": summary,
        "security": OPEN,
        "responses": dict(answers),
    }

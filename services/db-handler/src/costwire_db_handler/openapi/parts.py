"""What the groups of paths share: schemas of plain values, and what users may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from costwire_db_handler import errors
from costwire_db_handler.users import Role
from costwire_runtime import problems
from costwire_runtime.openapi import COUNT, PROBLEM, Failure, Node, answer, content, failures, ref

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
    "Count": COUNT,
    "Month": {
        "type": "string",
        "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$",
        "description": "A billing month.",
        "examples": ["2024-09"],
    },
    "Problem": PROBLEM,
}

BEYOND_LIMITS: tuple[Failure, ...] = (
    (problems.UrlTooLong, "read the request: path and query have 9000 bytes, of 8192 at most"),
    (problems.HeadersTooLarge, "read the request: it has 120 headers, of 100 at most"),
)
"""What is refused before the path is looked at, whichever it is."""
_GUARDED: tuple[Failure, ...] = (
    *BEYOND_LIMITS,
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
_TELL_WHEN = (errors.TryAgain, errors.TooManyFailures)
_OF_CRATEDB = {
    502: "CrateDB refuses the handler's own account",
    504: "CrateDB did not answer in time",
}


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
    failing = failures((*fails, *_GUARDED, *(_WITH_BODY if body else ())), _TELL_WHEN)
    responses = {**answers, **others, **failing}
    return told | {"responses": dict(sorted(responses.items()))}

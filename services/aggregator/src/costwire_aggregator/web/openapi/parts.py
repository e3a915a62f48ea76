"""What the descriptions of routes share: how they are refused, and how complete answers are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from costwire_aggregator.web.problems import UpstreamFailed, UpstreamTimedOut, UpstreamUnreachable
from costwire_runtime import problems
from costwire_runtime.openapi import Failure, Node, failures, query

TEXT: Node = {"type": "string"}
HTML = "text/html"

_LET_IN: tuple[Failure, ...] = (
    (problems.BadRequest, "sign in: Authorization stands there more than once"),
    (problems.Unauthorized, "sign in: a bearer token is required"),
    (problems.Forbidden, "sign in: the token does not grant a role that is let in"),
    (problems.UrlTooLong, "read the request: path and query have 9000 bytes, of 8192 at most"),
    (problems.HeadersTooLarge, "read the request: it has 120 headers, of 100 at most"),
    (problems.Problem, "answer the request: an unexpected fault; the service's log tells more"),
    (problems.Unavailable, "sign in: the keys of tokens are not to be had at present"),
)
OF_UPSTREAMS: tuple[Failure, ...] = (
    (UpstreamFailed, "ask the upstreams: north: flavour: it answers 500"),
    (
        UpstreamUnreachable,
        "ask the upstreams: north: flavour: reach it: connection refused; is it running there?",
    ),
    (UpstreamTimedOut, "ask the upstreams: north: flavour: it did not answer in time"),
)

PERIOD: Node = {
    **query(
        "period",
        {**TEXT, "pattern": "^[12][0-9]{3}-(0[1-9]|1[0-2])$"},
        "The billing month of the costs; left out, it is this month in UTC.",
    ),
    "example": "2026-10",
}
COMPLETENESS_HEADERS: Node = {
    "Costwire-Completeness": {
        "required": True,
        "description": "Share of the metrics asked for that were told in full, in percent; 100 "
        "only where nothing is missing.",
        "schema": {"type": "number", "minimum": 0, "maximum": 100},
    },
    "Costwire-Missing": {
        "description": "The upstreams that are not complete, and what is wrong there; absent "
        "where all are.",
        "schema": TEXT,
        "example": "south (late), west (unreachable)",
    },
}
LEFT_OUT_HEADER: Node = {
    "Costwire-Left-Out": {
        "description": "The metrics of which series are not told, or not wholly: how many of "
        "each, and why; absent where all are.",
        "schema": TEXT,
        "example": "node_thermal_zone_temp (1: its value is no number)",
    }
}


def operation(
    tag: str,
    name: str,
    summary: str,
    answers: Mapping[str, Node],
    *,
    description: str = "",
    parameters: Iterable[Node] = (),
    fails: Iterable[Failure] = (),
) -> Node:
    """A GET for those who are let in.

    `fails`: how it may fail, beside how all may.
    """
    told: Node = {"tags": [tag], "operationId": name, "summary": summary}
    if description:
        told["description"] = description
    responses = {**answers, **failures((*_LET_IN, *fails), (problems.Unavailable,))}
    return {
        **told,
        "parameters": list(parameters),
        "responses": dict(sorted(responses.items())),
    }

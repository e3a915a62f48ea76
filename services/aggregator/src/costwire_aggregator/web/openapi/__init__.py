"""The aggregator's API as an OpenAPI 3.1 document; a group of paths is a module. No IO."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from costwire_aggregator.web.openapi import completeness, icos, pages, topology
from costwire_runtime.openapi import PROBLEM, Node, service_paths

_TAGS = {
    "topology": "What the clusters are made of, and how much of that is known",
    "metrics": "What a Prometheus server should keep",
    "icos": "What the ICOS Aggregator answers",
    "pages": "For people",
    "service": "Probes, own metrics, and this description",
}
_ABOUT = """\
Asks the Prometheus or Thanos of each cluster, all at once, and folds what they tell into one \
answer, which says how much of what it should hold it holds.

With keys of tokens in its settings the aggregator wants a bearer token for all but its probes, \
its own metrics, this description and `/healthz`; with users in its web configuration file it \
takes, or wants, user and password. Failures are `application/problem+json`; of pages those of the \
upstreams are pages. A 503 says with `Retry-After` when to come again."""


def _service_paths() -> Node:
    return service_paths(
        healthy="Whether the process answers; the upstreams are not asked",
        ready="Whether an upstream answers",
        not_ready="no upstream answers: 1 late, 2 unreachable; the log names them",
    )


@cache
def document() -> Node:
    """The whole description; not to be changed by whoever gets it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Costwire aggregator",
            "version": version("costwire-aggregator"),
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "The aggregator that serves this document"}],
        "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
        "security": [{"bearer": []}, {"basic": []}, {}],
        "paths": {
            **topology.PATHS,
            **completeness.PATHS,
            **pages.PATHS,
            **icos.PATHS,
            **_service_paths(),
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "schemas": {
                **topology.SCHEMAS,
                **completeness.SCHEMAS,
                **icos.SCHEMAS,
                "Problem": PROBLEM,
            },
        },
    }

"""The exporter's API as an OpenAPI 3.1 document. No IO."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version

from costwire_exporter.errors import (
    NoChanges,
    NothingPublished,
    OtherDelivery,
    TooManySeries,
    UnknownColumn,
)
from costwire_focus.exposition import CONTENT_TYPE
from costwire_focus.manifest import Manifest
from costwire_runtime import problems
from costwire_runtime.openapi import (
    COUNT,
    JSON,
    PROBLEM,
    Failure,
    Node,
    answer,
    content,
    failures,
    in_header,
    or_null,
    query,
    record,
    ref,
    service_paths,
)

_ABOUT = """\
Tells what a FOCUS report holds: its charges as Prometheus text, the manifest that counts and sums \
them, and the rows that could not be used. One delivery is served at a time, and each answer \
belongs to one from its first byte to its last.

With users in its web configuration file the exporter wants a sign-in for all but its probes, its \
own metrics and this description. Failures are `application/problem+json`."""
_TAGS = {
    "delivery": "What the report holds",
    "service": "Probes, own metrics, and this description",
}
_TEXT: Node = {"type": "string"}
_TEXT_OR_NULL: Node = {"type": ["string", "null"]}
_NDJSON = "application/x-ndjson"
_PROMETHEUS = CONTENT_TYPE.partition(";")[0]
_ID = "5f0c7e3e0d6b4b7f8c1a2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6"

_STANDING = record(
    {
        "source": {"description": "Its name, without credentials.", **_TEXT},
        "activity": {"enum": ["starting", "polling", "reading", "waiting"]},
        "progress": {
            "description": "Of the report that is being read.",
            **or_null(record({"rows": COUNT, "bytesRead": COUNT, "bytesTotal": COUNT})),
        },
        "lastSuccess": {
            "description": "When what is served was last found to be what the source holds.",
            **or_null(ref("Instant")),
        },
        "lastFailure": or_null(
            record(
                {
                    "at": ref("Instant"),
                    "kind": _TEXT,
                    "reason": {"description": "What was done, and what to do.", **_TEXT},
                    "transient": {
                        "type": "boolean",
                        "description": "Whether it may pass by itself.",
                    },
                }
            )
        ),
        "consecutiveFailures": {"description": "Since the last success.", **COUNT},
        "nextPoll": or_null(ref("Instant")),
        "ageSeconds": {
            "description": "Since the last success; negative after a clock was put back.",
            "type": ["number", "null"],
        },
    }
)
_QUARANTINED = record(
    {
        "file": _TEXT,
        "line": COUNT,
        "raw": {"type": "string", "contentEncoding": "base64", "description": "As it was."},
        "column": _TEXT_OR_NULL,
        "rule": _TEXT,
        "reason": _TEXT,
        "cells": {
            "description": "Those that are not null; null where it could not be cut into cells.",
            "type": ["object", "null"],
            "additionalProperties": _TEXT,
        },
    }
)

MANIFEST: Node = {
    "format": 1,
    "id": _ID,
    "table": "charges",
    "source": "bills/2024-09.csv",
    "mode": "replace",
    "generation": "2024-10-02T05:00:00Z",
    "focusVersion": "1.0",
    "columns": [
        {"name": "BilledCost", "label": "BilledCost"},
        {"name": "BillingCurrency", "label": "BillingCurrency"},
        {"name": "x_cost center", "label": "U__x__cost_20_center"},
    ],
    "scope": {
        "declared": None,
        "billingPeriods": [{"start": "2024-09-01T00:00:00Z", "end": "2024-10-01T00:00:00Z"}],
    },
    "rows": {"read": 3, "published": 2, "quarantined": 1},
    "sums": {"USD": {"BilledCost": {"read": "3.54", "published": "3.53", "quarantined": "0.01"}}},
    "recount": {"reader": "duckdb", "records": 3, "billedCost": "3.54"},
    "findings": {},
    "mapped": [],
    "currency": None,
    "dates": None,
    "exposition": {"samples": 2, "bytes": 412, "sha256": "0" * 64, "renderer": 1},
    "changes": None,
    "times": {"read": "2024-10-02T06:00:00Z"},
}
STANDING: Node = {
    "source": "bills/2024-09.csv",
    "activity": "waiting",
    "progress": None,
    "lastSuccess": "2024-10-02T06:00:01.000Z",
    "lastFailure": None,
    "consecutiveFailures": 0,
    "nextPoll": "2024-10-02T06:05:01.000Z",
    "ageSeconds": 12.5,
}
QUARANTINED: Node = {
    "file": "2024-09.csv",
    "line": 4,
    "raw": base64.b64encode(b"0.01,USD,October").decode(),
    "column": "BillingPeriodEnd",
    "rule": "CW-InstantUnreadable",
    "reason": "read BillingPeriodEnd: 'October' is not a date and time",
    "cells": {"BilledCost": "0.01", "BillingCurrency": "USD", "BillingPeriodEnd": "October"},
}
_CHARGES = """\
# TYPE billed_cost gauge
billed_cost{BilledCost="1.5",BillingCurrency="USD",ServiceName="Storage"} 1.5
# costwire end samples=1
"""
_SUMS = """\
# HELP focus_billed_cost Sum of BilledCost.
# TYPE focus_billed_cost gauge
focus_billed_cost{BillingCurrency="USD",ServiceName="Storage"} 3.53
"""

_DELIVERY = query("delivery", _TEXT, "The id of a delivery: 412 when another one is served.")
_BY = query(
    "by",
    _TEXT,
    "Columns by their names or labels, commas between them: answers sums by these and "
    "BillingCurrency instead of charges.",
) | {"example": "ServiceName,RegionId"}
_CACHING = (
    in_header("If-None-Match", _TEXT, "An `ETag` that was answered before."),
    in_header("Accept-Encoding", _TEXT, "`zstd` (charges only), `gzip` or `identity`."),
)
_PREFER = in_header(
    "Prefer", _TEXT, "`wait=<seconds>`, at most 30: wait while the first report is being read."
) | {"example": "wait=10"}
_TAGGED: Node = {
    "ETag": {"required": True, "schema": _TEXT},
    "Vary": {"required": True, "schema": _TEXT},
    "Content-Encoding": {"schema": {"enum": ["zstd", "gzip"]}},
}
_FAILURES: tuple[Failure, ...] = (
    (problems.Unauthorized, "sign in: no credentials"),
    (OtherDelivery, f"serve delivery {_ID}: it is not the one being served; read /delivery again"),
    (problems.UrlTooLong, "read the request: path and query have 9000 bytes, of 8192 at most"),
    (problems.HeadersTooLarge, "read the request: it has 120 headers, of 100 at most"),
    (problems.Problem, "answer the request: an unexpected fault; the service's log tells more"),
    (NothingPublished, "serve /metrics: nothing published yet: the first report is being read"),
    (problems.Unavailable, "group the charges: others are being grouped; ask again later"),
)
_OF_SUMS: tuple[Failure, ...] = (
    (
        UnknownColumn,
        "group by Servicename: the report has no such column; did you mean ServiceName?",
    ),
    (
        TooManySeries,
        "group by BillingCurrency, ResourceId: 40000 series after 52000 charges, where 10000 is "
        "the limit; ResourceId alone has 9980 values so far: leave it out, or raise "
        "EXPORTER_SERIES_LIMIT",
    ),
)


def _operation(
    name: str,
    summary: str,
    body: Node,
    parameters: Iterable[Node] = (),
    fails: Iterable[Failure] = (),
    *,
    is_cached: bool,
) -> Node:
    told = answer("Of the delivery being served", body)
    answers = {"200": told}
    if is_cached:
        told["headers"] = _TAGGED
        answers["304"] = answer("The client holds it") | {"headers": _TAGGED}
    responses = answers | failures((*fails, *_FAILURES))
    return {
        "tags": ["delivery"],
        "operationId": name,
        "summary": summary,
        "parameters": [_DELIVERY, *(_CACHING if is_cached else ()), *parameters],
        "responses": dict(sorted(responses.items())),
    }


def _manifest_schemas() -> Node:
    """The schemas of the manifest's model, each by its name."""
    root = Manifest.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    parts: Node = root.pop("$defs")
    for schema in (root, *parts.values()):
        for told in schema["properties"].values():
            told.pop("title", None)  # the field's name, spelled as nobody spells it
    for schema in parts.values():
        schema["additionalProperties"] = False
    return {"Manifest": root, **parts}


def _paths() -> Node:
    return {
        "/metrics": {
            "get": _operation(
                "charges",
                "A sample per charge, or with `by` the exact sums of the costs",
                content(_TEXT, _PROMETHEUS, charges=_CHARGES, sums=_SUMS),
                (_BY,),
                _OF_SUMS,
                is_cached=True,
            )
        },
        **{
            f"/changes/{kind}": {
                "get": _operation(
                    f"changes{kind.capitalize()}",
                    f"The charges that the delivery {told} the one that its changes are told of",
                    content(_TEXT, _PROMETHEUS, charges=_CHARGES),
                    fails=(
                        (
                            NoChanges,
                            f"serve /changes/{kind}: the delivery being served is told as a whole "
                            "only; read /metrics",
                        ),
                    ),
                    is_cached=True,
                )
            }
            for kind, told in (("added", "adds to"), ("removed", "takes away from"))
        },
        "/delivery": {
            "get": _operation(
                "delivery",
                "The manifest, and how the exporter stands",
                content(ref("Delivery"), JSON, one={**MANIFEST, "exporter": STANDING}),
                (_PREFER,),
                is_cached=False,
            )
        },
        "/quarantine": {
            "get": _operation(
                "quarantine",
                "The rows that could not be used, as they were: a `QuarantinedRow` a line",
                content(_TEXT, _NDJSON, one=f"{json.dumps(QUARANTINED)}\n"),
                is_cached=True,
            )
        },
        **service_paths(
            healthy="Whether the process answers; the source is not asked",
            ready="Whether a delivery is being served",
            not_ready="the first report is being read",
        ),
    }


@cache
def document() -> Node:
    """The whole description; not to be changed by whoever gets it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Costwire exporter",
            "version": version("costwire-exporter"),
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "The exporter that serves this document"}],
        "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
        "security": [{"basic": []}, {}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {
                **_manifest_schemas(),
                "Delivery": {
                    "allOf": [ref("Manifest")],
                    "properties": {"exporter": ref("Standing")},
                    "required": ["exporter"],
                    "unevaluatedProperties": False,
                },
                "Standing": {"description": "How the exporter stands.", **_STANDING},
                "QuarantinedRow": _QUARANTINED,
                "Instant": {
                    "type": "string",
                    "format": "date-time",
                    "pattern": r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z$",
                    "description": "UTC, to the millisecond.",
                },
                "Problem": PROBLEM,
            },
        },
    }

"""How complete answers are."""

from __future__ import annotations

from costwire_aggregator.upstreams.outcomes import State
from costwire_aggregator.web.openapi.parts import OF_UPSTREAMS, TEXT, operation
from costwire_aggregator.web.topology import COMPLETENESS_PATH
from costwire_runtime.openapi import COUNT, JSON, Node, answer, content, listed, record, ref

_AGE: Node = {"type": ["number", "null"]}
_UPSTREAM: Node = {
    "name": TEXT,
    "state": ref("State"),
    "metricsAsked": COUNT,
    "metricsComplete": COUNT,
    "ageSeconds": {"description": "Of its newest sample; null where no time is known.", **_AGE},
    "tookSeconds": {
        "description": "How long its slowest question took.",
        "type": "number",
        "minimum": 0,
    },
    "spoiltSeries": {"description": "Series that could not be used.", **COUNT},
    "reasons": {"description": "Why it is not complete.", **listed(TEXT)},
}


def _completeness(upstream: str) -> Node:
    return record(
        {
            "at": {
                "description": "When the upstreams were asked, and as of when they tell: UTC, to "
                "the millisecond.",
                "type": "string",
                "format": "date-time",
                "pattern": r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z$",
            },
            "percent": {
                "description": "Share of the metrics that are complete; 100 only where all are.",
                "type": "number",
                "minimum": 0,
                "maximum": 100,
            },
            "upstreams": listed(ref(upstream)),
        }
    )


SCHEMAS: Node = {
    "Completeness": _completeness("UpstreamCompleteness"),
    "CompletenessSummary": _completeness("UpstreamSummary"),
    "UpstreamSummary": record(_UPSTREAM),
    "UpstreamCompleteness": record({**_UPSTREAM, "metrics": listed(ref("MetricCompleteness"))}),
    "MetricCompleteness": record(
        {
            "name": TEXT,
            "state": ref("State"),
            "series": COUNT,
            "ageSeconds": {
                "description": "Of the oldest target that has it; null where no time is known.",
                **_AGE,
            },
        }
    ),
    "State": {
        "description": "What became of it: `answered` in full, `empty` (the upstream has none), "
        "`partial` (it said that there may be more), `stale` (its samples are too old), `late`, "
        "`unreachable`, or `failed` (it answered with an error, or with nonsense). Of an upstream "
        "the worst of its metrics.",
        "enum": [state.value for state in State],
    },
}

_NORTH: Node = {
    "name": "north",
    "state": "answered",
    "metricsAsked": 2,
    "metricsComplete": 2,
    "ageSeconds": 12.5,
    "tookSeconds": 0.184,
    "spoiltSeries": 0,
    "reasons": [],
}
_SOUTH: Node = {
    "name": "south",
    "state": "late",
    "metricsAsked": 2,
    "metricsComplete": 0,
    "ageSeconds": None,
    "tookSeconds": 8.0,
    "spoiltSeries": 0,
    "reasons": ["no answer after 8 s"],
}
SUMMARY: Node = {
    "at": "2025-07-20T08:27:41.750Z",
    "percent": 50.0,
    "upstreams": [_NORTH, _SOUTH],
}
_WHOLE: Node = SUMMARY | {
    "upstreams": [
        _NORTH
        | {
            "metrics": [
                {"name": "kube_node_info", "state": "answered", "series": 3, "ageSeconds": 12.5},
                {"name": "kube_job_info", "state": "empty", "series": 0, "ageSeconds": None},
            ]
        },
        _SOUTH
        | {
            "metrics": [
                {"name": name, "state": "late", "series": 0, "ageSeconds": None}
                for name in ("kube_node_info", "kube_job_info")
            ]
        },
    ]
}

PATHS: Node = {
    COMPLETENESS_PATH: {
        "get": operation(
            "topology",
            "completeness",
            "How much of what was asked was told: of each upstream, and of each metric",
            {"200": answer("Of the topology", content(ref("Completeness"), JSON, one=_WHOLE))},
            fails=OF_UPSTREAMS,
        )
    }
}

"""How complete answers are."""

from __future__ import annotations

from costwire_aggregator.upstreams.outcomes import State
from costwire_aggregator.web.openapi.parts import OF_UPSTREAMS, TEXT, operation
from costwire_aggregator.web.topology import COMPLETENESS_PATH
from costwire_runtime.openapi import COUNT, JSON, Node, answer, content, listed, record, ref

_AGE: Node = {"type": ["number", "null"]}
_COUNT_OR_NULL: Node = {"type": ["integer", "null"], "minimum": 0}
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
    "targets": {
        "description": "How many targets it scrapes; null where it did not tell.",
        **_COUNT_OR_NULL,
    },
    "targetsDown": {
        "description": "Of how many the last scrape failed; null likewise.",
        **_COUNT_OR_NULL,
    },
    "downTargets": {"description": "The first 20 of those.", **listed(ref("DownTarget"))},
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
    "DownTarget": record(
        {"job": TEXT, "instance": TEXT},
        {"cluster": {"description": "Where its series name one.", **TEXT}},
    ),
    "State": {
        "description": "What became of it: `answered` in full, `empty` (the upstream has none), "
        "`partial` (it said that there may be more, or targets that tell it are down), "
        "`stale` (its samples are too old), `late`, `unreachable`, or `failed` (it answered with "
        "an error, or with nonsense). Of an upstream the worst of its metrics.",
        "enum": [state.value for state in State],
    },
}

_NORTH: Node = {
    "name": "north",
    "state": "partial",
    "metricsAsked": 2,
    "metricsComplete": 1,
    "ageSeconds": 12.5,
    "tookSeconds": 0.184,
    "spoiltSeries": 0,
    "reasons": ["job node-exporter: 1 of 4 targets down"],
    "targets": 9,
    "targetsDown": 1,
    "downTargets": [{"job": "node-exporter", "instance": "192.0.2.14:9100"}],
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
    "targets": None,
    "targetsDown": None,
    "downTargets": [],
}
SUMMARY: Node = {
    "at": "2025-07-20T08:27:41.750Z",
    "percent": 25.0,
    "upstreams": [_NORTH, _SOUTH],
}
_WHOLE: Node = SUMMARY | {
    "upstreams": [
        _NORTH
        | {
            "metrics": [
                {"name": "node_uname_info", "state": "partial", "series": 3, "ageSeconds": 12.5},
                {"name": "kube_job_owner", "state": "empty", "series": 0, "ageSeconds": None},
            ]
        },
        _SOUTH
        | {
            "metrics": [
                {"name": name, "state": "late", "series": 0, "ageSeconds": None}
                for name in ("node_uname_info", "kube_job_owner")
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

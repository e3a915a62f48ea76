"""How complete an answer is, as JSON and as headers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from costwire_aggregator.completeness import Completeness, MetricReport, UpstreamReport
from costwire_aggregator.icos.values import LeftOut
from costwire_aggregator.left_out import left_out_text
from costwire_aggregator.upstreams.targets import Target

Json = dict[str, Any]
_UNPRINTABLE = re.compile(r"[^ -~]")
_MOST_NAMED = 20
"""Upstreams in a header, and targets of one that are down."""


def completeness_json(completeness: Completeness) -> Json:
    """With each metric of each upstream."""
    return {
        **summary_json(completeness),
        "upstreams": [
            {**_upstream(upstream), "metrics": [*map(_metric, upstream.metrics)]}
            for upstream in completeness.upstreams
        ],
    }


def summary_json(completeness: Completeness) -> Json:
    """The block that stands in every answer: the upstreams alone."""
    at = datetime.fromtimestamp(completeness.at, UTC)
    return {
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "percent": completeness.percent,
        "upstreams": [*map(_upstream, completeness.upstreams)],
    }


def completeness_headers(completeness: Completeness) -> dict[str, str]:
    """How much is there, in percent, and which upstreams are not whole."""
    headers = {"Costwire-Completeness": f"{completeness.percent:g}"}
    named = [f"{name} ({state})" for name, state in completeness.missing.items()]
    if len(named) > _MOST_NAMED:
        named[_MOST_NAMED:] = [f"and {len(named) - _MOST_NAMED} more"]
    if missing := ", ".join(named):
        headers["Costwire-Missing"] = _UNPRINTABLE.sub(_escaped, missing)
    return headers


def left_out_header(left_out: LeftOut) -> dict[str, str]:
    """Which series a document does not hold, or not wholly, and why."""
    return {"Costwire-Left-Out": text} if (text := left_out_text(left_out)) else {}


def _upstream(report: UpstreamReport) -> Json:
    return {
        "name": report.name,
        "state": report.state,
        "metricsAsked": len(report.metrics),
        "metricsComplete": report.complete,
        "ageSeconds": _rounded(report.age_seconds),
        "tookSeconds": _rounded(report.seconds),
        "spoiltSeries": report.spoilt,
        "reasons": report.reasons,
        "targets": report.targets,
        "targetsDown": None if report.targets is None else len(report.down),
        "downTargets": [*map(_target, report.down[:_MOST_NAMED])],
    }


def _target(target: Target) -> Json:
    cluster = " ".join(filter(None, target.cluster))
    named = {"job": target.job, "instance": target.instance}
    return {"cluster": cluster, **named} if cluster else named


def _metric(report: MetricReport) -> Json:
    return {
        "name": report.name,
        "state": report.state,
        "series": report.series,
        "ageSeconds": _rounded(report.age_seconds),
    }


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

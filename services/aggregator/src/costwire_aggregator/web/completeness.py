"""How complete an answer is, as JSON and as headers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from costwire_aggregator.completeness import Completeness, MetricReport, UpstreamReport

Json = dict[str, Any]
_MOST_NAMED = 20
"""Upstreams in a header."""


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
        headers["Costwire-Missing"] = missing.encode("ascii", "backslashreplace").decode()
    return headers


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
    }


def _metric(report: MetricReport) -> Json:
    return {
        "name": report.name,
        "state": report.state,
        "series": report.series,
        "ageSeconds": _rounded(report.age_seconds),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

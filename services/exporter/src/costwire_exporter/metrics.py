"""Every metric of the exporter's own, in one registry (/-/metrics)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry

from costwire_runtime.metrics import Metric

SERVICE = "exporter"

POLLS = Metric(
    "polls_total",
    "Looks at the source, by result (published, unchanged, failed)",
    ("result",),
)
LAST_SUCCESS = Metric(
    "last_success_timestamp_seconds",
    "When what is served was last found to be what the source holds",
)
LAST_FAILURE = Metric(
    "last_failure_timestamp_seconds",
    "When a look at the source last failed, by the kind of failure",
    ("kind",),
)
CONSECUTIVE_FAILURES = Metric("consecutive_failures", "Failed looks since the last success")
DATA_AGE = Metric(
    "data_age_seconds",
    "Time since what is served was last found to be what the source holds; NaN if never",
)
GENERATION = Metric(
    "delivery_generation_timestamp_seconds", "When the content being served came to be"
)
ROWS = Metric(
    "delivery_rows",
    "Rows of the delivery being served, by what became of them (read, published, quarantined)",
    ("outcome",),
)
FINDINGS = Metric("delivery_findings", "Broken rules that do not stop a charge, over all charges")
EXPOSITION_BYTES = Metric(
    "delivery_exposition_bytes", "Size of the exposition being served, without encoding"
)
RENDER_SECONDS = Metric(
    "render_seconds", "How long it took to read, check and render the latest delivery"
)
ALL_METRICS = (
    POLLS,
    LAST_SUCCESS,
    LAST_FAILURE,
    CONSECUTIVE_FAILURES,
    DATA_AGE,
    GENERATION,
    ROWS,
    FINDINGS,
    EXPOSITION_BYTES,
    RENDER_SECONDS,
)


class Metrics:
    """The exporter's telemetry about itself; the charges are no part of it."""

    def __init__(self, age_seconds: Callable[[], float]) -> None:
        self.registry = registry = CollectorRegistry()
        self.polls = POLLS.counter(SERVICE, registry)
        self.last_success = LAST_SUCCESS.gauge(SERVICE, registry)
        self.last_failure = LAST_FAILURE.gauge(SERVICE, registry)
        self.consecutive_failures = CONSECUTIVE_FAILURES.gauge(SERVICE, registry)
        DATA_AGE.gauge(SERVICE, registry).set_function(age_seconds)
        self._generation = GENERATION.gauge(SERVICE, registry)
        self._rows = ROWS.gauge(SERVICE, registry)
        self._findings = FINDINGS.gauge(SERVICE, registry)
        self._exposition_bytes = EXPOSITION_BYTES.gauge(SERVICE, registry)
        self.render_seconds = RENDER_SECONDS.gauge(SERVICE, registry)

    def describe(self, manifest: Mapping[str, Any]) -> None:
        """Tell what is being served."""
        self._generation.set(datetime.fromisoformat(manifest["generation"]).timestamp())
        for outcome in ("read", "published", "quarantined"):
            self._rows.labels(outcome).set(manifest["rows"][outcome])
        self._findings.set(sum(finding["count"] for finding in manifest["findings"].values()))
        self._exposition_bytes.set(manifest["exposition"]["bytes"])

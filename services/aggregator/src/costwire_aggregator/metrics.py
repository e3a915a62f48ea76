"""Every metric of the aggregator, in one registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from costwire_aggregator.upstreams.outcomes import Outcome
from costwire_runtime.metrics import Metric

SERVICE = "aggregator"
QUESTIONS = Metric(
    "upstream_questions_total",
    "Questions to upstreams, by what became of them",
    ("upstream", "question", "state"),
)
QUESTION_DURATION = Metric(
    "upstream_question_duration_seconds",
    "Time from a question to the end of its answer, retries included",
    ("upstream",),
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SERIES = Metric("upstream_series_total", "Series that upstreams told", ("upstream",))
SPOILT_SERIES = Metric(
    "upstream_spoilt_series_total",
    "Series of upstreams that could not be used, or that nobody asked for",
    ("upstream",),
)
ALL_METRICS = (QUESTIONS, QUESTION_DURATION, SERIES, SPOILT_SERIES)


class Metrics:
    """The aggregator's own telemetry."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._questions = QUESTIONS.counter(SERVICE, registry)
        self._seconds = QUESTION_DURATION.histogram(SERVICE, registry)
        self._series = SERIES.counter(SERVICE, registry)
        self._spoilt = SPOILT_SERIES.counter(SERVICE, registry)

    def on_outcome(self, upstream: str, outcome: Outcome) -> None:
        """Count what became of a question."""
        self._questions.labels(upstream, outcome.question.name, outcome.state).inc()
        self._seconds.labels(upstream).observe(outcome.seconds)
        self._series.labels(upstream).inc(sum(map(len, outcome.families.values())))
        self._spoilt.labels(upstream).inc(outcome.spoilt)

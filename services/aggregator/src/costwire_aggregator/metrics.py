"""Every metric of the aggregator, in one registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from costwire_aggregator.icos.values import LeftOut
from costwire_aggregator.tokens.key_server import ServerKeys
from costwire_aggregator.upstreams.outcomes import Outcome
from costwire_runtime.metrics import HTTP_REQUEST_DURATION, Metric

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
LEFT_OUT_SERIES = Metric(
    "left_out_series_total",
    "Series that a document does not hold, or not wholly: each time that one is made, by why",
    ("face", "reason"),
)
CALL_DURATION = Metric(
    "grpc_call_duration_seconds",
    "Time from a gRPC call's arrival to the end of its answer",
    ("method", "status"),
    HTTP_REQUEST_DURATION.buckets,
)
JWKS_KEYS = Metric("jwks_keys", "Keys that tokens are checked with, where they are fetched")
JWKS_AGE = Metric("jwks_age_seconds", "Time since these keys were fetched; NaN before they were")
ALL_METRICS = (
    QUESTIONS,
    QUESTION_DURATION,
    SERIES,
    SPOILT_SERIES,
    LEFT_OUT_SERIES,
    CALL_DURATION,
    JWKS_KEYS,
    JWKS_AGE,
)


class Metrics:
    """The aggregator's own telemetry."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._questions = QUESTIONS.counter(SERVICE, registry)
        self._seconds = QUESTION_DURATION.histogram(SERVICE, registry)
        self._series = SERIES.counter(SERVICE, registry)
        self._spoilt = SPOILT_SERIES.counter(SERVICE, registry)
        self._left_out = LEFT_OUT_SERIES.counter(SERVICE, registry)
        self._calls = CALL_DURATION.histogram(SERVICE, registry)

    def on_outcome(self, upstream: str, outcome: Outcome) -> None:
        """Count what became of a question."""
        self._questions.labels(upstream, outcome.question.name, outcome.state).inc()
        self._seconds.labels(upstream).observe(outcome.seconds)
        self._series.labels(upstream).inc(sum(map(len, outcome.families.values())))
        self._spoilt.labels(upstream).inc(outcome.spoilt)

    def on_fold(self, face: str, left_out: LeftOut) -> None:
        """Count what a document leaves out; `face`: whose it is."""
        for (_, reason), count in left_out.items():
            self._left_out.labels(face, reason).inc(count)

    def on_call(self, method: str, status: str, seconds: float) -> None:
        """Count a gRPC call."""
        self._calls.labels(method, status).observe(seconds)

    def watch(self, keys: ServerKeys) -> None:
        """Tell of these keys from now on."""
        JWKS_KEYS.gauge(SERVICE, self.registry).set_function(lambda: len(keys.known.keys))
        JWKS_AGE.gauge(SERVICE, self.registry).set_function(lambda: keys.age_seconds)

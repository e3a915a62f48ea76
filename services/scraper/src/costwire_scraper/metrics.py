"""Every metric of the scraper, in one registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from costwire_runtime.metrics import Metric

SERVICE = "scraper"
CYCLES = Metric("cycles_total", "Cycles that came to an end, by result", ("result",))
SAMPLES = Metric("samples_total", "Samples decoded")
EXPOSITION_BYTES = Metric(
    "exposition_bytes_total", "Exposition text decoded, its content encoding undone"
)
PARTS = Metric("parts_total", "Parts that the database handler took")
LAST_SUCCESS = Metric(
    "last_success_timestamp_seconds", "When a delivery was last settled, or found settled"
)
LAST_FAILURE = Metric("last_failure_timestamp_seconds", "When a cycle last failed")
LAST_CYCLE = Metric("last_cycle_seconds", "How long the latest cycle took")
TRANSFER_SAMPLES = Metric(
    "transfer_samples", "Samples decoded in the running, or the latest, transfer"
)
TRANSFER_EXPECTED = Metric(
    "transfer_expected_samples", "Samples that the manifest of that transfer promises"
)
ALL_METRICS = (
    CYCLES,
    SAMPLES,
    EXPOSITION_BYTES,
    PARTS,
    LAST_SUCCESS,
    LAST_FAILURE,
    LAST_CYCLE,
    TRANSFER_SAMPLES,
    TRANSFER_EXPECTED,
)


class Metrics:
    """The scraper's own telemetry."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.cycles = CYCLES.counter(SERVICE, registry)
        self.samples = SAMPLES.counter(SERVICE, registry)
        self.exposition_bytes = EXPOSITION_BYTES.counter(SERVICE, registry)
        self.parts = PARTS.counter(SERVICE, registry)
        self.last_success = LAST_SUCCESS.gauge(SERVICE, registry)
        self.last_failure = LAST_FAILURE.gauge(SERVICE, registry)
        self.last_cycle_seconds = LAST_CYCLE.gauge(SERVICE, registry)
        self.transfer_samples = TRANSFER_SAMPLES.gauge(SERVICE, registry)
        self.transfer_expected_samples = TRANSFER_EXPECTED.gauge(SERVICE, registry)

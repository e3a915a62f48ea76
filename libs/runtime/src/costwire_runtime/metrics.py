"""The registry of telemetry names, and making a service's own metrics from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

# Else each counter and histogram brings a second series, `_created`.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped


@dataclass(frozen=True)
class Metric:
    """A metric by its short name; a service's prefix makes it `costwire_<service>_<name>`."""

    name: str
    description: str
    labels: tuple[str, ...] = ()
    buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS

    def full_name(self, service: str) -> str:
        """The name as Prometheus sees it."""
        return f"costwire_{service.replace('-', '_')}_{self.name}"

    def counter(self, service: str, registry: CollectorRegistry) -> Counter:
        """A counter; its name ends in `_total`."""
        return Counter(self.full_name(service), self.description, self.labels, registry=registry)

    def gauge(self, service: str, registry: CollectorRegistry) -> Gauge:
        """A gauge."""
        return Gauge(self.full_name(service), self.description, self.labels, registry=registry)

    def histogram(self, service: str, registry: CollectorRegistry) -> Histogram:
        """A histogram over the buckets of the name."""
        return Histogram(
            self.full_name(service),
            self.description,
            self.labels,
            registry=registry,
            buckets=self.buckets,
        )


HTTP_REQUEST_DURATION = Metric(
    "http_request_duration_seconds",
    "Time from a request's arrival to the end of its answer",
    ("method", "route", "status"),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
HTTP_CLIENT_RETRIES = Metric(
    "http_client_retries_total",
    "Requests sent again after a transient failure",
    ("target", "reason"),
)
SHARED_METRICS = (HTTP_REQUEST_DURATION, HTTP_CLIENT_RETRIES)

SPAN_ATTRIBUTE_METHOD = "http.request.method"
SPAN_ATTRIBUTE_ROUTE = "http.route"
SPAN_ATTRIBUTE_STATUS = "http.response.status_code"
SPAN_ATTRIBUTE_TARGET = "server.address"

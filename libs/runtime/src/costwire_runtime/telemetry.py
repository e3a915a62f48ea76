"""Logs and traces of a process, set up once at its start."""

import os

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from costwire_runtime.logs import write_json_logs
from costwire_runtime.process import before_leaving

_ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORT_TIMEOUT_SECONDS = 5.0


def configure(service: str, level: str) -> None:
    """Write JSON logs to stderr, give each request a trace, and export traces where asked to."""
    write_json_logs(level)
    provider = _tracer_provider(service)
    trace.set_tracer_provider(provider)
    before_leaving(provider.shutdown)  # which exports the traces that wait to be


def _tracer_provider(service: str) -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"costwire-{service}"}))
    if any(os.environ.get(name) for name in _ENDPOINT_VARIABLES):
        # Imported here: the exporter costs a fifth of a second that most processes needn't pay.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(timeout=_EXPORT_TIMEOUT_SECONDS))
        )
    return provider

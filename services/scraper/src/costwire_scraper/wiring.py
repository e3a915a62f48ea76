"""Puts the scraper together from its settings; the transports can be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from requests.adapters import BaseAdapter

from costwire_runtime.client import ClientTelemetry, HttpClient
from costwire_scraper.compatible.reader import CompatibleReader
from costwire_scraper.cycle import Cycle
from costwire_scraper.deliver import Courier
from costwire_scraper.exporter_client import ExporterClient
from costwire_scraper.handler_client import COMMIT_SECONDS, HandlerClient
from costwire_scraper.loop import Loop
from costwire_scraper.metrics import SERVICE, Metrics
from costwire_scraper.outcome import OutcomeFile
from costwire_scraper.settings import Settings

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0

SignIn = Callable[[], tuple[str, str] | None]


def _renewed(sign_in: SignIn) -> SignIn | None:
    """What reads the password before each request, so that a changed file counts at once.

    Raises: `OSError` when it cannot be read now.
    """
    return None if sign_in() is None else sign_in


@contextmanager
def open_loop(
    settings: Settings,
    metrics: Metrics,
    *,
    exporter_transport: BaseAdapter | None = None,
    handler_transport: BaseAdapter | None = None,
) -> Iterator[Loop]:
    """A loop with its two connections, which are closed at the end."""
    telemetry = ClientTelemetry(SERVICE, metrics.registry)
    timeout = (_CONNECT_SECONDS, min(_READ_SECONDS, settings.stall_seconds))
    exporter_http = HttpClient(
        settings.exporter_url,
        auth=_renewed(settings.exporter_sign_in),
        ca_file=settings.exporter_ca_file,
        certificate=settings.exporter_certificate(),
        transport=exporter_transport,
        timeout=timeout,
        service="exporter",
        telemetry=telemetry,
    )
    handler_http = HttpClient(
        settings.handler_url,
        auth=_renewed(settings.handler_sign_in),
        ca_file=settings.handler_ca_file,
        certificate=settings.handler_certificate(),
        transport=handler_transport,
        timeout=timeout,
        service="db-handler",
        deadline_seconds=COMMIT_SECONDS,
        telemetry=telemetry,
    )
    with exporter_http, handler_http:
        exporter = ExporterClient(exporter_http)
        outcome_file = OutcomeFile(settings.outcome_file)
        courier = Courier(
            HandlerClient(handler_http),
            metrics,
            queue_blocks=settings.queue_blocks,
            stall_seconds=settings.stall_seconds,
            dry_run=settings.dry_run,
        )
        cycle = Cycle(
            exporter, courier, CompatibleReader(exporter, settings), settings, metrics, outcome_file
        )
        yield Loop(
            cycle.run,
            metrics=metrics,
            outcome_file=outcome_file,
            patience_seconds=settings.patience_seconds,
            interval_seconds=settings.polling_interval_seconds,
        )

"""The HTTP face of the exporter: routes and wiring, no rules."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from starlette.applications import Starlette
from starlette.routing import Route

from costwire_exporter.endpoints import Endpoints
from costwire_exporter.exporter import Exporter
from costwire_exporter.metrics import SERVICE
from costwire_exporter.openapi import document
from costwire_exporter.settings import Settings
from costwire_runtime.openapi import DESCRIPTION_PATH, description_route
from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.service import create_service
from costwire_runtime.web_config import WebConfig


def create_app(settings: Settings, web_config: WebConfig | None = None) -> Starlette:
    """Build the ASGI application; the source is not looked at before its lifespan starts.

    Raises: `SourceError` and `ShelfError` for settings that cannot work.
    """
    exporter = Exporter(settings)
    endpoints = Endpoints(exporter, send_seconds=settings.send_timeout_seconds)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        poller = threading.Thread(
            target=exporter.poller.run, args=(exporter.stopping,), name="poller", daemon=True
        )
        with exporter:
            poller.start()
            try:
                yield
            finally:
                exporter.stopping.set()
                await to_thread.run_sync(poller.join, settings.shutdown_grace_seconds / 4)

    return create_service(
        SERVICE,
        [
            Route("/metrics", endpoints.metrics),
            Route("/changes/added", endpoints.added),
            Route("/changes/removed", endpoints.removed),
            Route("/delivery", endpoints.delivery),
            Route("/quarantine", endpoints.quarantine),
            description_route(document),
        ],
        ready=exporter.why_not_ready,
        registry=exporter.metrics.registry,
        lifespan=lifespan,
        sign_in=web_config,
        open_paths=[DESCRIPTION_PATH],
        limits=RequestLimits.of(settings),
    )

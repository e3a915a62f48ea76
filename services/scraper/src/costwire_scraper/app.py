"""The HTTP face of a scraper that runs at an interval: probes and its own metrics."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.service import create_service
from costwire_runtime.web_config import WebConfig
from costwire_scraper.loop import Loop
from costwire_scraper.metrics import SERVICE, Metrics
from costwire_scraper.settings import Settings


def create_app(
    settings: Settings, loop: Loop, metrics: Metrics, web_config: WebConfig | None = None
) -> Starlette:
    """Build the ASGI application; the first cycle starts with its lifespan."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        thread = threading.Thread(target=loop.run_forever, name="cycles", daemon=True)
        thread.start()
        try:
            yield
        finally:
            loop.stop()
            await run_in_threadpool(thread.join, settings.shutdown_grace_seconds / 4)

    def ready() -> str | None:
        if loop.last is None:
            return "the first cycle has not ended yet"
        return loop.last.error

    return create_service(
        SERVICE,
        [],
        ready=ready,
        registry=metrics.registry,
        lifespan=lifespan,
        sign_in=web_config,
        limits=RequestLimits.of(settings),
    )

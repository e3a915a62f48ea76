"""A small service in a process of its own, for the tests beside it."""

import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from prometheus_client import CollectorRegistry
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from costwire_runtime.bodies import read_body
from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.server import CannotStart, serve
from costwire_runtime.service import create_service
from costwire_runtime.settings import ServiceSettings, settings_from_environment
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    port: int = Field(0, ge=0, le=65_535, description="port")
    start: str = Field("well", description="how the start goes")
    end_seconds: float = Field(0.0, description="how long the clean-up hangs")


SETTINGS = settings_from_environment(DemoSettings)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    if SETTINGS.start == "locked":
        raise CannotStart("open costs.duckdb: another process holds it; stop that one")
    if SETTINGS.start == "broken":
        raise ValueError("of ours")
    yield
    time.sleep(SETTINGS.end_seconds)
    logging.getLogger("demo").info("cleaned up")


async def slow(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000
            await anyio.sleep(0.1)

    return StreamingResponse(chunks(), headers={"Content-Length": "10000"})


async def endless(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await anyio.sleep(0.1)

    return StreamingResponse(chunks())


async def flood(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000
            await anyio.sleep(0)  # where its end is noticed

    return StreamingResponse(chunks())


async def echo(request: Request) -> Response:
    logging.getLogger("demo").info("asked", extra={"size": 1})
    return Response(await read_body(request, 1_000_000))


def main() -> None:
    configure("demo", SETTINGS.log_level)
    path = SETTINGS.web_config_file
    web_config = WebConfig.load(path) if path is not None else None
    app = create_service(
        "demo",
        [
            Route("/slow", slow),
            Route("/endless", endless),
            Route("/flood", flood),
            Route("/echo", echo, methods=["POST"]),
        ],
        ready=lambda: None,
        lifespan=lifespan,
        sign_in=web_config,
        limits=RequestLimits.of(SETTINGS),
        registry=CollectorRegistry(),
    )
    serve(app, SETTINGS, web_config)


if __name__ == "__main__":
    main()
    sys.stdout.write("the end of main\n")

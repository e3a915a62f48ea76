"""The simulator as one ASGI application."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import orjson
from anyio import to_thread
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from costwire_runtime.bodies import read_body
from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.service import create_service
from costwire_runtime.web_config import WebConfig
from costwire_simulator.simulation import Simulation
from costwire_simulator.upstream.answers import failure
from costwire_simulator.upstream.upstream import QUERY_SECONDS
from costwire_simulator.web.discovery import TARGETS_PATH, discovered, scrape_config
from costwire_simulator.web.query import BadParameter, read_query

SERVICE = "simulator"
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"
_QUERY_BYTES = 1 << 20
_STOP_SECONDS = 2.0


def create_app(
    simulation: Simulation,
    web_config: WebConfig | None = None,
    limits: RequestLimits | None = None,
) -> Starlette:
    """Build the ASGI application; upstreams scrape once its lifespan starts."""
    faces = _Faces(simulation)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        stopping = threading.Event()
        scraping = threading.Thread(
            target=simulation.run, args=(stopping,), name="scraping", daemon=True
        )
        scraping.start()
        try:
            yield
        finally:
            stopping.set()
            await to_thread.run_sync(scraping.join, _STOP_SECONDS)

    return create_service(
        SERVICE,
        [
            Route(TARGETS_PATH, faces.targets),
            Route("/prometheus.yml", faces.configuration),
            Route("/clusters/{path:path}", faces.text),
            Route("/prometheus/{name}/api/v1/query", faces.query, methods=["GET", "POST"]),
        ],
        ready=simulation.why_not_ready,
        registry=CollectorRegistry(),
        lifespan=lifespan,
        sign_in=web_config,
        limits=limits,
    )


class _Faces:
    """The routes."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def targets(self, request: Request) -> Response:
        """All targets, those of a `job`, or those of a `cluster`."""
        told = request.query_params
        found = [
            target
            for target in self._simulation.targets.values()
            if told.get("job", target.job) == target.job
            and told.get("cluster", target.cluster) == target.cluster
        ]
        return _json(discovered(found, request.url.netloc))

    async def configuration(self, request: Request) -> Response:
        """A configuration of Prometheus."""
        url = f"{request.url.scheme}://{request.url.netloc}"
        return _json(scrape_config(url, cluster=request.query_params.get("cluster")))

    async def text(self, request: Request) -> Response:
        """What an exporter tells now."""
        target = self._simulation.targets.get(request.url.path)
        if target is None:
            raise HTTPException(404, f"find an exporter: {TARGETS_PATH} lists those there are")
        body = await to_thread.run_sync(target.render, self._simulation.clock())
        return Response(body, headers={"Content-Type": _TEXT})

    async def query(self, request: Request) -> Response:
        """What an upstream answers."""
        upstream = self._simulation.upstreams.get(request.path_params["name"])
        if upstream is None:
            raise HTTPException(404, "find an upstream: there is none of that name")
        try:
            query = read_query(await _form(request), self._simulation.clock(), QUERY_SECONDS)
        except BadParameter as error:
            answer = failure(400, "bad_data", str(error))
        else:
            answer = await to_thread.run_sync(
                upstream.answer, query.promql, query.at, query.timeout_seconds
            )
        return Response(answer.body, answer.status, media_type=_JSON)


async def _form(request: Request) -> Mapping[str, str]:
    """Parameters of the URL and of the body, whose own come first."""
    told = dict(request.query_params)
    if request.method == "POST":
        body = await read_body(request, _QUERY_BYTES)
        told |= dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return told


def _json(told: object) -> Response:
    return Response(orjson.dumps(told, option=orjson.OPT_INDENT_2), media_type=_JSON)

"""A service as one value: routes, probes, own metrics, telemetry and problem JSON together."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan

from costwire_runtime.basic_auth import SignIn
from costwire_runtime.problems import (
    Problem,
    Unavailable,
    answer_http_exception,
    answer_problem,
    problem_response,
)
from costwire_runtime.request_limits import LimitRequests, RequestLimits
from costwire_runtime.request_telemetry import RequestTelemetry
from costwire_runtime.web_config import WebConfig

HEALTHY_PATH = "/-/healthy"
READY_PATH = "/-/ready"
OWN_METRICS_PATH = "/-/metrics"
OPEN_PATHS = (HEALTHY_PATH, READY_PATH, OWN_METRICS_PATH)
Ready = Callable[[], str | Awaitable[str | None] | None]
_logger = logging.getLogger(__name__)


class NotReady(Unavailable):
    """The service can't do its work yet, or just now."""

    slug = "not-ready"
    title = "Not ready"


def create_service(
    name: str,
    routes: Sequence[BaseRoute],
    *,
    ready: Ready,
    registry: CollectorRegistry,
    lifespan: Lifespan[Starlette] | None = None,
    sign_in: WebConfig | None = None,
    open_paths: Sequence[str] = (),
    limits: RequestLimits | None = None,
) -> Starlette:
    """Build a service's ASGI application.

    `ready` says why the service is not ready, or None; it is called for each probe on the event
    loop, so it looks at a variable and waits for nothing, or gives what is to be awaited. `sign_in`
    guards every path but probes, own metrics and `open_paths`; without users in it all are open.
    """
    ProcessCollector(registry=registry)
    limits = limits or RequestLimits()
    middleware = [
        Middleware(RequestTelemetry, service=name, registry=registry),
        Middleware(LimitRequests, limits=limits),
    ]
    if sign_in is not None and sign_in.has_users:
        unguarded = (*OPEN_PATHS, *open_paths)
        middleware.append(Middleware(SignIn, verify=sign_in.verify, open_paths=unguarded))
    app = Starlette(
        routes=[*routes, *_probe_routes(ready, registry)],
        middleware=middleware,
        exception_handlers={Problem: answer_problem, HTTPException: answer_http_exception},
        lifespan=lifespan,
    )
    app.state.limits = limits
    app.router.redirect_slashes = False  # a path has one spelling; another is a 404 that says so
    return app


def _probe_routes(ready: Ready, registry: CollectorRegistry) -> list[BaseRoute]:
    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("healthy\n")

    async def is_ready(request: Request) -> Response:
        told = ready()
        reason = told if told is None or isinstance(told, str) else await told
        if reason is None:
            return PlainTextResponse("ready\n")
        return problem_response(request, NotReady(reason))

    async def own_metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    return [
        Route(HEALTHY_PATH, healthy),
        Route(READY_PATH, is_ready),
        Route(OWN_METRICS_PATH, own_metrics),
    ]

"""What every request leaves behind: a span, a duration, a log line; a 500 for the unexpected."""

import logging
import time

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from costwire_runtime import metrics
from costwire_runtime.problems import problem_of, problem_response

_logger = logging.getLogger(__name__)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD = "other"
_NO_ROUTE = "none"
_GONE = 499  # the caller; nginx' number for it
_CUT_OFF = 500


class RequestTelemetry:
    """ASGI middleware around all others; no exception passes it before the answer began."""

    def __init__(self, app: ASGIApp, *, service: str, registry: CollectorRegistry) -> None:
        self._app = app
        self._duration = metrics.HTTP_REQUEST_DURATION.histogram(service, registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        tracer = trace.get_tracer("costwire_runtime")
        status = _CUT_OFF
        with tracer.start_as_current_span(
            method, context=propagate.extract(Headers(scope=scope)), kind=SpanKind.SERVER
        ) as span:
            try:
                status = await self._answer(scope, receive, send)
            finally:
                seconds = time.perf_counter() - started
                route = getattr(scope.get("route"), "path", _NO_ROUTE)
                self._duration.labels(method, route, str(status)).observe(seconds)
                _describe(span, method, route, status)
                _logger.debug(
                    "request answered",
                    extra={"method": method, "route": route, "status": status, "seconds": seconds},
                )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        status: int | None = None

        async def remember_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, remember_status)
        except ClientDisconnect:
            _logger.info("caller went away", extra={"path": scope["path"]})
            return _GONE
        except Exception as error:
            if status is not None:
                raise  # the server logs it and cuts the connection, so that the caller notices
            _logger.exception("unexpected fault", extra={"path": scope["path"]})
            response = problem_response(HTTPConnection(scope), problem_of(error))
            await response(scope, receive, remember_status)
        return status if status is not None else _GONE


def _describe(span: Span, method: str, route: str, status: int) -> None:
    span.update_name(f"{method} {route}")
    span.set_attribute(metrics.SPAN_ATTRIBUTE_METHOD, method)
    span.set_attribute(metrics.SPAN_ATTRIBUTE_ROUTE, route)
    span.set_attribute(metrics.SPAN_ATTRIBUTE_STATUS, status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)

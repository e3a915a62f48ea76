"""Requests under limits, before anything looks at them: the URL and the headers."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from costwire_runtime.problems import HeadersTooLarge, Problem, UrlTooLong, problem_response
from costwire_runtime.settings import ServiceSettings

BODY_BYTES_PER_SECOND = 1024


@dataclass(frozen=True)
class RequestLimits:
    """What a request is held to; the defaults are those of the settings."""

    url_bytes: int = 8_192
    header_bytes: int = 32 * 1024
    headers: int = 100
    body_pause_seconds: float = 30.0

    @classmethod
    def of(cls, settings: ServiceSettings) -> "RequestLimits":
        """The limits that the settings tell."""
        return cls(
            settings.url_limit_bytes,
            settings.header_limit_kib * 1024,
            settings.header_count_limit,
            settings.body_pause_seconds,
        )

    def exceeded(self, scope: Scope) -> Problem | None:
        """What is too large of a request, if anything is."""
        path = scope.get("raw_path") or scope["path"].encode()
        url = len(path) + len(scope["query_string"])
        if url > self.url_bytes:
            return UrlTooLong(
                f"read the request: path and query have {url} bytes, of {self.url_bytes} at most",
                limitBytes=self.url_bytes,
            )
        headers = scope["headers"]
        if len(headers) > self.headers:
            return HeadersTooLarge(
                f"read the request: it has {len(headers)} headers, of {self.headers} at most",
                limit=self.headers,
            )
        size = sum(len(name) + len(value) for name, value in headers)
        if size > self.header_bytes:
            return HeadersTooLarge(
                f"read the request: its headers have {size} bytes, of {self.header_bytes} at most",
                limitBytes=self.header_bytes,
            )
        return None


class LimitRequests:
    """ASGI middleware that answers what is too large itself."""

    def __init__(self, app: ASGIApp, *, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._limits.exceeded(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
            return
        await problem_response(HTTPConnection(scope), problem)(scope, receive, send)

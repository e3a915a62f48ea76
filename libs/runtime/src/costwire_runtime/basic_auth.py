"""HTTP Basic authentication: reading the header, and a sign-in in front of an app."""

import base64
import binascii
from collections.abc import Callable, Collection

import anyio
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from costwire_runtime.problems import Unauthorized, problem_response

_CONCURRENT_CHECKS = 2


def basic_credentials(headers: Headers) -> tuple[str, str] | None:
    """User and password of an `Authorization: Basic` header, None without a readable one."""
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


class SignIn:
    """ASGI middleware that lets only those through whom `verify` knows.

    A check costs a CPU for a tenth of a second, so it runs beside the event loop, and few at once.
    """

    def __init__(
        self, app: ASGIApp, *, verify: Callable[[str, str], bool], open_paths: Collection[str]
    ) -> None:
        self._app = app
        self._verify = verify
        self._open_paths = frozenset(open_paths)
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        if self._limiter is None:  # made here: it belongs to the running event loop
            self._limiter = anyio.CapacityLimiter(_CONCURRENT_CHECKS)
        credentials = basic_credentials(Headers(scope=scope))
        if credentials is not None and await to_thread.run_sync(
            self._verify, *credentials, limiter=self._limiter
        ):
            await self._app(scope, receive, send)
            return
        detail = "sign in: user or password is wrong" if credentials else "sign in: no credentials"
        response = problem_response(HTTPConnection(scope), Unauthorized(detail))
        await response(scope, receive, send)

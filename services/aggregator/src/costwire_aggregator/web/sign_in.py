"""Who is let in: by a token, or by user and password."""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from costwire_aggregator.tokens.check import TokenCheck
from costwire_aggregator.tokens.errors import InsufficientRole, KeysUnavailable, TokenError
from costwire_runtime.basic_auth import SignIn
from costwire_runtime.problems import (
    BadRequest,
    Forbidden,
    Problem,
    Unauthorized,
    Unavailable,
    problem_response,
)

Verify = Callable[[str, str], bool]


class TokenSignIn:
    """ASGI middleware that lets those through whose token is good.

    `verify`: users and passwords are taken too, such as of a browser.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: TokenCheck,
        verify: Verify | None,
        open_paths: Collection[str],
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._open_paths = frozenset(open_paths)
        self._by_password = (
            SignIn(app, verify=verify, open_paths=open_paths) if verify is not None else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).getlist("Authorization")
        if len(told) > 1:
            problem: Problem = BadRequest("sign in: Authorization stands there more than once")
            await problem_response(HTTPConnection(scope), problem)(scope, receive, send)
            return
        authorization = told[0] if told else None
        if self._by_password is not None and _is_basic(authorization):
            await self._by_password(scope, receive, send)
            return
        try:
            await self._tokens.check(authorization)
        except TokenError as error:
            problem = _problem(error)
            if self._by_password is not None and isinstance(problem, Unauthorized):
                send = _with_basic_challenge(send)
            await problem_response(HTTPConnection(scope), problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_basic(authorization: str | None) -> bool:
    return (authorization or "").partition(" ")[0].lower() == "basic"


def _problem(error: TokenError) -> Problem:
    detail = f"sign in: {error.reason}"
    if isinstance(error, KeysUnavailable):
        return Unavailable(detail, headers={"Retry-After": "30"})
    kind = Forbidden if isinstance(error, InsufficientRole) else Unauthorized
    return kind(detail, headers={"WWW-Authenticate": error.www_authenticate})


def _with_basic_challenge(send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            challenge = 'Basic realm="costwire", charset="UTF-8"'
            MutableHeaders(scope=message).append("WWW-Authenticate", challenge)
        await send(message)

    return told

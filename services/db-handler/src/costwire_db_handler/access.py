"""Who may do what: every endpoint but the probes and the version asks for a user and a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from costwire_db_handler.handler import handler_of
from costwire_db_handler.users import Role, User
from costwire_runtime.basic_auth import basic_credentials
from costwire_runtime.problems import Forbidden, Unauthorized

Endpoint = Callable[[Request], Awaitable[Response]]
SignedInEndpoint = Callable[[Request, User], Awaitable[Response]]

_RANKS = {Role.READER: 0, Role.WRITER: 1, Role.ADMIN: 2}


def requires(role: Role) -> Callable[[SignedInEndpoint], Endpoint]:
    """An endpoint for users who have at least this role; it is called with the user."""

    def guard(endpoint: SignedInEndpoint) -> Endpoint:
        @wraps(endpoint)
        async def guarded(request: Request) -> Response:
            user = await signed_in(request)
            if user is None:
                raise Unauthorized("sign in with a user and its password (Basic)")
            if _RANKS[user.role] < _RANKS[role]:
                raise Forbidden(f"{user.name} is a {user.role}; this takes a {role}")
            return await endpoint(request, user)

        return guarded

    return guard


async def signed_in(request: Request) -> User | None:
    """The user whose credentials a request carries; checked anew for each request."""
    credentials = basic_credentials(request.headers)
    if credentials is None:
        return None
    return await run_in_threadpool(handler_of(request).sign_in.check, *credentials)

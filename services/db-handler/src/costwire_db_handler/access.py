"""Who may do what: every endpoint but the probes and the version asks for a user and a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from costwire_db_handler.audit import ACTING, Actor
from costwire_db_handler.handler import handler_of
from costwire_db_handler.rights import Reach
from costwire_db_handler.users import Caller, Role
from costwire_runtime.basic_auth import basic_credentials
from costwire_runtime.problems import Forbidden, Unauthorized

Endpoint = Callable[[Request], Awaitable[Response]]
SignedInEndpoint = Callable[[Request, Caller], Awaitable[Response]]
_SEES = {
    Reach.ROWS: "some rows, and this tells of all; ask /costs, /changes, /invoices, /export, /_sql",
    Reach.TABLES: "some tables, and this is about all of them",
}


def requires(role: Role, reach: Reach = Reach.ALL) -> Callable[[SignedInEndpoint], Endpoint]:
    """An endpoint for users who have at least this role; it is called with the caller.

    `reach`: how far the caller's rights have to go. Whoever lowers it answers for it that the
    endpoint minds the caller's tables, or rows.
    """

    def guard(endpoint: SignedInEndpoint) -> Endpoint:
        @wraps(endpoint)
        async def guarded(request: Request) -> Response:
            caller = await signed_in(request)
            if caller is None:
                raise Unauthorized("sign in with a user and its password (Basic)")
            if not await run_in_threadpool(handler_of(request).store.allows, caller, role):
                raise Forbidden(f"{caller.name} {_lacks(caller)}; this takes a {role}")
            if caller.rights.reach < reach:
                raise Forbidden(f"{caller.name} may see {_SEES[caller.rights.reach]}")
            return await endpoint(request, caller)

        return guarded

    return guard


def _lacks(caller: Caller) -> str:
    if caller.role is not None:
        return f"is a {caller.role}"
    return "lacks a privilege in the database"


async def signed_in(request: Request) -> Caller | None:
    """Whoever the credentials that a request carries belong to; checked anew for each request."""
    credentials = basic_credentials(request.headers)
    if credentials is None:
        return None
    address = request.client.host if request.client else ""
    check = handler_of(request).signing_in.check
    caller = await run_in_threadpool(check, *credentials, address)
    if caller is not None:
        ACTING.set(Actor(caller.name, address))
    return caller

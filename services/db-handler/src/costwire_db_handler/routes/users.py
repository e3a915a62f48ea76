"""Users over HTTP, for admins."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.errors import UnknownUser, UserRefused
from costwire_db_handler.handler import handler_of
from costwire_db_handler.users import Caller, InvalidUser, Role, Users
from costwire_runtime.bodies import read_body

_LIMIT_BYTES = 64 * 1024


def user_routes() -> list[BaseRoute]:
    """Everything below /users."""
    return [
        Route("/users", list_users, methods=["GET"]),
        Route("/users", put_user, methods=["POST"]),
        Route("/users/{name}", remove_user, methods=["DELETE"]),
    ]


@requires(Role.ADMIN)
async def list_users(request: Request, caller: Caller) -> Response:
    """Names and roles; no hash leaves the store."""
    users = await run_in_threadpool(_users(request, caller).list)
    return JSONResponse({"users": [{"name": name, "role": role} for name, role in users]})


@requires(Role.ADMIN)
async def put_user(request: Request, caller: Caller) -> Response:
    """Add a user, or give one another role and password: `{name, role, password}`."""
    body = await read_body(request, _LIMIT_BYTES)
    try:
        told = json.loads(body)
        name, role, password = str(told["name"]), Role(told["role"]), str(told["password"])
        await run_in_threadpool(_users(request, caller).put, name, role, password)
    except InvalidUser as wrong:
        raise UserRefused(str(wrong)) from wrong
    except (ValueError, KeyError, TypeError) as wrong:
        roles = ", ".join(Role)
        raise UserRefused(f"add a user: send name, role (one of {roles}) and password") from wrong
    return JSONResponse({"name": name, "role": role}, status_code=201)


@requires(Role.ADMIN)
async def remove_user(request: Request, caller: Caller) -> Response:
    """Remove a user."""
    name = request.path_params["name"]
    try:
        removed = await run_in_threadpool(_users(request, caller).remove, name)
    except InvalidUser as wrong:
        raise UserRefused(str(wrong)) from wrong
    if not removed:
        raise UnknownUser(f"remove {name!r}: no user has this name")
    return Response(status_code=204)


def _users(request: Request, caller: Caller) -> Users:
    return handler_of(request).store.acting_for(caller).users

"""Users over HTTP, for admins."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.bootstrap import ADMIN, PASSWORD_FILE
from costwire_db_handler.errors import UnknownUser, UserRefused
from costwire_db_handler.handler import handler_of
from costwire_db_handler.users import InvalidUser, Role, User, new_user
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
async def list_users(request: Request, _user: User) -> Response:
    """Names and roles; no hash leaves the store."""
    users = await run_in_threadpool(handler_of(request).store.users.list)
    return JSONResponse({"users": [{"name": user.name, "role": user.role} for user in users]})


@requires(Role.ADMIN)
async def put_user(request: Request, _user: User) -> Response:
    """Add a user, or give one another role and password: `{name, role, password}`."""
    handler = handler_of(request)
    body = await read_body(request, _LIMIT_BYTES)
    try:
        told = json.loads(body)
        user = await run_in_threadpool(
            new_user, str(told["name"]), Role(told["role"]), str(told["password"])
        )
        if user.name == ADMIN:
            raise UserRefused(
                f"change {ADMIN}: its password is what stands in {PASSWORD_FILE}; change it there "
                "and start the handler anew"
            )
    except InvalidUser as wrong:
        raise UserRefused(str(wrong)) from wrong
    except (ValueError, KeyError, TypeError) as wrong:
        roles = ", ".join(Role)
        raise UserRefused(f"add a user: send name, role (one of {roles}) and password") from wrong
    await run_in_threadpool(handler.store.users.add, user)
    handler.sign_in.cache.clear()
    return JSONResponse({"name": user.name, "role": user.role}, status_code=201)


@requires(Role.ADMIN)
async def remove_user(request: Request, _user: User) -> Response:
    """Remove a user; the admin of the data folder stays."""
    handler = handler_of(request)
    name = request.path_params["name"]
    if name == ADMIN:
        raise UserRefused(f"remove {ADMIN}: the admin of the data folder stays")
    if not await run_in_threadpool(handler.store.users.remove, name):
        raise UnknownUser(f"remove {name!r}: no user has this name")
    handler.sign_in.cache.clear()
    return Response(status_code=204)

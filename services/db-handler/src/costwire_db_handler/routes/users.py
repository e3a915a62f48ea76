"""Users over HTTP, for admins."""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.errors import UnknownUser, UserRefused
from costwire_db_handler.handler import handler_of
from costwire_db_handler.rights import InvalidRights, Reach, Rights, rights_of
from costwire_db_handler.users import Caller, InvalidUser, Role, Users
from costwire_runtime.bodies import read_body

_LIMIT_BYTES = 128 * 1024


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    role: Role
    password: str | None = None
    read: list[str] | None = None
    write: list[str] | None = None
    where: str = ""


def user_routes() -> list[BaseRoute]:
    """Everything below /users."""
    return [
        Route("/users", list_users, methods=["GET"]),
        Route("/users", put_user, methods=["POST"]),
        Route("/users/{name}", remove_user, methods=["DELETE"]),
    ]


@requires(Role.ADMIN)
async def list_users(request: Request, caller: Caller) -> Response:
    """Names, roles, and rights where they are limited; no hash leaves the store."""
    users = await run_in_threadpool(_users(request, caller).list)
    return JSONResponse({"users": [_told(*account) for account in users]})


@requires(Role.ADMIN)
async def put_user(request: Request, caller: Caller) -> Response:
    """Add a user, or give one another role, rights and password.

    Without a password the user keeps the one that there is.
    """
    told = _read(await read_body(request, _LIMIT_BYTES))
    try:
        rights = rights_of(told.role, read=told.read, write=told.write, where=told.where)
        put = _users(request, caller).put
        await run_in_threadpool(put, told.name, told.role, told.password, rights)
    except InvalidRights as wrong:
        raise UserRefused(f"limit {told.name}: {wrong}") from wrong
    except InvalidUser as wrong:
        raise UserRefused(str(wrong)) from wrong
    about = {"user": told.name, "role": told.role.value, "password": told.password is not None}
    await _note(request, "user changed", about | rights.without_values())
    return JSONResponse(_told(told.name, told.role, rights), status_code=201)


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
    await _note(request, "user removed", {"user": name})
    return Response(status_code=204)


async def _note(request: Request, act: str, about: dict[str, object]) -> None:
    await run_in_threadpool(partial(handler_of(request).audit.note, act, about=about))


def _read(body: bytes) -> _Body:
    try:
        return _Body.model_validate_json(body)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise UserRefused(
            f"add a user: {where}: {first['msg']}; send name, role (one of {', '.join(Role)}), "
            "password, and, where they are limited, read and write (lists of tables) and where"
        ) from None


def _told(name: str, role: Role, rights: Rights) -> dict[str, object]:
    limits = {} if rights.reach is Reach.ALL else rights.told()
    return {"name": name, "role": role, **limits}


def _users(request: Request, caller: Caller) -> Users:
    return handler_of(request).store.acting_for(caller).users

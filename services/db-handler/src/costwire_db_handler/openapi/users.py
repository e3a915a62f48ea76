"""Users, for admins."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.users import Role
from costwire_runtime.openapi import Node, answer, content, in_path, listed, or_null, record, ref

_NAME: Node = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$"}

_LIMITS: Node = {
    "read": or_null(listed({"type": "string"}))
    | {"description": "The tables of charges that the user reads; null: all."},
    "write": or_null(listed({"type": "string"}))
    | {"description": "The tables that the user delivers to; null: all, as the role allows."},
    "where": {
        "type": "string",
        "description": "A condition on charges: a reader sees those for which it is true.",
    },
}
_TENANT: Node = {
    "name": "tess",
    "role": "reader",
    "read": ["charges"],
    "write": None,
    "where": "SubAccountId = '123' AND Tags['team'] = 'a'",
}

SCHEMAS: Node = {
    "Role": {
        "enum": list(Role),
        "description": "Each may do what smaller ones may: reader, writer, admin.",
    },
    "User": record({"name": {"type": "string"}, "role": ref("Role")}, _LIMITS),
    "NewUser": {
        "type": "object",
        "required": ["name", "role"],
        "properties": {
            "name": _NAME,
            "role": ref("Role"),
            "password": {
                "type": "string",
                "minLength": 1,
                "writeOnly": True,
                "description": "Left out, a user keeps the one that there is.",
            },
            **_LIMITS,
        },
    },
}

PATHS: Node = {
    "/users": {
        "get": operation(
            "users",
            "listUsers",
            Role.ADMIN,
            "Names, roles, and rights where they are limited",
            answers={
                "200": answer(
                    "All users",
                    content(
                        record({"users": listed(ref("User"))}),
                        first={
                            "users": [
                                {"name": "costwire", "role": "admin"},
                                {"name": "rita", "role": "reader"},
                                _TENANT,
                            ]
                        },
                    ),
                )
            },
        ),
        "post": operation(
            "users",
            "putUser",
            Role.ADMIN,
            "Add a user, or give one another role, rights and password",
            body=content(
                ref("NewUser"),
                rita={"name": "rita", "role": "reader", "password": "a secret"},
                tess=_TENANT | {"password": "a secret"},
            ),
            answers={
                "201": answer(
                    "It is so",
                    content(ref("User"), rita={"name": "rita", "role": "reader"}, tess=_TENANT),
                )
            },
            fails=[
                (
                    errors.UserRefused,
                    "limit tess: a reader writes no table; leave write out, or make a writer",
                )
            ],
        ),
    },
    "/users/{name}": {
        "delete": operation(
            "users",
            "removeUser",
            Role.ADMIN,
            "Remove a user",
            parameters=[in_path("name", {"type": "string"}, "The user's name.", "tess")],
            answers={"204": answer("The user is gone")},
            fails=[
                (errors.UnknownUser, "remove 'nobody': no user has this name"),
                (
                    errors.UserRefused,
                    "remove costwire: the admin of the data folder stays",
                ),
            ],
        )
    },
}

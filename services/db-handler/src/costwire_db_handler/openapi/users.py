"""Users, for admins."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.parts import (
    Node,
    answer,
    content,
    in_path,
    listed,
    operation,
    record,
    ref,
)
from costwire_db_handler.users import Role

_NAME: Node = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$"}

SCHEMAS: Node = {
    "Role": {
        "enum": list(Role),
        "description": "Each may do what smaller ones may: reader, writer, admin.",
    },
    "User": record({"name": {"type": "string"}, "role": ref("Role")}),
    "NewUser": {
        "type": "object",
        "required": ["name", "role", "password"],
        "properties": {
            "name": _NAME,
            "role": ref("Role"),
            "password": {"type": "string", "minLength": 1, "writeOnly": True},
        },
    },
}

PATHS: Node = {
    "/users": {
        "get": operation(
            "users",
            "listUsers",
            Role.ADMIN,
            "Names and roles",
            answers={
                "200": answer(
                    "All users",
                    content(
                        record({"users": listed(ref("User"))}),
                        first={
                            "users": [
                                {"name": "costwire", "role": "admin"},
                                {"name": "tess", "role": "reader"},
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
            "Add a user, or give one another role and password",
            body=content(
                ref("NewUser"), tess={"name": "tess", "role": "reader", "password": "a secret"}
            ),
            answers={
                "201": answer(
                    "It is so", content(ref("User"), tess={"name": "tess", "role": "reader"})
                )
            },
            fails=[
                (
                    errors.UserRefused,
                    "add a user: send name, role (one of admin, writer, reader) and password",
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

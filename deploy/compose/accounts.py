"""The accounts of the composition, as the password files say; harmless when repeated.

    accounts.py database http://127.0.0.1:4200    CrateDB's superuser makes the handler's account
                                                  and the admin
    accounts.py users http://db-handler:8088      the admin makes the scraper and the readers

Runs in the handler's image. A file below /run/secrets holds the password of the user of its name.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HANDLER, ADMIN = "db-handler", "costwire"
ROLES = {"scraper": "writer", "aggregator": "reader", "reader": "reader"}
SECRETS = Path("/run/secrets")
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 30.0

Post = Callable[[str, Mapping[str, Any], Mapping[str, str]], Any]
"""Sends a body and headers to a path, and gives the answer; raises `Refused`."""
Passwords = Callable[[str], str]


class Refused(Exception):
    """The server said no, or nothing, for longer than patience lasts."""


def database(post: Post, password_of: Passwords) -> None:
    """Make the users that CrateDB has to know before the handler can start.

    No password is asked of the superuser where this runs.
    """
    from costwire_db_handler.stores.cratedb import privileges
    from costwire_db_handler.users import Role

    def sql(statement: str, *args: str) -> Any:
        return post("/_sql", {"stmt": statement, "args": args}, {"X-User": "crate"})

    grants = {HANDLER: privileges.HANDLER, ADMIN: privileges.ROLES[Role.ADMIN]}
    for name, granted in grants.items():
        known = sql("SELECT name FROM sys.users WHERE name = ?", name)["rows"]
        act = f'ALTER USER "{name}" SET' if known else f'CREATE USER "{name}" WITH'
        sql(f"{act} (password = ?)", password_of(name))
        for grant in granted:
            sql(grant.to(name))
        _say(f"CrateDB knows {name}")


def users(post: Post, password_of: Passwords) -> None:
    """Make the users of the handler, or give them the passwords that the files hold now."""
    credentials = f"{ADMIN}:{password_of(ADMIN)}"
    signed = {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}
    for name, role in ROLES.items():
        post("/users", {"name": name, "role": role, "password": password_of(name)}, signed)
        _say(f"{name} is a {role}")


def _password_of(name: str) -> str:
    try:
        password = (SECRETS / name).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Refused(f"read the password of {name}: {error.strerror}") from error
    if not password:
        raise Refused(f"read the password of {name}: its file is empty")
    return password


def _posting(url: str) -> Post:
    """Posts to a server that may have started a moment ago."""

    def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, answer = _exchange(url, path, json.dumps(body).encode(), headers)
                if status < http.client.BAD_REQUEST:
                    return json.loads(answer)
                trouble = f"{status}: {answer[:500].decode(errors='replace')}"
                is_final = status < http.client.INTERNAL_SERVER_ERROR
            except (OSError, http.client.HTTPException) as error:
                trouble, is_final = str(error), False
            if is_final or time.monotonic() > deadline:
                raise Refused(f"ask {url}{path}: {trouble}")
            time.sleep(_PAUSE_SECONDS)

    return post


def _exchange(url: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(arguments: list[str]) -> int:
    """Do what the first argument says at the address that is the second."""
    acts = {"database": database, "users": users}
    if len(arguments) != 2 or arguments[0] not in acts:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        acts[arguments[0]](_posting(arguments[1]), _password_of)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

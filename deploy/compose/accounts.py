"""The accounts of the composition, brought to what the password files say; harmless when repeated.

    accounts.py database http://127.0.0.1:4200    the handler's own account in CrateDB, by the superuser
    accounts.py users http://db-handler:8088      the scraper, a writer, and the reader, by the handler

Runs in the handler's image with the standard library alone. A file below /run/secrets holds the
password of the user of its name.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ADMIN = "costwire"
ROLES = {"scraper": "writer", "reader": "reader"}
SECRETS = Path("/run/secrets")
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 30.0
_TRY_AGAIN = 500


class Refused(Exception):
    """The server said no, or nothing, for longer than patience lasts."""


def database(url: str) -> None:
    """Make the account that owns the tables; the superuser needs no password where this runs."""

    def sql(statement: str, *args: str) -> Any:
        return _post(f"{url}/_sql", {"stmt": statement, "args": list(args)}, {"X-User": "crate"})

    password = _password(ADMIN)
    if sql("SELECT name FROM sys.users WHERE name = ?", ADMIN)["rows"]:
        sql(f'ALTER USER "{ADMIN}" SET (password = ?)', password)
    else:
        sql(f'CREATE USER "{ADMIN}" WITH (password = ?)', password)
    sql(f'GRANT AL, DDL, DML, DQL TO "{ADMIN}"')
    _say(f"CrateDB knows {ADMIN}")


def users(url: str) -> None:
    """Make the users of the handler, or give them the passwords that the files hold now."""
    signed = base64.b64encode(f"{ADMIN}:{_password(ADMIN)}".encode()).decode()
    for name, role in ROLES.items():
        user = {"name": name, "role": role, "password": _password(name)}
        _post(f"{url}/users", user, {"Authorization": f"Basic {signed}"})
        _say(f"{name} is a {role}")


def _password(name: str) -> str:
    try:
        password = (SECRETS / name).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Refused(f"read the password of {name}: {error.strerror}") from error
    if not password:
        raise Refused(f"read the password of {name}: its file is empty; run make compose-secrets")
    return password


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """Send until the server answers; it may have started a moment ago."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            status, answer = _exchange(url, json.dumps(body).encode(), headers)
            if status < http.client.BAD_REQUEST:
                return json.loads(answer)
            trouble = f"{status}: {answer[:500].decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            status, trouble = _TRY_AGAIN, str(error)
        if status < _TRY_AGAIN or time.monotonic() > deadline:
            raise Refused(f"ask {url}: {trouble}")
        time.sleep(_PAUSE_SECONDS)


def _exchange(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "application/json"} | headers)
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
        acts[arguments[0]](arguments[1])
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

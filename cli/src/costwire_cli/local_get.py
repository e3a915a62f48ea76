"""One request to a service on this machine, which no proxy could reach.

By the standard library: commands that start services ask them nothing else, and start sooner.
"""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ANSWER_SECONDS = 10.0
_FAILED = 400


class NoAnswer(Exception):
    """Nobody answered, or not HTTP."""


@dataclass(frozen=True)
class LocalAnswer:
    """What a service said."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return self.status < _FAILED

    def json(self) -> Any:
        """The JSON document; raises `ValueError` where it is none."""
        return json.loads(self.body)


def local_get(url: str, sign_in: tuple[str, str] | None = None) -> LocalAnswer:
    """Ask an address of `http://` once. Raises: `NoAnswer`."""
    parts = urlsplit(url)
    headers = {}
    if sign_in is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(sign_in).encode()).decode()}"
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=ANSWER_SECONDS
    )
    try:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        return LocalAnswer(answer.status, answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error)) from error
    finally:
        connection.close()

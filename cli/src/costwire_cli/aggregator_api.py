"""Asks an aggregator on behalf of a command; its refusals become sentences for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costwire_cli.connection import Connection
from costwire_cli.errors import CommandError
from costwire_cli.topology_arguments import ADDRESS_VARIABLE
from costwire_runtime.client import HttpClient, HttpError, HttpFailure, Impossible, TooLarge

Json = dict[str, Any]
TIMEOUT = (5.0, 330.0)
"""An aggregator may be set to wait 300 seconds for its upstreams."""
_COSTS_SECONDS = 600.0
"""And that long for a bill, once they have answered."""
_ACT = "ask for the topology"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKEN_BYTES = 1 << 16
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404


@dataclass(frozen=True)
class TopologyAnswer:
    """A topology, and its JSON as the aggregator wrote it."""

    document: Json
    text: str


class AggregatorApi:
    """The endpoint of the aggregator that commands need."""

    def __init__(self, http: HttpClient, token: str | None = None) -> None:
        """`http`: a client whose base address is the aggregator's."""
        self._http = http
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def topology(self, params: Mapping[str, str | Sequence[str]]) -> TopologyAnswer:
        """What `GET /v1/topology` answers."""
        with _told():
            response = self._http.get("/v1/topology", params=params, headers=self._headers)
            text = response.content.decode()
            document = json.loads(text)
            if not _is_topology(document, with_costs="costs" in params):
                raise ValueError("this is another document")
        return TopologyAnswer(document, text)


def _is_topology(document: Any, *, with_costs: bool) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("clusters"), list)
        and _has(document.get("completeness"), "at", "percent", "upstreams")
        and (not with_costs or _has(document.get("costs"), "state"))
    )


def _has(part: Any, *names: str) -> bool:
    return isinstance(part, dict) and part.keys() >= {*names}


@contextmanager
def open_aggregator(
    connection: Connection, token: str | None, *, for_costs: bool = False
) -> Iterator[AggregatorApi]:
    """An API client that closes its connections at the end.

    A request is sent once: the aggregator has asked again where that could help.
    """
    connect, read = TIMEOUT
    timeout = (connect, read + _COSTS_SECONDS if for_costs else read)
    with _told():
        client = HttpClient(
            connection.url,
            auth=connection.sign_in,
            ca_file=connection.ca_file,
            certificate=connection.certificate,
            service="aggregator",
            timeout=timeout,
            deadline_seconds=sum(timeout),
            retries=0,
        )
    with client as http:
        yield AggregatorApi(http, token)


def read_token(file: Path) -> str:
    """The token that a file holds. Raises: `CommandError`, which tells nothing of what is there."""
    try:
        with file.open("rb") as opened:
            token = opened.read(_TOKEN_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise CommandError(f"read {file}: {error.strerror}; it should hold the token") from error
    if not _TOKEN.fullmatch(token):
        raise CommandError(f"read {file}: it holds no token; write the token into it, alone")
    return token


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except HttpFailure as failure:
        raise CommandError(f"{_ACT}: {_refusal(failure)}") from failure
    except TooLarge as error:
        raise CommandError(f"{_ACT}: {error}; ask for less, by --cluster or --depth") from error
    except Impossible as error:
        raise CommandError(f"{_ACT}: {error}") from error
    except HttpError as error:
        raise CommandError(
            f"{_ACT}: {error} (--aggregator or {ADDRESS_VARIABLE} names another address)"
        ) from error
    except ValueError as error:
        raise CommandError(
            f"{_ACT}: the answer is not one of Costwire's aggregator; is this its address "
            f"(--aggregator or {ADDRESS_VARIABLE}), or does a proxy answer for it?"
        ) from error


def _refusal(failure: HttpFailure) -> str:
    if failure.status == _UNAUTHORIZED:
        return f"{failure}; give --token-file, or user and password in the address"
    if failure.status == _FORBIDDEN:
        return f"{failure}; who gives out the tokens can give one that has it"
    if failure.status == _NOT_FOUND:
        return f"{failure}; is this an aggregator's address (--aggregator or {ADDRESS_VARIABLE})?"
    if failure.transient:
        wait = failure.retry_after_seconds
        return f"{failure}; ask again {f'in {wait:g} seconds' if wait else 'later'}"
    return str(failure)

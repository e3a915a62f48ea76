"""Asks a database handler on behalf of a command; its refusals become sentences for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import quote

import requests

from costwire_cli.connection import Connection
from costwire_cli.errors import CommandError
from costwire_runtime.client import HttpClient, HttpError, HttpFailure, iter_body

Json = dict[str, Any]
QUERY_TIMEOUT = (5.0, 330.0)
EXPORT_SECONDS = 1_860.0
"""The report is whole before its first byte is sent."""
EXPORT_TIMEOUT = (5.0, EXPORT_SECONDS)
REPLAY_TIMEOUT = (5.0, 300.0)
_BROKEN_TOLD = 20
ADOPT_SECONDS = 4 * 3600.0
ADOPT_TIMEOUT = (5.0, ADOPT_SECONDS)
ERASE_SECONDS = 4 * 3600.0
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404


@dataclass(frozen=True)
class Answer:
    """What a statement gave: names, CrateDB's type numbers, rows; fractions are exact decimals."""

    columns: list[str]
    types: list[Any]
    rows: list[list[Any]]
    rowcount: int


@dataclass(frozen=True)
class Export:
    """A report on its way."""

    charges: int
    commit: str
    pieces: Iterator[bytes]


class HandlerApi:
    """The endpoints of the database handler that commands need."""

    def __init__(self, http: HttpClient) -> None:
        """`http`: a client whose base address is the handler's."""
        self._http = http

    def sql(self, statement: str, arguments: Sequence[object] = ()) -> Answer:
        """Run one statement as the signed-in user; `arguments` are bound at its `?`, in order."""
        body: Json = {"stmt": statement} | ({"args": list(arguments)} if arguments else {})
        with _told("run statement"):
            try:
                response = self._http.post(
                    "/_sql", params={"types": "true"}, json=body, timeout=QUERY_TIMEOUT
                )
            except HttpFailure as failure:
                raise _refused("run statement", failure, _sql_message(failure)) from failure
            answer = _document(response, "cols", "rows", "rowcount", parse_float=Decimal)
        return Answer(
            answer["cols"], answer.get("col_types", []), answer["rows"], answer["rowcount"]
        )

    def deliveries(self, table: str | None = None) -> list[Json]:
        """Every delivery, oldest first."""
        params = {"table": table} if table else None
        entries: list[Json] = self._json(
            "list deliveries", "GET", "/deliveries", params, "deliveries"
        )["deliveries"]
        return entries

    def delivery(self, commit: str) -> Json:
        """One delivery."""
        return self._json(
            f"show delivery {commit}", "GET", f"/deliveries/{quote(commit)}", None, "state"
        )

    def decide(self, commit: str, decision: str) -> Json:
        """`accept` or `reject` a held delivery."""
        path = f"/deliveries/{quote(commit)}/{decision}"
        return self._json(f"{decision} delivery {commit}", "POST", path, None, "state")

    def adopt(self, table: str) -> Json:
        """Take over a table of the original handler."""
        with _told(f"adopt {table}"):
            return _document(
                self._http.post(f"/tables/{quote(table)}/adopt", timeout=ADOPT_TIMEOUT)
            )

    def costs(self, params: Mapping[str, str]) -> Json:
        """A page of what costs were, with the parameters of `GET /costs`."""
        return self._answer("costs", "/costs", params)

    def changes(self, params: Mapping[str, str]) -> Json:
        """A page of what changed, with the parameters of `GET /changes`."""
        return self._answer("diff", "/changes", params)

    def rates(self) -> list[Json]:
        """Every rate."""
        rates: list[Json] = self._json("list rates", "GET", "/rates", None, "rates")["rates"]
        return rates

    def set_rates(self, sheet: bytes) -> Json:
        """Keep the rates of a CSV text."""
        with _told("set rates"):
            # Repeated, it changes nothing.
            return _document(
                self._http.post(
                    "/rates", data=sheet, headers={"Content-Type": "text/csv"}, retry=True
                )
            )

    @contextmanager
    def export(self, asked: Mapping[str, str]) -> Iterator[Export]:
        """A table as a report, read as it comes; a report that was cut off is an error."""
        act = "export"
        with _told(act):
            response = self._http.get(
                "/export", params=_given(asked), stream=True, timeout=EXPORT_TIMEOUT
            )
        with response:
            with _told(act):
                charges = int(response.headers.get("Costwire-Charges", ""))
            commit = response.headers.get("Costwire-Commit") or "none"
            yield Export(charges, commit, _pieces(act, response))

    def invoices(self, asked: Mapping[str, str], listed: bytes | None) -> Json:
        """What each invoice adds up to; the pages put together."""
        act, path, params = "ask for invoices", "/invoices", _given(asked)
        with _told(act):
            if listed is not None:
                posted = self._http.post(path, params=params, data=listed, timeout=QUERY_TIMEOUT)
                return _document(posted, "invoices")
        answer = self._json(act, "GET", path, params, "invoices")
        following = answer["next"]
        while following is not None:
            page = self._json(act, "GET", following, None, "invoices")
            answer["invoices"] += page["invoices"]
            following = page["next"]
        return answer | {"next": None}

    def erase(
        self,
        table: str,
        where: str,
        *,
        reason: str | None,
        quarantine: bool,
        dry_run: bool,
    ) -> Json:
        """Remove charges from every version, or tell which ones."""
        body = {"table": table, "where": where, "reason": reason, "quarantine": quarantine}
        params = {"dryRun": "true"} if dry_run else None
        with _told(f"erase from {table}"):
            return _document(
                self._http.post("/erasures", params=params, json=body, timeout=(5.0, ERASE_SECONDS))
            )

    def quarantined_rows(self, commit: str, most: int, rule: str | None = None) -> list[Json]:
        """The first quarantined rows of a delivery, or those of them that broke a rule."""
        act = f"show quarantine of delivery {commit}"
        with _told(act):
            response = self._http.get(f"/deliveries/{quote(commit)}/quarantine", stream=True)
            rows: list[Json] = []
            with response:
                every = map(json.loads, _lines(iter_body(response)))
                wanted = (row for row in every if rule in (None, row.get("rule")))
                rows += islice(wanted, most)
            return rows

    def quarantines(self, table: str | None = None) -> list[Json]:
        """The deliveries with quarantined rows."""
        params = {"table": table} if table else None
        found: list[Json] = self._json(
            "list quarantine", "GET", "/quarantine", params, "deliveries"
        )["deliveries"]
        return found

    @contextmanager
    def quarantine_sheet(self, commit: str) -> Iterator[Iterator[bytes]]:
        """The quarantined rows of a delivery as a sheet, read as it comes."""
        with _told(f"export quarantine of delivery {commit}"):
            path = f"/deliveries/{quote(commit)}/quarantine.csv"
            with self._http.get(path, stream=True) as response:
                yield iter_body(response)

    def replay(self, commit: str, sheet: bytes, asked: Mapping[str, str]) -> Json:
        """Take the repaired rows of a sheet into their delivery, or tell what is wrong."""
        path = f"/deliveries/{quote(commit)}/replay"
        try:
            # Repeated, it changes nothing.
            response = self._http.post(
                path,
                params=asked,
                data=sheet,
                headers={"Content-Type": "text/csv"},
                timeout=REPLAY_TIMEOUT,
                retry=True,
            )
        except HttpFailure as failure:
            said = failure.problem.get("detail")
            broken = failure.problem.get("rows") or []
            lines = [f"line {each['line']}: {each['reason']}" for each in broken[1:_BROKEN_TOLD]]
            told = "\n  ".join([str(said), *lines]) if said else None
            raise _refused(f"replay into delivery {commit}", failure, told) from failure
        except HttpError as error:
            raise CommandError(f"replay into delivery {commit}: {error}") from error
        with _told(f"replay into delivery {commit}"):
            return _document(response)

    def users(self) -> list[Json]:
        """Names, roles, and rights where they are limited."""
        users: list[Json] = self._json("list users", "GET", "/users", None, "users")["users"]
        return users

    def change_user(self, name: str, role: str, rights: Json) -> None:
        """Give a user another role and other rights; the password stays."""
        with _told(f"change user {name}"):
            self._http.post("/users", json={"name": name, "role": role, **rights})

    def add_user(self, name: str, role: str, password: str, rights: Json) -> None:
        """Add a user. The name must be free."""
        body = {"name": name, "role": role, "password": password, **rights}
        with _told(f"add user {name}"):
            self._http.post("/users", json=body)

    def remove_user(self, name: str) -> None:
        """Remove a user."""
        with _told(f"remove user {name}"):
            self._http.delete(f"/users/{quote(name, safe='')}")

    def audit(self) -> Iterator[Json]:
        """Every entry of the audit log, oldest first."""
        since = 0
        while True:
            page = self._json(
                "read the audit log", "GET", "/audit", {"since": str(since), "limit": "10000"}
            )
            if not page["entries"]:
                return
            yield from page["entries"]
            since = page["entries"][-1]["n"]

    def verify_audit(self, head: str | None) -> Json:
        """What a look at the whole audit log finds."""
        params = {"head": head} if head else None
        return self._json("verify the audit log", "GET", "/audit/verify", params)

    def _answer(self, act: str, path: str, params: Mapping[str, str]) -> Json:
        with _told(act):
            answer = self._http.get(path, params=params, timeout=QUERY_TIMEOUT)
            return _document(answer, "rows", "next")

    def _json(
        self,
        act: str,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        *members: str,
    ) -> Json:
        with _told(act):
            return _document(self._http.request(method, path, params=params), *members)


def _document(response: requests.Response, *members: str, **how: Any) -> Json:
    """The JSON object of an answer; raises `ValueError` where it is none, or lacks a member."""
    answer: Json = json.loads(response.content, **how)
    if not isinstance(answer, dict) or any(member not in answer for member in members):
        raise ValueError(f"the answer lacks {', '.join(members)}")
    return answer


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _pieces(act: str, response: requests.Response) -> Iterator[bytes]:
    with _told(act):
        yield from iter_body(response)


def _given(asked: Mapping[str, str]) -> dict[str, str]:
    """Parameters that are not empty."""
    return {name: value for name, value in asked.items() if value}


@contextmanager
def open_api(connection: Connection, longest_seconds: float = 300.0) -> Iterator[HandlerApi]:
    """An API client that closes its connections at the end; no request takes longer than this."""
    with _told("open the store"):
        client = HttpClient(
            connection.url,
            auth=connection.sign_in,
            ca_file=connection.ca_file,
            certificate=connection.certificate,
            service="db-handler",
            deadline_seconds=longest_seconds,
        )
    with client as http:
        yield HandlerApi(http)


@contextmanager
def _told(act: str) -> Iterator[None]:
    try:
        yield
    except HttpFailure as failure:
        raise _refused(act, failure, failure.problem.get("detail")) from failure
    except HttpError as error:
        raise CommandError(f"{act}: {error}") from error
    except ValueError as error:
        raise CommandError(
            f"{act}: the answer is not a database handler's; is this its address, or does a proxy "
            "answer for it?"
        ) from error


def _refused(act: str, failure: HttpFailure, said: str | None) -> CommandError:
    if failure.status == _UNAUTHORIZED and not said:
        return CommandError(f"{act}: the store does not know this user and password")
    return CommandError(f"{act}: {said or failure}")


def _sql_message(failure: HttpFailure) -> str | None:
    error = failure.problem.get("error")
    if isinstance(error, dict) and error.get("message"):
        return str(error["message"])
    detail = failure.problem.get("detail")
    return str(detail) if detail else None

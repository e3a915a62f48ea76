"""A CrateDB that plays back recorded answers over HTTP, and can be slow, cut off or overloaded."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.support.local_server import LocalServer, reset

_RECORDINGS = Path(__file__).with_name("cratedb_recordings.json")


class Cut(Enum):
    """Where a connection is cut off."""

    BEFORE_READING = "before the request's body is read"
    AFTER_READING = "after the request was read, without an answer"
    IN_THE_ANSWER = "in the middle of the answer's body"


@dataclass(frozen=True)
class Play:
    """One answer, and what happens to it on the way."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    closes: bool = False
    """The connection ends after the answer, which does not say so."""
    delay_seconds: float = 0.0
    cut: Cut | None = None

    def but(self, **changes: Any) -> Play:
        """The same with other fields."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Recording:
    """An answer of CrateDB 6.2.11 and the request that brings it."""

    name: str
    user: str
    """`owner`, `reader`, `outsider`, or `wrong` for the reader with a wrong password."""
    before: tuple[str, ...]
    """Statements of the owner, or with `same_connection` of the user."""
    same_connection: bool
    request: Mapping[str, Any]
    play: Play
    not_reproducible: str = ""
    """Why a plain server cannot be brought to answer so."""


@cache
def recordings() -> dict[str, Recording]:
    """All recordings by name."""
    told = json.loads(_RECORDINGS.read_text(encoding="utf-8"))
    return {name: _recording(name, entry) for name, entry in told.items()}


def recorded(name: str, **changes: Any) -> Play:
    """The answer of this recording."""
    return recordings()[name].play.but(**changes)


def _recording(name: str, entry: Mapping[str, Any]) -> Recording:
    answer = entry["answer"]
    return Recording(
        name,
        entry.get("user", "owner"),
        tuple(entry.get("before", ())),
        entry.get("same_connection", False),
        entry.get("request", {}),
        Play(answer["status"], answer["headers"], answer["body"].encode(), answer["closes"]),
        entry.get("not_reproducible", ""),
    )


@dataclass(frozen=True)
class Arrived:
    """A request as it arrived; `connection` counts from 0."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def statement(self) -> str:
        """The text of the statement, empty for another request."""
        return str(json.loads(self.body)["stmt"]) if self.body else ""

    @property
    def user(self) -> tuple[str, str]:
        """Name and password."""
        return _credentials(self.headers.get("Authorization", ""))


class FakeCrateDB(LocalServer):
    """A node; it answers with what was asked for, then with `usual`."""

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        certificate: tuple[Path, Path] | None = None,
        port: int = 0,
    ) -> None:
        self.users = None if users is None else dict(users)
        """Passwords, checked once per connection as CrateDB does; None lets everybody in."""
        self.arrived: list[Arrived] = []
        self.usual = recorded("success")
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self._connections = 0
        self._plays: deque[Play] = deque()
        self.context: ssl.SSLContext | None = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            self.scheme = "https"
        super().__init__(_Handler, port)

    def stop(self) -> None:
        """Die; answers that are being waited for are not given."""
        self.stopping.set()
        super().stop()

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self._connections

    @property
    def statements(self) -> list[str]:
        """The statements that arrived, in order."""
        return [arrived.statement for arrived in self.arrived if arrived.method == "POST"]

    def play(self, *plays: Play) -> None:
        """Answer the next statements so, one each."""
        self._plays.extend(plays)

    def next_play(self) -> Play:
        """What the statement that has arrived gets."""
        with self.lock:
            return self._plays.popleft() if self._plays else self.usual

    def next_connection(self) -> int:
        """The number of a connection."""
        with self.lock:
            self._connections += 1
            return self._connections - 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self._fake: FakeCrateDB = self.server.owner  # type: ignore[attr-defined]
        if self._fake.context is not None:
            self.request = self._fake.context.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
            try:
                self.request.do_handshake()
            except OSError:
                self.request.close()
                raise
        self._number = self._fake.next_connection()
        self._let_in: str | None = None
        super().setup()

    def finish(self) -> None:
        super().finish()
        if isinstance(self.request, ssl.SSLSocket):  # the server knows the plain socket alone
            self.request.close()

    def do_POST(self) -> None:
        self._answer()

    do_GET = do_HEAD = do_POST

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)  # CrateDB sends neither Server nor Date

    def _answer(self) -> None:
        name, password = _credentials(self.headers.get("Authorization", ""))
        users = self._fake.users
        if users is not None and name != self._let_in:
            if users.get(name) != password:
                self._note(self._read())
                self._send(recorded("wrong password"))
                return
            self._let_in = name
        if self.command != "POST":
            self._note(self._read())
            self._send(Play())
            return
        self._play(self._fake.next_play())

    def _play(self, play: Play) -> None:
        if play.cut is Cut.BEFORE_READING:
            self._note(b"")
            self._end()
            return
        self._note(self._read())
        if play.delay_seconds and self._fake.stopping.wait(play.delay_seconds):
            play = play.but(cut=Cut.AFTER_READING)
        if play.cut is Cut.AFTER_READING:
            self._end()
            return
        self._send(play)

    def _read(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _note(self, body: bytes) -> None:
        arrived = Arrived(self.command, self.path, dict(self.headers), body, self._number)
        with self._fake.lock:
            self._fake.arrived.append(arrived)

    def _send(self, play: Play) -> None:
        body = b"" if self.command == "HEAD" else play.body
        self.send_response(play.status)
        for name, value in play.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(play.body)))
        self.end_headers()
        if play.cut is Cut.IN_THE_ANSWER:
            self.wfile.write(body[: len(body) // 2])
            self._end()
            return
        self.wfile.write(body)
        self.close_connection = play.closes

    def _end(self) -> None:
        self.close_connection = True
        reset(self.request)


def _credentials(header: str) -> tuple[str, str]:
    name, _, password = base64.b64decode(header.partition(" ")[2]).decode().partition(":")
    return name, password


def refused_port() -> int:
    """A port where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_statements(fake: FakeCrateDB, count: int, seconds: float = 10.0) -> None:
    """Until so many statements have arrived."""
    deadline = time.monotonic() + seconds
    while len(fake.statements) < count:
        assert time.monotonic() < deadline, f"{len(fake.statements)} of {count} statements arrived"
        time.sleep(0.01)

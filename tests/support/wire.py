"""A proxy before a service that changes what passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

import requests

from tests.support.hostile import Fault
from tests.support.processes import local_request

_PASSED_ON = ("Accept", "Authorization", "Content-Type", "If-None-Match", "Prefer")
_KEPT_HEADERS = ("Content-Type", "ETag", "Last-Modified", "Retry-After")


@dataclass(frozen=True)
class Altered:
    """What the proxy sends: pieces, and the length that it announces."""

    pieces: Iterable[bytes]
    length: int
    encoding: str | None = None


Alter = Callable[[bytes], bytes | Altered]


class Wire:
    """Stands before a service; alters or spoils the next answers to a path as often as told."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self.faults = 0
        """How many answers were spoilt."""
        self._faults: dict[str, list[Fault]] = {}
        self._alterations: dict[str, list[Alter]] = {}
        self._events: dict[str, list[Callable[[], None]]] = {}
        self._guard = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def alter(self, path: str, how: Alter, times: int = 1_000) -> None:
        """Alter the next answers to a path."""
        self._alterations[path] = [how] * times

    def spoil(self, path: str, fault: Fault, times: int = 1_000) -> None:
        """A fault befalls the next answers to paths that end so; none once `times` is 0."""
        self._faults[path] = [fault] * times

    def before(self, path: str, event: Callable[[], None]) -> None:
        """Let something happen before the next request to a path reaches the exporter."""
        self._events[path] = [event]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _fault(self, target: str) -> Fault | None:
        path = urlsplit(target).path
        with self._guard:
            faults = [left for end, left in self._faults.items() if path.endswith(end) and left]
            if not faults:
                return None
            self.faults += 1
            return faults[0].pop()

    def _asked(self, asked: BaseHTTPRequestHandler, body: bytes) -> requests.Response:
        headers = {name: asked.headers[name] for name in _PASSED_ON if name in asked.headers}
        return local_request(
            asked.command,
            self._upstream + asked.path,
            headers=headers | {"Accept-Encoding": "identity"},
            data=body,
        )

    def _answer(
        self, asked: BaseHTTPRequestHandler, sent: bytes
    ) -> tuple[int, dict[str, str], Altered]:
        path = urlsplit(asked.path).path
        with self._guard:
            events = self._events.pop(path, [])
        for event in events:
            event()
        answer = self._asked(asked, sent)
        body: bytes | Altered = answer.content
        with self._guard:
            alterations = self._alterations.get(path, [])
            how = alterations.pop() if alterations and answer.ok else None
        if how is not None:
            body = how(answer.content)
        if isinstance(body, bytes):
            body = Altered([body], len(body))
        return answer.status_code, _kept(answer), body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = wire._fault(self.path)
                if fault is None:
                    self._pass(sent)
                    return
                with suppress(OSError):  # the client has hung up

                    def true_answer() -> tuple[dict[str, str], bytes]:
                        answer = wire._asked(self, sent)
                        return _kept(answer), answer.content

                    fault(self.connection, true_answer)

            do_POST = do_DELETE = do_GET

            def _pass(self, sent: bytes) -> None:
                status, headers, altered = wire._answer(self, sent)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if altered.encoding is not None:
                    self.send_header("Content-Encoding", altered.encoding)
                self.send_header("Content-Length", str(altered.length))
                self.end_headers()
                try:
                    for piece in altered.pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    return  # the client has hung up

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler


def _kept(answer: requests.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}

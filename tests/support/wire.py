"""A proxy between scraper and exporter that changes what passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from tests.support.processes import local_get

_KEPT_HEADERS = ("Content-Type", "Retry-After")


@dataclass(frozen=True)
class Altered:
    """What the proxy sends: pieces, and the length that it announces."""

    pieces: Iterable[bytes]
    length: int
    encoding: str | None = None


Alter = Callable[[bytes], bytes | Altered]


class Wire:
    """Stands before an exporter; alters the next answers to a path as often as told."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
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

    def _answer(self, target: str) -> tuple[int, dict[str, str], Altered]:
        path = urlsplit(target).path
        with self._guard:
            events = self._events.pop(path, [])
        for event in events:
            event()
        answer = local_get(self._upstream + target, headers={"Accept-Encoding": "identity"})
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        body: bytes | Altered = answer.content
        with self._guard:
            alterations = self._alterations.get(path, [])
            how = alterations.pop() if alterations and answer.ok else None
        if how is not None:
            body = how(answer.content)
        if isinstance(body, bytes):
            body = Altered([body], len(body))
        return answer.status_code, headers, body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, altered = wire._answer(self.path)
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
                    return  # the scraper has hung up

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler

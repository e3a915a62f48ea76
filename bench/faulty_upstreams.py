"""Upstreams that fail, each in its way: they stand between a program and one that does not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from estates import ANSWER_SECONDS, free_port

Fault = Callable[[str, bytes], bytes]
"""What becomes of the answer to a question."""
_LATE_SECONDS = 2.0
_NEVER_SECONDS = 120.0
_VALUE = re.compile(rb',"[^"]*"\]')


def _garbled(_question: str, _body: bytes) -> bytes:
    return b"<html><body>Service Temporarily Unavailable</body></html>"


def _no_numbers(question: str, body: bytes) -> bytes:
    return _VALUE.sub(b',"NaN"]', body) if "node_" in question else body


def _late(_question: str, body: bytes) -> bytes:
    time.sleep(_LATE_SECONDS)
    return body


def _never(_question: str, body: bytes) -> bytes:
    time.sleep(_NEVER_SECONDS)
    return body


_ANSWERING: Mapping[str, Fault] = {
    f"answers {_LATE_SECONDS:.0f} s late": _late,
    "never answers": _never,
    "tells NaN for what it knows of nodes": _no_numbers,
    "answers with HTML": _garbled,
}
_DEAD = "nobody listens"
FAULTS = (_DEAD, *_ANSWERING)


@contextmanager
def faulty(fault: str, upstream: str) -> Iterator[str]:
    """An upstream between a program and the simulator."""
    if fault == _DEAD:
        yield f"http://127.0.0.1:{free_port()}"
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), _relay(_ANSWERING[fault], upstream)) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _relay(fault: Fault, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Relay(BaseHTTPRequestHandler):
        """Passes questions on; what comes back goes through the fault."""

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"]))
            type_ = {"Content-Type": self.headers["Content-Type"]}
            answer = requests.post(
                upstream + self.path, form, headers=type_, timeout=ANSWER_SECONDS
            )
            body = fault(form.decode(), answer.content)
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:
            """Say nothing."""

    return Relay

"""What can happen to an HTTP answer on its way: each fault is what a client sees instead of it."""

from __future__ import annotations

import gzip
import itertools
import socket
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.support.local_server import reset

TrueAnswer = Callable[[], tuple[dict[str, str], bytes]]
"""Asks the server behind: the headers and the body of its answer."""
Fault = Callable[[socket.socket, TrueAnswer], None]

GIVEN_UP_SECONDS = 5.0
"""Longer than a client of a test waits for anything."""
BOMB_BYTES = 256 << 20
_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>guest Wi-Fi</body></html>\n"
)


def sent(status: str, body: bytes = b"", **headers: str) -> Fault:
    """This answer, whatever was asked; underscores in names of headers are dashes."""

    def fault(client: socket.socket, answer: TrueAnswer) -> None:
        client.sendall(_head(status, {"Content_Length": str(len(body))} | headers) + body)

    return fault


class Answering(BaseHTTPRequestHandler):
    """A server behind a wire: `body` at every path, whatever is sent to it."""

    body = b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Tests are silent."""


def name_of(fault: Fault) -> str:
    """A fault's name, for the ids of tests and tables."""
    known = {value: name for name, value in globals().items() if not name.startswith("_")}
    return str(known[fault]).replace("_", " ")


def cut_off(client: socket.socket, answer: TrueAnswer) -> None:
    """Half of the body, then the end."""
    client.sendall(_half(answer))


def broken(client: socket.socket, answer: TrueAnswer) -> None:
    """Half of the body, then a reset."""
    client.sendall(_half(answer))
    reset(client)


def refused(client: socket.socket, answer: TrueAnswer) -> None:
    """A reset before anything was sent."""
    reset(client)


def answer_lost(client: socket.socket, answer: TrueAnswer) -> None:
    """The server did what was asked, and nobody hears of it."""
    answer()
    reset(client)


def stalled(client: socket.socket, answer: TrueAnswer) -> None:
    """Half of the body, then silence."""
    client.sendall(_half(answer))
    client.settimeout(GIVEN_UP_SECONDS)
    client.recv(1)


def dripping(client: socket.socket, answer: TrueAnswer) -> None:
    """A byte now and then: never silent, never done."""
    headers, body = answer()
    client.sendall(_head("200 OK", headers | {"Content-Length": str(len(body))}))
    _drip(client, itertools.cycle(body or b"\n"))


def dripping_headers(client: socket.socket, answer: TrueAnswer) -> None:
    """The same, within the headers."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(client, itertools.repeat(ord("x")))


def too_long_announced(client: socket.socket, answer: TrueAnswer) -> None:
    """A Content-Length of more than there is."""
    headers, body = answer()
    client.sendall(_head("200 OK", headers | {"Content-Length": str(len(body) + 9)}) + body)


def two_lengths(client: socket.socket, answer: TrueAnswer) -> None:
    """Two lengths that contradict each other."""
    headers, body = answer()
    two = {"Content-Length": str(len(body)), "Content-length": str(len(body) + 1)}
    client.sendall(_head("200 OK", headers | two) + body)


def no_length(client: socket.socket, answer: TrueAnswer) -> None:
    """A Content-Length that is no number, and the whole body."""
    headers, body = answer()
    client.sendall(_head("200 OK", headers | {"Content-Length": "many"}) + body)


def said_to_be_gzip(client: socket.socket, answer: TrueAnswer) -> None:
    """A Content-Encoding that the body has not."""
    headers, body = answer()
    client.sendall(_encoded(headers, "gzip", body))


def in_unknown_encoding(client: socket.socket, answer: TrueAnswer) -> None:
    """A Content-Encoding that nobody asked for."""
    headers, body = answer()
    client.sendall(_encoded(headers, "x-brotli", zlib.compress(body)))


def damaged_gzip(client: socket.socket, answer: TrueAnswer) -> None:
    """One byte of the packed body is another."""
    headers, body = answer()
    packed = bytearray(gzip.compress(body, mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    client.sendall(_encoded(headers, "gzip", bytes(packed)))


def packed(client: socket.socket, answer: TrueAnswer) -> None:
    """No fault: the body as gzip."""
    headers, body = answer()
    client.sendall(_encoded(headers, "gzip", gzip.compress(body, mtime=0)))


def bomb(client: socket.socket, answer: TrueAnswer) -> None:
    """A few hundred kilobytes that unpack to 256 MiB of comments."""
    headers, _ = answer()
    line = b"#" + b" " * 1022 + b"\n"
    member = gzip.compress(line * 1024, mtime=0)
    client.sendall(_encoded(headers, "gzip", member * (BOMB_BYTES >> 20)))


def too_many_headers(client: socket.socket, answer: TrueAnswer) -> None:
    """More headers than anybody reads."""
    client.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-More: x\r\n" * 10_000 + b"\r\n")


def no_http(client: socket.socket, answer: TrueAnswer) -> None:
    """Another protocol."""
    client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")


web_page = sent("200 OK", _PAGE, Content_Type="text/html; charset=utf-8")
hidden = sent("404 Not Found")
moved = sent("302 Found", Location="/sign-in")
in_circles = sent("302 Found", Location="?")
busy = sent("503 Service Unavailable", Retry_After="0")
too_many = sent("429 Too Many Requests", Retry_After="0")
accepted = sent("202 Accepted")
no_content = sent("204 No Content")


def _half(answer: TrueAnswer) -> bytes:
    headers, body = answer()
    head = _head("200 OK", headers | {"Content-Length": str(len(body))})
    return head + body[: len(body) // 2]


def _encoded(headers: dict[str, str], encoding: str, body: bytes) -> bytes:
    told = headers | {"Content-Encoding": encoding, "Content-Length": str(len(body))}
    return _head("200 OK", told) + body


def _head(status: str, headers: dict[str, str]) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "Connection: close", "", ""]).encode()


def _drip(client: socket.socket, source: itertools.cycle[int] | itertools.repeat[int]) -> None:
    ends = time.monotonic() + GIVEN_UP_SECONDS
    while time.monotonic() < ends:
        client.sendall(bytes([next(source)]))
        time.sleep(0.02)

"""A listener under attack by clients that send too much, too many, or too slowly."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from costwire_runtime.client import HttpClient

SECONDS = 0.5
LONGEST = 10.0
HEAD = b"GET /-/ready HTTP/1.1\r\nHost: h\r\n"


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    with socket.create_connection((parts.hostname, parts.port), timeout=LONGEST) as connection:
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def one_answer(connection: socket.socket) -> bytes:
    """One whole answer, on a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem_of(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return json.loads(body)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", HEAD, HEAD + b"X-A: b\r\n"], ids=["none", "line", "host", "header"]
)
def test_head_that_does_not_come_whole_ends_the_connection(impatient: Any, sent: bytes) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(sent)
        answer = all_of(connection)
    assert status_of(answer) == 408
    assert problem_of(answer)["detail"] == "read the request: no whole head came within 0.5 s"


def test_drip_of_headers_does_not_prolong_the_time(impatient: Any) -> None:
    began = time.monotonic()
    with connected(impatient.url) as connection:
        connection.sendall(HEAD)
        connection.settimeout(SECONDS / 5)
        answer = b""
        while not answer and time.monotonic() - began < LONGEST:
            with suppress(TimeoutError):
                answer = connection.recv(65_536)
            with suppress(OSError):
                connection.sendall(b"X-A: b\r\n")
    assert status_of(answer) == 408


def test_second_head_has_no_longer_than_the_first(impatient: Any) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert b"ready" in one_answer(connection)
        connection.sendall(b"GET /-/re")
        assert status_of(all_of(connection)) == 408


def test_body_that_nobody_wants_does_not_hold_the_connection(impatient: Any) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nx")
        assert status_of(one_answer(connection)) == 404
        connection.sendall(b"y")
        assert all_of(connection) == b""


def test_answer_may_take_longer_than_a_head(impatient: Any) -> None:
    with HttpClient(impatient.url, retries=0) as client:
        assert len(client.get("/slow").content) == 10_000


def test_pause_between_requests_is_bounded(impatient: Any) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert b"ready" in one_answer(connection)
        assert all_of(connection) == b""


def test_client_that_fetches_nothing_is_hung_up_on(impatient: Any) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(b"GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
        deadline = time.monotonic() + LONGEST
        while "fetched its answer too slowly" not in impatient.stderr:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_one_connection_too_many_is_told_and_the_others_stay(start: Any) -> None:
    url = start(CONNECTIONS_LIMIT="3").wait_until_serving()
    with ExitStack() as stack:
        admitted = [stack.enter_context(connected(url)) for _ in range(3)]
        for connection in admitted:
            connection.sendall(HEAD + b"\r\n")
            assert b"ready" in one_answer(connection)
        with connected(url) as refused:
            answer = all_of(refused)
            assert (status_of(answer), problem_of(answer)["status"]) == (503, 503)
            assert b"Retry-After: 5" in answer
        admitted[0].sendall(HEAD + b"\r\n")
        assert b"ready" in one_answer(admitted[0])
    with HttpClient(url) as client:
        assert client.get("/-/ready").ok


TOO_LARGE = {
    "many": (431, HEAD + b"".join(b"X-%d: b\r\n" % at for at in range(100)) + b"\r\n"),
    "long": (431, HEAD + b"X-A: " + b"b" * 2_000 + b"\r\n\r\n"),
    "endless": (431, HEAD + b"X-A: " + b"b" * 2_000_000),
    "path": (414, b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: h\r\n\r\n"),
    "query": (414, b"GET /-/ready?" + b"x" * 300 + b" HTTP/1.1\r\nHost: h\r\n\r\n"),
    "no HTTP": (400, b"SSH-2.0-OpenSSH_9\r\n\r\n"),
}


@pytest.mark.parametrize(("status", "sent"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_request_beyond_the_limits_is_refused_in_words(
    impatient: Any, status: int, sent: bytes
) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = one_answer(connection)
    assert status_of(answer) == status
    assert problem_of(answer)["detail"].startswith(("read the request:", "Invalid HTTP"))


def test_refusal_reaches_a_client_that_is_still_sending(impatient: Any) -> None:
    with connected(impatient.url) as connection:
        connection.sendall(HEAD + b"X-A: " + b"b" * 200_000)
        for _ in range(5):
            time.sleep(SECONDS / 10)
            connection.sendall(b"b" * 200_000)
        answer = all_of(connection)
    assert status_of(answer) == 431


def test_refused_connection_does_not_stay_open_for_what_still_comes(impatient: Any) -> None:
    deadline = time.monotonic() + LONGEST
    with connected(impatient.url) as connection:
        connection.sendall(HEAD + b"X-A: " + b"b" * 200_000)
        with suppress(ConnectionError):
            while time.monotonic() < deadline:
                connection.sendall(b"b")
                time.sleep(SECONDS / 10)
    assert time.monotonic() < deadline


def test_tls_handshake_that_does_not_come_ends_the_connection(start: Any, web_config: Any) -> None:
    url = start(
        HEADER_TIMEOUT_SECONDS=str(SECONDS), WEB_CONFIG_FILE=str(web_config)
    ).wait_until_serving()
    with connected(url) as connection:
        assert all_of(connection) == b""
    context = ssl.create_default_context(cafile=web_config.with_name("tls.crt"))
    with (
        connected(url) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
    ):
        assert status_of(encrypted.recv(65_536)) == 408

"""The HTTP client against real sockets that misbehave."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from costwire_runtime.client import BrokenBody, HttpClient, HttpFailure, Unreachable, iter_body

Behaviour = Callable[[socket.socket], None]


@pytest.fixture
def server() -> Iterator[Callable[..., str]]:
    """A server whose connections are handled, in order, by these functions."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def build(*behaviours: Behaviour) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(20)
        listeners.append(listener)

        def run() -> None:
            for behave in behaviours:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(20)
                    behave(connection)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield build
    for thread in threads:
        thread.join(20)
    for listener in listeners:
        listener.close()


def _answer(text: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(text)

    return behave


CUT_OFF = {
    "content length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "within a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    "wrong chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf",
}


@pytest.mark.parametrize("text", CUT_OFF.values(), ids=CUT_OFF.keys())
def test_cut_off_answer_is_noticed(server: Callable[..., str], text: bytes) -> None:
    url = server(_answer(text), _answer(text))
    with HttpClient(url, retries=0) as client:
        with pytest.raises(BrokenBody):
            list(iter_body(client.get("/x", stream=True)))
        with pytest.raises(BrokenBody):
            client.get("/x")


def test_cut_off_then_whole_answer_is_one_success(server: Callable[..., str]) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
    url = server(_answer(b""), _answer(CUT_OFF["content length"]), _answer(whole))
    with HttpClient(url) as client:
        assert client.get("/x").content == b"whole"


@pytest.mark.parametrize(
    "text", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 abc\r\n\r\n"], ids=["none", "ssh", "status"]
)
def test_server_that_speaks_no_http_is_unreachable(server: Callable[..., str], text: bytes) -> None:
    with HttpClient(server(_answer(text)), retries=0) as client, pytest.raises(Unreachable):
        client.get("/x")


def test_silent_server_times_out(server: Callable[..., str]) -> None:
    url = server(lambda connection: time.sleep(1))
    began = time.monotonic()
    with (
        HttpClient(url, retries=0, timeout=(5.0, 0.2)) as client,
        pytest.raises(Unreachable, match="no answer in time"),
    ):
        client.get("/x")
    assert time.monotonic() - began < 1


def test_pause_within_a_body_times_out(server: Callable[..., str]) -> None:
    def pausing(connection: socket.socket) -> None:
        _answer(CUT_OFF["content length"])(connection)
        time.sleep(1)

    with (
        HttpClient(server(pausing), retries=0, timeout=(5.0, 0.2)) as client,
        pytest.raises(BrokenBody, match="no answer in time"),
    ):
        client.get("/x")


def _dripping(before: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        _answer(before)(connection)
        with suppress(OSError):  # the client has hung up
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.02)

    return behave


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["body", "headers", "size of a chunk"],
)
def test_answer_that_drips_is_no_more_waited_for_than_a_silent_one(
    server: Callable[..., str], before: bytes
) -> None:
    began = time.monotonic()
    with (
        HttpClient(server(_dripping(before)), retries=0, timeout=(5.0, 0.2)) as client,
        pytest.raises(Unreachable, match="the answer comes too slowly"),
    ):
        client.get("/x")
    assert time.monotonic() - began < 2


def test_slow_caller_is_no_slow_server(server: Callable[..., str]) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"

    def behave(connection: socket.socket) -> None:
        _answer(whole + b"abc")(connection)
        connection.sendall(b"def")

    with HttpClient(server(behave), retries=0, timeout=(5.0, 0.2)) as client:
        pieces = iter_body(client.get("/x", stream=True), 1)
        first = next(pieces)
        time.sleep(0.4)
        assert first + b"".join(pieces) == b"abcdef"


def test_nobody_listening_is_told(server: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        HttpClient(f"http://127.0.0.1:{port}", retries=1, service="exporter") as client,
        pytest.raises(Unreachable) as failed,
    ):
        client.get("/metrics")
    assert str(failed.value) == (
        f"GET http://127.0.0.1:{port}/metrics (exporter): connection refused; is it running there?"
    )


def test_slow_reader_of_a_large_body_is_not_a_failure(server: Callable[..., str]) -> None:
    size = 30_000_000

    def slow(connection: socket.socket) -> None:
        time.sleep(1.5)  # longer than the time-out to connect
        received = 0
        while received < size:
            received += len(connection.recv(1 << 20))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with HttpClient(server(slow), retries=0, timeout=(0.5, 20.0)) as client:
        assert client.post("/parts", data=b"x" * size).status_code == 204


def test_connection_serves_one_request_after_another(server: Callable[..., str]) -> None:
    one = _answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
    failed = _answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\ntwo")

    def on_one_connection(connection: socket.socket) -> None:
        for behave in (one, failed, one):
            behave(connection)

    with HttpClient(server(on_one_connection), retries=0) as client:
        assert client.get("/x").content == b"one"
        with pytest.raises(HttpFailure, match="two"):
            client.get("/x")
        assert client.get("/x").content == b"one"

"""Reports behind HTTP: an app in this process, and a loopback server where the wire matters."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from costwire_runtime.asgi import AsgiAdapter
from costwire_sources.errors import NotFound, SourceError, Unreachable, Unreadable
from costwire_sources.http import HttpReading, HttpSource

REPORT = b"BilledCost\n1.5\n"
Answer = Callable[[Request], Response]


@contextmanager
def served(
    answer: Answer, url: str, tmp_path: Path, limit: int = 1 << 20, **told: Any
) -> Iterator[HttpSource]:
    async def endpoint(request: Request) -> Response:
        return answer(request)

    app = Starlette(routes=[Route("/{path:path}", endpoint)])
    with AsgiAdapter(app) as transport:
        yield HttpSource(url, transport=transport, spool_folder=tmp_path, limit_bytes=limit, **told)


def spooled(reading: HttpReading | None) -> bytes:
    assert reading is not None
    with reading, reading.parts[0].open() as stream:
        return stream.read()


def test_answer_is_spooled_and_removed_when_it_was_read(tmp_path: Path) -> None:
    headers = {"Last-Modified": "Wed, 11 Dec 2024 10:00:00 GMT"}
    with served(
        lambda _: PlainTextResponse(REPORT, headers=headers), "http://h/a/bill.csv?x=1", tmp_path
    ) as source:
        reading = source.poll(None)
        assert reading is not None
        assert reading.generation == datetime(2024, 12, 11, 10, tzinfo=UTC)
        assert (reading.parts[0].name, reading.parts[0].size) == ("bill.csv", len(REPORT))
        assert spooled(reading) == REPORT
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("validator", "condition"),
    [
        ({"ETag": '"v1"'}, ("if-none-match", '"v1"')),
        (
            {
                "Last-Modified": "Wed, 11 Dec 2024 10:00:00 GMT",
                "Date": "Wed, 11 Dec 2024 10:00:03 GMT",
            },
            ("if-modified-since", "Wed, 11 Dec 2024 10:00:00 GMT"),
        ),
    ],
    ids=["ETag", "Last-Modified"],
)
def test_unchanged_report_is_not_sent_again(
    tmp_path: Path, validator: dict[str, str], condition: tuple[str, str]
) -> None:
    asked = []

    def answer(request: Request) -> Response:
        asked.append(request.headers.get(condition[0]))
        if asked[-1] == condition[1]:
            return Response(status_code=304)
        return PlainTextResponse(REPORT, headers=validator)

    with served(answer, "http://h/bill.csv", tmp_path) as source:
        first = source.poll(None)
        assert first is not None
        assert source.poll(first.state) is None
    assert asked == [None, condition[1]]


def test_report_that_was_written_twice_in_the_second_of_its_reading_is_read_again(
    tmp_path: Path,
) -> None:
    at = {"Last-Modified": "Wed, 11 Dec 2024 10:00:00 GMT", "Date": "Wed, 11 Dec 2024 10:00:00 GMT"}
    bodies = iter([REPORT, REPORT + b"2\n"])

    def answer(request: Request) -> Response:
        if "if-modified-since" in request.headers:
            return Response(status_code=304)
        return PlainTextResponse(next(bodies), headers=at)

    with served(answer, "http://h/bill.csv", tmp_path) as source:
        first = source.poll(None)
        assert first is not None
        assert spooled(source.poll(first.state)) == REPORT + b"2\n"


def test_same_bytes_from_a_server_without_validators_are_unchanged(tmp_path: Path) -> None:
    bodies = iter([REPORT, REPORT, REPORT + b"2\n"])
    with served(lambda _: PlainTextResponse(next(bodies)), "http://h/bill.csv", tmp_path) as source:
        first = source.poll(None)
        assert first is not None
        assert source.poll(first.state) is None
        assert spooled(source.poll(first.state)) == REPORT + b"2\n"


def test_credentials_and_query_are_sent_and_in_no_message(tmp_path: Path) -> None:
    seen = []

    def answer(request: Request) -> Response:
        seen.append((request.headers["authorization"], request.url.query))
        return PlainTextResponse("no", status_code=403)

    url = "http://ann:s3cr%40t@h/bill.csv?sig=t0ken"
    with (
        served(answer, url, tmp_path) as source,
        pytest.raises(Unreadable, match="answered 403; give credentials") as caught,
    ):
        source.poll(None)
    assert seen == [("Basic YW5uOnMzY3JAdA==", "sig=t0ken")]
    assert "s3cr" not in str(caught.value)
    assert "t0ken" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("status", "error", "transient"),
    [(404, NotFound, False), (401, Unreadable, False), (400, Unreadable, False)],
)
def test_refusals_are_terminal(
    tmp_path: Path, status: int, error: type[SourceError], transient: bool
) -> None:
    with (
        served(lambda _: Response(status_code=status), "http://h/bill.csv", tmp_path) as source,
        pytest.raises(error) as caught,
    ):
        source.poll(None)
    assert caught.value.transient is transient


@pytest.mark.parametrize("status", [202, 203, 204, 206])
def test_success_without_a_report_is_waited_out(tmp_path: Path, status: int) -> None:
    answers = iter([Response(status_code=status), PlainTextResponse(REPORT)])
    with served(lambda _: next(answers), "http://h/bill.csv", tmp_path) as source:
        assert spooled(source.poll(None)) == REPORT


def test_report_that_is_not_made_yet_is_told(tmp_path: Path) -> None:
    with (
        served(lambda _: Response(status_code=202), "http://h/bill.csv", tmp_path) as source,
        pytest.raises(Unreachable, match="answered 202, which is no report yet"),
    ):
        source.poll(None)
    assert list(tmp_path.iterdir()) == []


def test_overloaded_server_is_asked_again(tmp_path: Path) -> None:
    answers = iter([Response(status_code=503, headers={"Retry-After": "0"})])
    with served(
        lambda _: next(answers, PlainTextResponse(REPORT)), "http://h/bill.csv", tmp_path
    ) as source:
        assert spooled(source.poll(None)) == REPORT


def test_report_beyond_the_limit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        served(lambda _: PlainTextResponse(REPORT), "http://h/bill.csv", tmp_path, 5) as source,
        pytest.raises(Unreadable, match="larger than the limit of 5 bytes"),
    ):
        source.poll(None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "expected"), [("bill.csv", REPORT), ("bill.csv.gz", gzip.compress(REPORT, mtime=0))]
)
def test_gzip_in_transfer_is_undone_and_a_gz_file_is_kept(
    tmp_path: Path, file: str, expected: bytes
) -> None:
    packed = gzip.compress(REPORT, mtime=0)
    headers = {"Content-Encoding": "gzip"}
    with served(
        lambda _: Response(packed, headers=headers), f"http://h/{file}", tmp_path
    ) as source:
        assert spooled(source.poll(None)) == expected


@contextmanager
def raw_server(*answers: bytes) -> Iterator[str]:
    """A server that sends these bytes, one answer per connection, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def run() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/bill.csv"
        thread.join(10)


CUT_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nBilledCost\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n" + REPORT


def test_answer_that_breaks_off_is_asked_for_again(tmp_path: Path) -> None:
    with raw_server(CUT_OFF, WHOLE) as url:
        assert spooled(HttpSource(url, spool_folder=tmp_path).poll(None)) == REPORT


def test_answer_that_always_breaks_off_is_transient_and_leaves_nothing(tmp_path: Path) -> None:
    with raw_server(CUT_OFF, CUT_OFF, CUT_OFF) as url:
        with pytest.raises(Unreachable, match="broke off after 11 of 100 bytes") as caught:
            HttpSource(url, spool_folder=tmp_path).poll(None)
        assert caught.value.transient
    assert list(tmp_path.iterdir()) == []


def test_silent_server_is_told_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="connection refused"):
        HttpSource(f"http://127.0.0.1:{port}/bill.csv", spool_folder=tmp_path).poll(None)


def test_later_reading_is_the_newer_state_when_the_clock_was_set_back(tmp_path: Path) -> None:
    noon = datetime(2024, 12, 11, 12, tzinfo=UTC)
    times = iter([noon, noon - timedelta(days=1)])
    bodies = iter([b"BilledCost\n1\n", b"BilledCost\n2\n", b"BilledCost\n2\n"])
    with served(
        lambda _: PlainTextResponse(next(bodies)), "http://h/b.csv", tmp_path, clock=times.__next__
    ) as source:
        first = source.poll(None)
        assert first is not None
        second = source.poll(first.state)
        assert second is not None
        assert source.poll(second.state) is None
        for reading in (first, second):
            with reading:
                pass
    assert first.generation == noon < second.generation < noon + timedelta(seconds=1)

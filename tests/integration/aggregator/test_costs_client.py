"""The database handler over the wire: how it is asked, and what becomes of each way to fail."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.certificates import Authority
from tests.support.local_server import LocalServer
from tests.support.processes import free_port
from tests.support.tls_front import TLS_FAULTS, TlsFront

from costwire_aggregator.costs.errors import (
    BillTooLarge,
    BillUnsound,
    CostsError,
    HandlerLate,
    HandlerRefused,
    HandlerSilent,
)
from costwire_aggregator.costs.handler_client import BillLimits, HandlerAccess, HandlerClient
from costwire_aggregator.costs.model import AsOf, Bill, Period

OCTOBER = Period.read("2026-10")
PASSWORD = "s3cret, for sure"
Query = Mapping[str, str]
Answer = tuple[int, bytes]


def a_page(
    names: str, rows: list[list[str | None]], *, of: int | None = None, **more: Any
) -> bytes:
    """Rows of one dollar each; `of`: so many over all pages, these alone unless told."""
    sums = {"BilledCost": "1", "EffectiveCost": None}
    count = len(rows) if of is None else of
    total = {"charges": count, "sums": sums | {"BilledCost": str(count)}}
    by = [name.replace("['", ".").rstrip("']") for name in names.split(",")]
    document = {
        "asOf": {"state": 4, "commit": 7, "at": None},
        "by": by,
        "rows": [
            {"by": dict(zip(by, row, strict=True)), "currency": "USD", "charges": 1, "sums": sums}
            for row in rows
        ],
        "totals": {"USD": total} if count else {},
        "next": None,
    }
    return json.dumps(document | more).encode()


def one_resource(query: Query) -> Answer:
    """A bill of one load balancer, which has the first tag that is asked for."""
    names = query["by"]
    row = ["lb-1", "a", *[None] * 9] if "filter" in query else ["lb-1", None, None, None]
    return 200, a_page(names, [row[: names.count(",") + 1]])


class FakeDbHandler(LocalServer):
    """Answers `/costs` as it is told to."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.answer: Callable[[Query], Answer] = one_resource
        self.asked: list[tuple[Query, Mapping[str, str]]] = []

    @property
    def queries(self) -> list[Query]:
        return [query for query, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: FakeDbHandler = self.server.owner  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        server.asked.append((query, dict(self.headers)))
        status, body = server.answer(query) if parts.path == "/base/costs" else (404, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def handler() -> Iterator[FakeDbHandler]:
    with FakeDbHandler() as server:
        yield server


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return file


def bill(
    url: str,
    tags: tuple[str, ...] = (),
    *,
    seconds: float = 10,
    limits: BillLimits | None = None,
    **more: Any,
) -> Bill:
    async def run() -> Bill:
        async with HandlerClient(HandlerAccess(f"{url}/base/", **more), limits) as client:
            return await client.bill(OCTOBER, tags, asyncio.get_running_loop().time() + seconds)

    return asyncio.run(run())


def test_bill_is_read_with_the_tags_of_the_same_state(handler: FakeDbHandler) -> None:
    keys = tuple(f"key-{n}" for n in range(9))
    found = bill(handler.url, keys, table="own")
    (resource,) = found.resources
    assert resource.tags == {"key-0": frozenset("a"), "key-7": frozenset("a")}
    assert found.as_of == AsOf(4, 7)
    charges, *tags = handler.queries
    assert charges["by"] == "ResourceId,ResourceName,SubAccountId,RegionId"
    assert [query["by"].count("Tags") for query in tags] == [7, 2]
    assert {query.get("as_of") for query in tags} == {"7"}
    for query in handler.queries:
        assert (query["table"], query["from"], query["to"]) == ("own", "2026-10", "2026-11")


def test_all_pages_are_of_the_state_of_the_first(handler: FakeDbHandler) -> None:
    def pages(query: Query) -> Answer:
        at = int(query["offset"])
        rows: list[list[str | None]] = [[f"r-{at + n}", None, None, None] for n in range(2)]
        more = {"next": "/costs?offset=x"} if at < 4 else {}
        return 200, a_page(query["by"], rows, of=6, **more)

    handler.answer = pages
    assert len(bill(handler.url).resources) == 6
    assert [(query["offset"], query.get("as_of")) for query in handler.queries] == [
        ("0", None),
        ("2", "7"),
        ("4", "7"),
    ]


def test_handler_without_a_delivery_has_an_empty_bill(handler: FakeDbHandler) -> None:
    nothing = {"state": 0, "commit": None, "at": None}
    handler.answer = lambda query: (200, a_page(query["by"], [], asOf=nothing))
    found = bill(handler.url, ("key",))
    assert (found.resources, found.totals, len(handler.asked)) == ([], {}, 1)


def test_password_is_read_anew_for_each_request(
    handler: FakeDbHandler, password_file: Path
) -> None:
    for password in ("one", "zwölf"):
        password_file.write_text(password, encoding="utf-8")
        bill(handler.url, user="jo", password_file=password_file)
    told = [headers["Authorization"] for _, headers in handler.asked]
    assert told == ["Basic am86b25l", "Basic am86enfDtmxm"]


def test_nobody_signs_in_without_a_password(handler: FakeDbHandler) -> None:
    bill(handler.url)
    assert "Authorization" not in handler.asked[0][1]


def test_password_that_cannot_be_read_is_told(handler: FakeDbHandler, tmp_path: Path) -> None:
    with pytest.raises(HandlerRefused, match="cannot be read: No such file") as caught:
        bill(handler.url, password_file=tmp_path / "none")
    assert str(tmp_path) not in str(caught.value)
    unreadable = tmp_path / "unreadable"
    unreadable.write_bytes(b"\xff")
    with pytest.raises(HandlerRefused, match="cannot be read: it is no UTF-8"):
        bill(handler.url, password_file=unreadable)
    assert handler.asked == []


def test_handler_that_is_down_is_silent() -> None:
    with pytest.raises(HandlerSilent, match="connection refused; is it running there"):
        bill(f"http://127.0.0.1:{free_port()}")


def test_handler_that_breaks_off_is_silent(handler: FakeDbHandler) -> None:
    def cut(query: Query) -> Answer:
        raise ConnectionResetError

    handler.answer = cut
    with pytest.raises(HandlerSilent):
        bill(handler.url)


def test_handler_that_hangs_is_late(handler: FakeDbHandler) -> None:
    hang = threading.Event()

    def hanging(query: Query) -> Answer:
        hang.wait(30)
        return one_resource(query)

    handler.answer = hanging
    began = time.monotonic()
    with pytest.raises(HandlerLate, match="it did not answer in time"):
        bill(handler.url, seconds=0.3)
    assert time.monotonic() - began < 5
    hang.set()


def a_problem(slug: str, detail: str) -> bytes:
    return json.dumps({"type": f"urn:costwire:problem:{slug}", "detail": detail}).encode()


FAILURES: dict[str, tuple[int, bytes, type[CostsError], str]] = {
    "wrong password": (401, b"", HandlerRefused, "it does not know this user and password"),
    "no right": (403, a_problem("forbidden", "ask an admin"), HandlerRefused, "403, ask an admin$"),
    "no table": (404, a_problem("unknown-table", "there is aws"), HandlerRefused, "there is aws$"),
    "too many": (429, a_problem("x", "wait"), HandlerRefused, "it answers 429, wait$"),
    "redirect": (302, b"", HandlerRefused, "it redirects; name the address"),
    "broken": (500, b"<html>", HandlerRefused, "it answers 500$"),
    "starting": (503, a_problem("unavailable", "starting"), HandlerSilent, "503, starting$"),
    "proxy": (502, b"[1]", HandlerSilent, "it answers 502$"),
    "too long": (504, a_problem("question-too-long", "ask for less"), HandlerLate, "ask for less$"),
    "no handler": (200, b"<html>", HandlerRefused, "none of a database handler"),
    "no page": (200, b"{}", HandlerRefused, "none of a database handler"),
    "long story": (400, a_problem("x", "y" * 9_000), HandlerRefused, "400, y{500}$"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_is_told_by_its_kind(
    name: str, handler: FakeDbHandler, password_file: Path
) -> None:
    status, body, kind, words = FAILURES[name]
    handler.answer = lambda query: (status, body)
    with pytest.raises(kind, match=words) as caught:
        bill(handler.url, password_file=password_file)
    assert type(caught.value) is kind
    assert PASSWORD not in repr(caught.value)
    assert len(handler.asked) == 1


def test_question_that_is_bad_for_another_reason_than_columns_is_refused(
    handler: FakeDbHandler,
) -> None:
    def bad(query: Query) -> Answer:
        if query["from"] == "0001-01":
            return 200, a_page(query["by"], [])
        return 400, a_problem("bad-question", "there is no parameter 'metric'")

    handler.answer = bad
    with pytest.raises(HandlerRefused, match="400, there is no parameter 'metric'"):
        bill(handler.url)


def test_answer_that_is_too_large_is_not_read(handler: FakeDbHandler) -> None:
    handler.answer = lambda query: (200, b" " * 5_000)
    with pytest.raises(BillTooLarge, match="larger than 1,000 bytes"):
        bill(handler.url, limits=BillLimits(page_bytes=1_000))


def test_pages_that_never_end_are_refused(handler: FakeDbHandler) -> None:
    handler.answer = lambda query: (200, a_page(query["by"], [], next="/costs"))
    with pytest.raises(HandlerRefused, match="a page of its answer is empty"):
        bill(handler.url)
    rows: list[list[str | None]] = [["r", None, None, None]]
    handler.answer = lambda query: (200, a_page(query["by"], rows, next="/costs"))
    with pytest.raises(BillTooLarge, match="more than 5 resources"):
        bill(handler.url, limits=BillLimits(groups=5))


def test_bill_that_does_not_add_up_is_none(handler: FakeDbHandler) -> None:
    rows: list[list[str | None]] = [["r", None, None, None]]
    handler.answer = lambda query: (200, a_page(query["by"], rows, of=2))
    with pytest.raises(BillUnsound, match="do not add up to its totals in USD"):
        bill(handler.url)


def test_certificate_is_checked(handler: FakeDbHandler, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with TlsFront(handler.url) as front:
        front.show(authority.issue("server"))
        assert len(bill(front.url, ca_file=authority.file).resources) == 1
        with pytest.raises(HandlerRefused, match="certificate is not trusted"):
            bill(front.url)


@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_tls_that_is_not_fit_is_told(fault: str, handler: FakeDbHandler, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    make_unfit, words = TLS_FAULTS[fault]
    with TlsFront(handler.url) as front:
        make_unfit(front, authority)
        with pytest.raises((HandlerRefused, HandlerSilent), match=words):
            bill(front.url, ca_file=authority.file)
    assert handler.asked == []


def test_certificates_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        HandlerClient(HandlerAccess("https://h", ca_file=tmp_path / "none"))

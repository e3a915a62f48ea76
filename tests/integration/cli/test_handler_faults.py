"""Between a command and the handler: each fault ends in time, as a sentence and no traceback."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from tests.support import hostile
from tests.support.hostile import Fault
from tests.support.local_server import LocalServer
from tests.support.wire import Wire

from costwire_cli.errors import CommandError
from costwire_cli.handler_api import HandlerApi
from costwire_runtime.client import HttpClient

LONGEST_SECONDS = 15.0
NO_HANDLER = "the answer is not a database handler's; is this its address, or does a proxy answer"
CUT = "the answer was cut off|the connection was (reset|closed)"

TOLD = {
    hostile.web_page: NO_HANDLER,
    hostile.no_content: NO_HANDLER,
    hostile.accepted: NO_HANDLER,
    hostile.cut_off: CUT,
    hostile.broken: CUT,
    hostile.refused: CUT,
    hostile.no_http: CUT,
    hostile.stalled: "no answer in time",
    hostile.dripping: "the answer comes too slowly",
    hostile.dripping_headers: "the answer comes too slowly",
    hostile.said_to_be_gzip: "the answer can't be decoded",
    hostile.damaged_gzip: "the answer can't be decoded",
    hostile.in_unknown_encoding: "x-brotli was not asked for",
    hostile.two_lengths: "the headers of the answer contradict each other",
    hostile.bomb: "the answer is larger than",
    hostile.in_circles: "it redirects in a circle",
    hostile.busy: "503",
    hostile.too_many: "429",
}


class _Ledger(hostile.Answering):
    body = b'{"deliveries": [' + b",".join([b'{"commit": 1}'] * 200) + b"]}"


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with LocalServer(_Ledger) as server, Wire(server.url) as between:
        yield between


@pytest.fixture
def api(wire: Wire) -> Iterator[HandlerApi]:
    with HttpClient(wire.url, timeout=(1.0, 0.3), retries=1, service="db-handler") as http:
        yield HandlerApi(http)
    wire.spoil("", hostile.refused, times=0)


@pytest.mark.parametrize("fault", TOLD, ids=hostile.name_of)
def test_fault_is_told_in_time_and_passes(wire: Wire, api: HandlerApi, fault: Fault) -> None:
    wire.spoil("", fault)
    began = time.monotonic()
    with pytest.raises(CommandError, match=f"list deliveries: .*({TOLD[fault]})"):
        api.deliveries()
    assert time.monotonic() - began < LONGEST_SECONDS
    wire.spoil("", fault, times=0)
    assert len(api.deliveries()) == 200


ASKED: dict[str, Callable[[HandlerApi], object]] = {
    "sql": lambda api: api.sql("SELECT 1"),
    "delivery": lambda api: api.delivery("1"),
    "accept": lambda api: api.decide("1", "accept"),
    "adopt": lambda api: api.adopt("costs"),
    "costs": lambda api: api.costs({}),
    "changes": lambda api: api.changes({}),
    "rates": lambda api: api.rates(),
    "set rates": lambda api: api.set_rates(b""),
    "invoices": lambda api: api.invoices({}, None),
    "listed invoices": lambda api: api.invoices({}, b""),
    "erase": lambda api: api.erase("t", "x", reason=None, quarantine=False, dry_run=True),
    "quarantine": lambda api: api.quarantined_rows("1", 5),
    "users": lambda api: api.users(),
    "export": lambda api: exported(api),
}


def exported(api: HandlerApi) -> bytes:
    with api.export({}) as export:
        return b"".join(export.pieces)


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
def test_web_page_instead_of_any_answer_is_told(
    wire: Wire, api: HandlerApi, ask: Callable[[HandlerApi], object]
) -> None:
    wire.spoil("", hostile.web_page)
    with pytest.raises(CommandError, match=re.escape(NO_HANDLER)):
        ask(api)


@pytest.mark.parametrize(
    "other", [b"[]", b"null", b"{}", b'"ok"'], ids=["list", "null", "object", "text"]
)
def test_json_of_another_service_is_told(wire: Wire, api: HandlerApi, other: bytes) -> None:
    wire.spoil("", hostile.sent("200 OK", other, Content_Type="application/json"))
    with pytest.raises(CommandError, match=re.escape(NO_HANDLER)):
        api.deliveries()


def test_export_that_breaks_off_is_told(wire: Wire, api: HandlerApi) -> None:
    headers = {"Costwire_Charges": "2", "Costwire_Commit": "1", "Content_Length": "90"}
    wire.spoil("", hostile.sent("200 OK", b"BilledCost\n1\n", **headers))
    with pytest.raises(CommandError, match=r"export: .*the answer was cut off"):
        exported(api)


def test_quarantine_that_breaks_off_is_told(wire: Wire, api: HandlerApi) -> None:
    wire.spoil("", hostile.sent("200 OK", b'{"line": 1}\n', Content_Length="90"))
    with pytest.raises(CommandError, match=r"show quarantine of delivery 1: .*was cut off"):
        api.quarantined_rows("1", 5)

"""Between a report's server and us: each fault is told in time, and when it is over all goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import hostile
from tests.support.hostile import Fault
from tests.support.local_server import LocalServer
from tests.support.wire import Wire

from costwire_sources.errors import SourceError
from costwire_sources.http import HttpReading, HttpSource, Patience
from costwire_sources.source import State

REPORT = b"BilledCost\n" + b"1.5\n" * 5_000
OTHER = REPORT + b"2\n"
PATIENCE = Patience(connect_seconds=1.0, read_seconds=0.3, retries=1)
LONGEST_SECONDS = 20.0
"""Six tries of the slowest fault, and their pauses, on a busy machine."""


class Report:
    """Behind a wire that can be spoilt, a source that has been read once."""

    def __init__(self, wire: Wire, folder: Path) -> None:
        self.wire = wire
        self.folder = folder
        self.source = HttpSource(f"{wire.url}/bill.csv", spool_folder=folder, patience=PATIENCE)

    def poll(self, state: State | None = None) -> HttpReading | None:
        return self.source.poll(state)


class _Serving(hostile.Answering):
    body = REPORT


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with LocalServer(_Serving) as server, Wire(server.url) as between:
        yield between


@pytest.fixture
def report(wire: Wire, tmp_path: Path) -> Iterator[Report]:
    yield Report(wire, tmp_path)
    wire.spoil("/bill.csv", hostile.refused, times=0)
    _Serving.body = REPORT


def bytes_of(reading: HttpReading | None) -> bytes:
    assert reading is not None
    with reading, reading.parts[0].open() as stream:
        return stream.read()


BROKEN_OFF = r"broke off after \d+ of \d+ bytes \(.+\); it is asked for again at the next poll"
TOLD = {
    hostile.cut_off: BROKEN_OFF,
    hostile.broken: BROKEN_OFF,
    hostile.stalled: BROKEN_OFF,
    hostile.dripping: r"broke off after .* \(the answer comes too slowly\); it is asked for again",
    hostile.dripping_headers: "the answer comes too slowly",
    hostile.refused: "the connection was reset",
    hostile.no_http: "the connection was closed",
    hostile.too_many_headers: "the connection was closed",
    hostile.too_long_announced: BROKEN_OFF,
    hostile.two_lengths: "the headers of the answer contradict each other",
    hostile.said_to_be_gzip: r"\(the answer can't be decoded\); it is asked for again",
    hostile.damaged_gzip: r"\(the answer can't be decoded\); it is asked for again",
    hostile.in_unknown_encoding: "its content encoding x-brotli was not asked for",
    hostile.bomb: "unpacks to more than 200 times its size.*offer the report without",
    hostile.web_page: "a web page came instead of the report.*open the URL from this machine",
    hostile.in_circles: "it redirects in a circle",
    hostile.busy: "answered 503; it is asked again at the next poll",
    hostile.too_many: "answered 429; it is asked again at the next poll",
    hostile.accepted: "answered 202, which is no report yet; it is asked again at the next poll",
    hostile.no_content: "answered 204, which is no report yet; it is asked again at the next poll",
}


@pytest.mark.parametrize("fault", TOLD, ids=hostile.name_of)
def test_fault_is_told_in_time_leaves_nothing_and_passes(report: Report, fault: Fault) -> None:
    first = report.poll()
    assert first is not None
    with first:
        state = first.state
    _Serving.body = OTHER
    report.wire.spoil("/bill.csv", fault)
    began = time.monotonic()
    with pytest.raises(SourceError) as told:
        report.poll(state)
    assert time.monotonic() - began < LONGEST_SECONDS
    assert re.search(TOLD[fault], str(told.value)), told.value
    assert list(report.folder.iterdir()) == []
    report.wire.spoil("/bill.csv", fault, times=0)
    assert bytes_of(report.poll(state)) == OTHER


@pytest.mark.parametrize(
    "fault",
    [hostile.cut_off, hostile.broken, hostile.damaged_gzip, hostile.refused, hostile.busy],
    ids=hostile.name_of,
)
def test_fault_that_passes_at_once_costs_no_poll(report: Report, fault: Fault) -> None:
    report.wire.spoil("/bill.csv", fault, times=1)
    assert bytes_of(report.poll()) == REPORT


def test_length_that_is_no_number_is_none(report: Report) -> None:
    report.wire.spoil("/bill.csv", hostile.no_length, times=1)
    assert bytes_of(report.poll()) == REPORT


def test_unpacked_report_of_any_usual_ratio_is_read(report: Report) -> None:
    report.wire.spoil("/bill.csv", hostile.packed, times=1)
    assert bytes_of(report.poll()) == REPORT


def test_pause_that_a_busy_server_asks_for_is_handed_on(report: Report) -> None:
    report.wire.spoil("/bill.csv", hostile.sent("503 Busy", Retry_After="900"))
    with pytest.raises(SourceError) as told:
        report.poll()
    assert told.value.retry_after_seconds == 900


@pytest.mark.parametrize(
    "time", ["Wed, 11 Dec 2024 10:00:00 -0000", "Mon, 01 Jan 0001 00:00:00 +2300", "yesterday"]
)
def test_time_of_any_spelling_is_an_instant(report: Report, time: str) -> None:
    report.wire.spoil("/bill.csv", hostile.sent("200 OK", REPORT, Last_Modified=time))
    reading = report.poll()
    assert reading is not None
    with reading:
        assert reading.generation.utcoffset() is not None

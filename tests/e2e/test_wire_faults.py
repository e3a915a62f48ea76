"""Faults between exporter, scraper and handler: told in time, nothing lost, nothing doubled."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support import hostile
from tests.support.faults import FULL, RecordFault, times
from tests.support.hostile import Fault
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess, local_get
from tests.support.reports import numbered, read_rows, sums, write_report
from tests.support.store import Store
from tests.support.waiting import until
from tests.support.wire import Wire

from costwire_scraper.outcome import Outcome

pytestmark = pytest.mark.faults
TABLE = "over_a_bad_wire"
PATIENT_SECONDS, IMPATIENT_SECONDS = 20.0, 0.7
LONGEST_SECONDS = 30.0
"""Five requests that are each given up after twice that, and the pauses between them."""


@dataclass
class Between:
    """A report that moves on, an exporter of it, a store, and a wire before each of the two."""

    report: Path
    exporter: Wire
    handler: Wire
    store: Store
    pipeline: Pipeline

    def move_on(self, *, entirely: bool) -> None:
        """The next state of the report, once the exporter serves it.

        Unless every charge changes, it travels as its changes.
        """
        earlier, rows = self._served(), read_rows(self.report)
        cost = f"1.{len(rows)}" if entirely else rows[0]["EffectiveCost"]
        rows = numbered(len(rows) + 1, EffectiveCost=cost)
        write_report(self.report, rows, at=self.report.stat().st_mtime + 60)
        until("the next state is served", lambda: self._served() != earlier)

    def _served(self) -> str:
        return str(local_get(f"{self.exporter.url}/delivery").json()["id"])

    def scrape(self, stall_seconds: float = PATIENT_SECONDS) -> Outcome:
        """One try to deliver."""
        quick: dict[str, Any] = {"block_bytes": 16_384, "patience_seconds": 0.0}
        return self.pipeline.scrape(
            url=self.exporter.url,
            handler_url=self.handler.url,
            stall_seconds=stall_seconds,
            **quick,
        )

    def arrived(self) -> tuple[int, dict[str, Decimal]]:
        """What readers are to see once the report has arrived."""
        rows = read_rows(self.report)
        return len(rows), sums(rows)["USD"]

    def committed(self) -> int:
        """How many deliveries readers have seen."""
        return [entry["state"] for entry in self.store.ledger(TABLE)].count("committed")


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Between]:
    folder = tmp_path_factory.mktemp("wires")
    report = write_report(folder / "bill.csv", numbered(200))
    exporter = ServiceProcess(
        "exporter",
        folder,
        source=report,
        table=TABLE,
        data_dir=folder / "exporter",
        polling_interval_seconds=0.1,
    )
    with (
        exporter.start().wait_until_ready(),
        Wire(exporter.url) as first,
        Wire(store.url) as second,
    ):
        one = Between(report, first, second, store, Pipeline(store, folder))
        assert one.scrape().error is None
        yield one


ARRIVES = "^$"
"""As a whole, at once."""
NO_HANDLER = "the answer is not a database handler's; is this its address, or does a proxy answer"
CUT = "the answer was cut off|the connection was (reset|closed)"
SILENT = (hostile.stalled, hostile.dripping, hostile.dripping_headers)
FAULTS: list[tuple[str, str, Fault, str]] = [
    ("exporter", "/delivery", hostile.web_page, "is this the address of a Costwire exporter"),
    ("exporter", "/delivery", hostile.no_content, "is this the address of a Costwire exporter"),
    ("exporter", "/delivery", hostile.bomb, "the answer is larger than"),
    ("exporter", "/delivery", hostile.dripping, "the answer comes too slowly"),
    ("exporter", "/delivery", hostile.in_circles, "it redirects in a circle"),
    ("exporter", "/delivery", hostile.in_unknown_encoding, "x-brotli was not asked for"),
    ("exporter", "/delivery", hostile.too_many, "429"),
    ("exporter", "/delivery", hostile.hidden, "whose /delivery was not found; does a proxy pass"),
    ("exporter", "/metrics", hostile.cut_off, CUT),
    ("exporter", "/metrics", hostile.broken, CUT),
    ("exporter", "/metrics", hostile.refused, CUT),
    ("exporter", "/metrics", hostile.stalled, "no answer in time|nothing came for"),
    ("exporter", "/metrics", hostile.dripping, "too slowly|nothing came for"),
    ("exporter", "/metrics", hostile.dripping_headers, "too slowly|nothing came for"),
    ("exporter", "/metrics", hostile.said_to_be_gzip, "damaged gzip data"),
    ("exporter", "/metrics", hostile.damaged_gzip, "damaged gzip data|what the manifest promises"),
    ("exporter", "/metrics", hostile.in_unknown_encoding, "'x-brotli' was not asked for"),
    ("exporter", "/metrics", hostile.bomb, "longer than the [0-9]+ bytes that the manifest"),
    ("exporter", "/metrics", hostile.web_page, "a web page came instead; does a proxy answer"),
    ("exporter", "/metrics", hostile.accepted, "it ended after 0 of"),
    ("exporter", "/metrics", hostile.busy, "503"),
    ("exporter", "/changes/added", hostile.cut_off, CUT),
    ("exporter", "/changes/added", hostile.stalled, "no answer in time|nothing came for"),
    ("exporter", "/changes/added", hostile.damaged_gzip, "|damaged gzip data"),
    ("exporter", "/changes/added", hostile.bomb, ARRIVES),
    ("exporter", "/changes/added", hostile.hidden, ARRIVES),
    ("exporter", "/changes/removed", hostile.web_page, "a web page came instead"),
    ("exporter", "/changes/removed", hostile.accepted, "it ended after 0 of"),
    ("exporter", "/changes/removed", hostile.busy, "503"),
    ("handler", "/deliveries", hostile.web_page, NO_HANDLER),
    ("handler", "/deliveries", hostile.moved, "it redirects elsewhere, and what was sent would be"),
    ("handler", "/deliveries", hostile.no_content, NO_HANDLER),
    ("handler", "/deliveries", hostile.answer_lost, CUT),
    ("handler", "/parts", hostile.web_page, NO_HANDLER),
    ("handler", "/parts", hostile.refused, CUT),
    ("handler", "/parts", hostile.answer_lost, CUT),
    ("handler", "/parts", hostile.too_many, "429"),
    ("handler", "/changes/added", hostile.web_page, NO_HANDLER),
    ("handler", "/changes/added", hostile.answer_lost, CUT),
    ("handler", "/commit", hostile.web_page, NO_HANDLER),
    ("handler", "/commit", hostile.refused, CUT),
    ("handler", "/commit", hostile.answer_lost, CUT),
    ("handler", "/commit", hostile.cut_off, CUT),
    ("handler", "/commit", hostile.busy, "503"),
]
CHOSEN = FAULTS if FULL else FAULTS[1::2]


@pytest.mark.parametrize(
    ("hop", "path", "fault", "told"),
    CHOSEN,
    ids=[f"{hop} {path} {hostile.name_of(fault)}" for hop, path, fault, _ in CHOSEN],
)
def test_fault_is_told_in_time_and_the_delivery_arrives_once(
    between: Between, record_fault: RecordFault, hop: str, path: str, fault: Fault, told: str
) -> None:
    wire: Wire = getattr(between, hop)
    tries = times(1, 20)
    lost = doubled = 0
    for _ in range(tries):
        between.move_on(entirely="/changes" not in path)
        before, committed = between.store.shown(TABLE), between.committed()
        wire.spoil(path, fault)
        began = time.monotonic()
        outcome = between.scrape(IMPATIENT_SECONDS if fault in SILENT else PATIENT_SECONDS)
        assert time.monotonic() - began < LONGEST_SECONDS
        assert re.search(told, outcome.error or ""), outcome
        assert between.store.shown(TABLE) in (before, between.arrived())
        wire.spoil(path, fault, times=0)
        assert between.scrape().error is None
        assert between.committed() == committed + 1
        seen, wanted = between.store.shown(TABLE), between.arrived()
        lost += max(0, wanted[0] - seen[0])
        doubled += max(0, seen[0] - wanted[0])
        assert seen == wanted
    record_fault(
        f"{hop} {path}: {hostile.name_of(fault)}",
        times=tries,
        outcome="told in time, arrives once it is over",
        lost=lost,
        doubled=doubled,
    )

"""The ceiling: each process stays below 512 MiB, however long a report is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.faults import RecordFault, RecordFigures, times
from tests.support.processes import CEILING_MIB, ServiceProcess
from tests.support.store import ADMIN, ON_CRATEDB, Store
from tests.support.waiting import until

from costwire_focus.estates import Estate, generate, write_csv
from costwire_runtime.client import HttpClient, iter_body

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(7_200),
    pytest.mark.skipif(ON_CRATEDB, reason="the memory of the embedded store"),
]
CHUNK = 100_000
LONGEST_SECONDS = 3_600
ROWS = times(sampled=CHUNK, full=100 * CHUNK)
TABLE = "many_charges"


def chunks() -> Iterator[bytes]:
    """CSV of a month, each time with other charges, the header each time."""
    for seed in range(ROWS // CHUNK):
        estate = Estate(seed=seed, rows=CHUNK, rows_per_file=CHUNK, clouds=("aws",))
        for one in generate(estate):
            text = io.BytesIO()
            write_csv(one.charges, text)
            yield text.getvalue()


def write_long_report(path: Path) -> tuple[int, Decimal]:
    """A report, its charges counted and added up by Python's `csv` and `decimal`."""
    count, billed = 0, Decimal(0)
    with path.open("wb") as file:
        for chunk in chunks():
            file.write(chunk.partition(b"\n")[2] if count else chunk)
            for row in csv.DictReader(io.StringIO(chunk.decode(), newline="")):
                count += 1
                billed += Decimal(row["BilledCost"])
    return count, billed


def is_committed(store: Store) -> bool:
    """Whether readers see the delivery; fails the test when they never will."""
    states = {entry["state"] for entry in store.ledger(TABLE)}
    assert states <= {"receiving", "open", "committed"}, states
    return "committed" in states


def lines_exported(store: Store) -> int:
    """How many charges an export of the whole table holds; it is written before it is sent."""
    patient = HttpClient(
        store.url,
        auth=(ADMIN, store.password),
        timeout=(5.0, LONGEST_SECONDS),
        deadline_seconds=LONGEST_SECONDS,
        retries=0,
    )
    with patient as http:
        answer = http.get("/export", params={"table": TABLE, "format": "csv"}, stream=True)
        return sum(piece.count(b"\n") for piece in iter_body(answer)) - 1


def test_every_process_stays_below_the_ceiling(
    tmp_path: Path, record_fault: RecordFault, record_figures: RecordFigures
) -> None:
    count, billed = write_long_report(tmp_path / "bill.csv")
    handler = ServiceProcess("db-handler", tmp_path, data_dir=tmp_path / "data")
    exporter = ServiceProcess(
        "exporter",
        tmp_path,
        source=tmp_path / "bill.csv",
        table=TABLE,
        data_dir=tmp_path / "shelf",
    )
    with handler.start().wait_until_ready(), exporter.start():
        store = Store(handler.url, tmp_path / "data")
        until("the report is published", exporter.is_ready, LONGEST_SECONDS)
        scraper = ServiceProcess(
            "scraper",
            tmp_path,
            exporter_url=exporter.url,
            handler_url=handler.url,
            handler_user=ADMIN,
            handler_password=store.password,
        )
        with scraper.start():
            until("the delivery is committed", lambda: is_committed(store), LONGEST_SECONDS)
            delivered = [(one.name, one.peak_mib()) for one in (exporter, scraper, handler)]
        shown, sums = store.shown(TABLE)
        assert sums["BilledCost"] == billed
        with ThreadPoolExecutor(2) as readers:
            exports = [readers.submit(lines_exported, store) for _ in range(2)]
            assert [export.result(LONGEST_SECONDS) for export in exports] == [count, count]
        read = handler.peak_mib()
    record_figures(
        "memory",
        [f"{count} charges, {(tmp_path / 'bill.csv').stat().st_size >> 20} MiB of CSV"]
        + [f"{name}: {mib} MiB at most" for name, mib in delivered]
        + [f"db-handler, two exports of all at once: {read} MiB at most"],
    )
    assert all(mib < CEILING_MIB for _, mib in [*delivered, ("exports", read)])
    record_fault(
        f"{count} charges in 512 MiB",
        times=1,
        outcome="each process stays below",
        lost=max(0, count - shown),
        doubled=max(0, shown - count),
    )

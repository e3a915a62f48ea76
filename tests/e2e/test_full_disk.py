"""A disk that is full, a folder that is read-only, no file left to open: told, and gone on from."""

from __future__ import annotations

import random
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.faults import RecordFault
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess, local_get
from tests.support.relay import Relay
from tests.support.reports import LONG_AGO, numbered, read_rows, sums, write_report
from tests.support.small_disk import small_disk
from tests.support.store import ADMIN, ON_CRATEDB, Store
from tests.support.waiting import until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(ON_CRATEDB, reason="the disk of the embedded store"),
]
TABLE = "on_a_small_disk"
SMALL, LARGE = 12, 400
"""Mebibytes: too little for the second report, and enough for all."""
STANDARD_FILES = 3


def wide(count: int) -> list[dict[str, str]]:
    """Charges that no compression makes small."""
    dice = random.Random(5)  # noqa: S311 -- test data
    letters = "abcdefghijklmnop0123456789"
    rows = numbered(count)
    for row in rows:
        row["ChargeDescription"] = "".join(dice.choices(letters, k=300))
    return rows


@contextmanager
def handler_on(folder: Path) -> Iterator[tuple[ServiceProcess, Store]]:
    data = folder / "data"
    data.mkdir()
    process = ServiceProcess("db-handler", folder.parent, data_dir=data)
    with process.start().wait_until_ready():
        yield process, Store(process.url, data)


def test_full_disk_of_the_handler_keeps_what_was_there_and_takes_the_rest_later(
    tmp_path: Path, record_fault: RecordFault
) -> None:
    with small_disk(tmp_path / "disk", SMALL) as disk, handler_on(disk.folder) as (_, store):
        pipeline = Pipeline(store, tmp_path)
        report = write_report(tmp_path / "bill.csv", wide(200))
        assert pipeline.deliver(report, TABLE).error is None
        before = store.shown(TABLE)
        write_report(report, wide(25_000), at=LONG_AGO + 60)
        with pipeline.exporter(report, table=TABLE) as exporter:
            refused = pipeline.scrape(exporter, patience_seconds=0)
            assert refused.transient
            assert re.search("disk( of the data folder)? is full", refused.error or "")
            assert store.shown(TABLE) == before
            disk.resize(LARGE)
            assert pipeline.scrape(exporter, patience_seconds=60).error is None
        rows = read_rows(report)
        assert store.shown(TABLE) == (len(rows), sums(rows)["USD"])
        assert [entry["state"] for entry in store.ledger(TABLE)].count("committed") == 2
        lost = len(rows) - store.shown(TABLE)[0]
    record_fault(
        "disk full, handler",
        times=1,
        outcome="503 and why; readers see the state before; arrives once there is room",
        lost=max(0, lost),
        doubled=max(0, -lost),
    )


def test_full_disk_of_the_exporter_keeps_what_is_served(
    tmp_path: Path, record_fault: RecordFault
) -> None:
    report = write_report(tmp_path / "bill.csv", wide(200))
    with small_disk(tmp_path / "disk", 2) as disk:
        exporter = ServiceProcess(
            "exporter",
            tmp_path,
            source=report,
            data_dir=disk.folder / "data",
            polling_interval_seconds=0.2,
        )
        with exporter.start().wait_until_ready():
            served = local_get(f"{exporter.url}/metrics").content
            write_report(report, wide(25_000), at=LONG_AGO + 60)
            until("the full disk is told", lambda: "No space left" in failure(exporter))
            assert local_get(f"{exporter.url}/metrics").content == served
            disk.resize(LARGE)
            until("the report is published", lambda: samples(exporter) == 25_000)
    record_fault(
        "disk full, exporter",
        times=1,
        outcome="told in /delivery; the delivery before is served on",
        lost=0,
        doubled=0,
    )


def failure(exporter: ServiceProcess) -> str:
    """Why the last look at the source ended without data."""
    told = local_get(f"{exporter.url}/delivery").json()["exporter"]["lastFailure"]
    return str(told["reason"]) if told else ""


def samples(exporter: ServiceProcess) -> int:
    """Of the delivery that is served."""
    return int(local_get(f"{exporter.url}/delivery").json()["exposition"]["samples"])


@pytest.mark.parametrize("name", ["db-handler", "exporter"])
def test_service_says_at_its_start_that_its_folder_is_read_only(
    tmp_path: Path, record_fault: RecordFault, name: str
) -> None:
    with small_disk(tmp_path / "disk", SMALL) as disk:
        disk.protect()
        settings = {"source": write_report(tmp_path / "bill.csv", numbered(2))}
        service = ServiceProcess(
            name,
            tmp_path,
            data_dir=disk.folder / "data",
            **(settings if name == "exporter" else {}),
        )
        with service.start():
            assert service.wait() == 1
        said = service.log.read_text()
    assert re.search("Read-only file system; choose (a|another) folder", said), said
    assert "Traceback" not in said
    record_fault(
        f"folder read-only, {name}", times=1, outcome="told at its start", lost=0, doubled=0
    )


@contextmanager
def no_file_left(service: ServiceProcess) -> Iterator[None]:
    """The process keeps the files that it has open, and can open none."""
    assert service.process is not None
    pid = service.process.pid
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (STANDARD_FILES, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)


def test_handler_without_a_file_to_open_recovers(tmp_path: Path, record_fault: RecordFault) -> None:
    (tmp_path / "own").mkdir()
    with handler_on(tmp_path / "own") as (process, store):
        pipeline = Pipeline(store, tmp_path)
        report = write_report(tmp_path / "bill.csv", numbered(20))
        assert pipeline.deliver(report, TABLE).error is None
        write_report(report, numbered(22), at=LONG_AGO + 60)
        with pipeline.exporter(report, table=TABLE) as exporter:
            with no_file_left(process):
                assert pipeline.scrape(exporter, patience_seconds=0, stall_seconds=1.0).transient
                assert process.is_running()
            assert pipeline.scrape(exporter, patience_seconds=60).error is None
        assert store.shown(TABLE)[0] == 22
    record_fault("no file left to open, handler", times=1, outcome="told", lost=0, doubled=0)


@pytest.mark.parametrize("name", ["exporter", "scraper"])
def test_service_without_a_file_to_open_recovers(
    tmp_path: Path, store: Store, record_fault: RecordFault, name: str
) -> None:
    table = f"no_file_left_{name}"
    report = write_report(tmp_path / "bill.csv", numbered(20))
    exporter = ServiceProcess(
        "exporter",
        tmp_path,
        source=report,
        table=table,
        data_dir=tmp_path / "shelf",
        polling_interval_seconds=0.2,
    )
    with exporter.start().wait_until_ready(), Relay(exporter.url) as relay:
        scraper = ServiceProcess(
            "scraper",
            tmp_path,
            exporter_url=relay.url,
            handler_url=store.url,
            handler_user=ADMIN,
            handler_password=store.password,
            polling_interval_seconds=0.2,
            spool_dir=tmp_path,
        )
        with scraper.start():
            until("the first state arrives", lambda: rows_shown(store, table) == 20)
            service = exporter if name == "exporter" else scraper
            relay.cut()  # what is open would be enough
            with no_file_left(service):
                write_report(report, numbered(22), at=LONG_AGO + 60)
                relay.mend()
                until(
                    "the lack is told", lambda: "oo many open files" in service.log.read_text(), 60
                )
                assert service.is_running()
            until("the next state arrives", lambda: rows_shown(store, table) == 22)
    record_fault(f"no file left to open, {name}", times=1, outcome="told", lost=0, doubled=0)


def rows_shown(store: Store, table: str) -> int:
    """How many charges readers see, 0 before there is a table."""
    return store.shown(table)[0] if table in store.tables() else 0

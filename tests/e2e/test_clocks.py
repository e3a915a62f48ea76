"""The clock of a service jumps by a day, while bills move on: what comes later stays the newer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests
from tests.support.faults import RecordFault, lost_and_doubled, times
from tests.support.fleet import HANDLER, Fleet
from tests.support.needs import faketime
from tests.support.reports import LONG_AGO, numbered, write_report
from tests.support.store import Entry
from tests.support.waiting import until

TABLE = "clocks"
CHARGES = 300
SERVICES = (HANDLER, "exporter one", "scraper one")
OFFSETS = {"+1d": timedelta(days=1), "-1d": timedelta(days=-1), "+0": timedelta()}
"""A day forwards, two backwards, and back."""
JSON = {"Content-Type": "application/json"}


class Clocks:
    """Of each process, in a file that tells how far it goes wrong."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._files = {name: folder / name.replace(" ", "-") for name in SERVICES}
        library = str(faketime())
        self.environment = {
            name: {
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(file),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
            for name, file in self._files.items()
        }
        for name in SERVICES:
            self.set(name, "+0")

    def set(self, name: str, offset: str) -> None:
        """Let a clock jump, in one step."""
        file = self._files[name]
        draft = file.with_suffix(".draft")
        draft.write_text(f"{offset}\n")
        draft.replace(file)


def jump(fleet: Fleet, clocks: Clocks, name: str, offset: str) -> None:
    """Let the clock of a process jump; it has when its answers are dated so."""
    clocks.set(name, offset)

    def is_dated() -> bool:
        date = requests.get(f"{fleet.processes[name].url}/-/healthy", timeout=10).headers["Date"]
        off = parsedate_to_datetime(date) - datetime.now(UTC) - OFFSETS[offset]
        return abs(off) < timedelta(hours=1)

    until(f"the clock of the {name} is off by {offset}", is_dated)


class Bills:
    """One source that moves on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.states: list[tuple[float, list[dict[str, str]]]] = []
        self.deliveries = 0
        self.move_on()

    def move_on(self) -> float:
        """A new state; gives its generation."""
        at = LONG_AGO + 60 * len(self.states)
        rows = numbered(CHARGES)
        for row in rows[:20]:
            row["BilledCost"] = f"{len(self.states)}.5"
        self.states.append((at, rows))
        return self._write(-1)

    def go_back(self) -> float:
        """The file of the state before, with the time that it had."""
        self.states.append(self.states[-2])
        return self._write(-1)

    def _write(self, number: int) -> float:
        at, rows = self.states[number]
        write_report(self.path, rows, at=at)
        self.deliveries += 1
        return at


@pytest.fixture
def clocks(tmp_path: Path) -> Clocks:
    return Clocks(tmp_path / "clocks")


@pytest.fixture
def bills(tmp_path: Path) -> Bills:
    return Bills(tmp_path / "one.csv")


@pytest.fixture
def fleet(tmp_path: Path, clocks: Clocks, bills: Bills) -> Iterator[Fleet]:
    running = Fleet(
        tmp_path,
        {"one": bills.path},
        table=TABLE,
        environment=clocks.environment,
        handler={"upload_quiet_seconds": 0.5},
    )
    yield running
    running.stop()


def shown(fleet: Fleet) -> Counter[tuple[str, Decimal]]:
    """What readers see."""
    return Counter(
        (name, Decimal(cost))
        for name, cost in fleet.store.sql(f"SELECT ResourceId, BilledCost FROM {TABLE}")  # noqa: S608
    )


def wanted(bills: Bills) -> Counter[tuple[str, Decimal]]:
    """What they must see."""
    return Counter((row["ResourceId"], Decimal(row["BilledCost"])) for row in bills.states[-1][1])


def settled(fleet: Fleet) -> list[Entry]:
    """The deliveries that readers were shown, in order."""
    return [entry for entry in fleet.store.ledger(TABLE) if entry["state"] == "committed"]


def uploaded(fleet: Fleet) -> list[Decimal]:
    """What readers see of them."""
    if "uploaded" not in fleet.store.tables():
        return []
    return [Decimal(cost) for (cost,) in fleet.store.sql("SELECT BilledCost FROM uploaded")]


def check_upload(fleet: Fleet, cost: int) -> None:
    """A record of the original scraper that tells no time is what readers see soon."""
    labels = {**numbered(1)[0], "BilledCost": str(cost)}
    record = {"labels": labels, "value": float(cost), "timestamp": 0}
    fleet.store.http.post(
        "/upload",
        params={"table": "uploaded", "type": "cost"},
        data=json.dumps([record]),
        headers=JSON,
    )
    until("it was uploaded", lambda: uploaded(fleet) == [cost], 60)


@pytest.mark.faults
@pytest.mark.timeout(1_800)
def test_later_state_stays_the_newer_one_whatever_a_clock_says(
    fleet: Fleet, clocks: Clocks, bills: Bills, record_fault: RecordFault
) -> None:
    until("the first state is there", lambda: len(settled(fleet)) == 1, 60)
    lost = doubled = cost = 0
    rounds = times(1, 5)
    for name in SERVICES * rounds:
        for offset in OFFSETS:
            jump(fleet, clocks, name, offset)
            for act in (bills.move_on, bills.go_back):
                act()
                until(f"{name} {offset}", lambda: len(settled(fleet)) == bills.deliveries, 60)
                missing, more = lost_and_doubled(wanted(bills), shown(fleet))
                lost, doubled = lost + missing, doubled + more
            if name == HANDLER:
                cost += 1
                check_upload(fleet, cost)
    check_ledger(fleet)
    for name in SERVICES:
        record_fault(
            f"the clock of the {name.split()[0]} jumps a day forwards, two backwards, and back",
            times=3 * rounds,
            outcome="later states stay the newer ones, times of the ledger never go back",
            lost=lost,
            doubled=doubled,
        )


def check_ledger(fleet: Fleet) -> None:
    """Entries add up, and their times are in the order of the commits."""
    for table in (TABLE, "uploaded"):
        entries = fleet.store.ledger(table)
        assert all(entry["balanced"] for entry in entries if entry["state"] != "aborted")
        assert {entry["state"] for entry in entries} <= {"committed", "unchanged", "aborted"}
        made = [entry["times"]["committed"] for entry in entries if entry["state"] == "committed"]
        assert made == sorted(made)

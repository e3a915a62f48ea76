"""Two scrapers of one exporter, and two exporters of one source: nothing is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.faults import RecordFault, lost_and_doubled, times
from tests.support.fleet import Fleet
from tests.support.reports import LONG_AGO, numbered, write_report
from tests.support.waiting import until

CHARGES = 400
Row = dict[str, str]


def state(number: int) -> list[Row]:
    """Charges of which each state corrects a few."""
    rows = numbered(CHARGES)
    for row in rows[:30]:
        row["BilledCost"] = f"{number}.25"
    return rows


def check(fleet: Fleet, rows: list[Row]) -> tuple[int, int]:
    """Rows lost and doubled of what readers must see."""
    return lost_and_doubled(
        Counter((row["ResourceId"], Decimal(row["BilledCost"])) for row in rows),
        Counter(
            (name, Decimal(cost))
            for name, cost in fleet.store.sql(f"SELECT ResourceId, BilledCost FROM {fleet.table}")  # noqa: S608
        ),
    )


def states_of(fleet: Fleet) -> Counter[tuple[str, str]]:
    """(generation, state) of the ledger's entries, and how often each is there."""
    return Counter((each["generation"], each["state"]) for each in fleet.store.ledger(fleet.table))


def has_settled(fleet: Fleet, count: int, *, of_each: int) -> Callable[[], bool]:
    """Whether so many states came, each so often, and none is open."""

    def look() -> bool:
        found = states_of(fleet)
        came = Counter(generation for generation, _ in found.elements())
        is_open = any(told == "open" for _, told in found)
        return len(came) == count and not is_open and min(came.values()) >= of_each

    return look


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_two_scrapers_of_one_exporter_deliver_each_state_once(
    tmp_path: Path, record_fault: RecordFault
) -> None:
    path, count = write_report(tmp_path / "bill.csv", state(0)), times(3, 50)
    fleet = Fleet(tmp_path, {"one": path}, table="scraped_twice", scrapers=2)
    try:
        for number in range(count):
            write_report(path, state(number), at=LONG_AGO + 60 * number)
            until(f"state {number}", has_settled(fleet, number + 1, of_each=1), 60)
        fleet.wait_until_ready()
        found = states_of(fleet)
        assert {told for _, told in found} <= {"committed", "unchanged", "aborted"}
        committed = [each for each in found.elements() if each[1] == "committed"]
        assert len(committed) == count
        lost, doubled = check(fleet, state(count - 1))
    finally:
        fleet.stop()
    record_fault(
        "two scrapers of one exporter",
        times=count,
        outcome="each state committed once; the other scraper finds it there",
        lost=lost,
        doubled=doubled,
    )


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("named", [True, False], ids=["one name", "two names"])
def test_two_exporters_of_one_source_double_nothing(
    tmp_path: Path, record_fault: RecordFault, named: bool
) -> None:
    count = times(2, 25)
    paths = {name: write_report(tmp_path / name / "bill.csv", state(0)) for name in ("a", "b")}
    told: dict[str, Any] = {"source_name": "the bill"} if named else {}
    table = "exported_twice" if named else "exported_by_two_names"
    fleet = Fleet(tmp_path / "fleet", paths, table=table, exporter=told)
    expected = {"committed", "unchanged"} if named else {"committed", "held", "superseded"}
    try:
        for number in range(count):
            for path in paths.values():
                write_report(path, state(number), at=LONG_AGO + 60 * number)
            # Of one name, the two may well go on with one delivery.
            each = 1 if named else 2
            until(f"state {number}", has_settled(fleet, number + 1, of_each=each), 90)
            fleet.wait_until_ready()
            lost, doubled = check(fleet, state(number))
            assert (lost, doubled) == (0, 0), number
        found = {told for _, told in states_of(fleet)}
        assert found <= expected | {"aborted"}
        assert "committed" in found
    finally:
        fleet.stop()
    record_fault(
        f"two exporters of one source, of {'one name' if named else 'two names'}",
        times=count,
        outcome="the second finds each state there"
        if named
        else "the second is held until someone decides, readers see the first",
        lost=lost,
        doubled=doubled,
    )

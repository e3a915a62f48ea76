"""The whole pipeline in one process, without a socket: a report in, totals and ledger out."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.in_process import Pipeline, pipeline
from tests.support.reports import LONG_AGO, charges, stored_sums, sums, write_report

NULL_COST = {"BilledCost": "", "ResourceId": "disk-null"}
CUSTOM = {"x_CostCenter": "cc-7", "Tags": '{"team": "alpha", "odd \\"key\\"": ""}'}
REPORT = charges({}, {}, {"BilledCost": "-0.25", "RegionId": ""}, NULL_COST, CUSTOM)
UNREADABLE = charges({"BilledCost": "1,5", "EffectiveCost": "9"})


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(tmp_path) as joined:
        yield joined


def test_charges_arrive_once_and_exactly_with_null_as_null(
    services: Pipeline, tmp_path: Path
) -> None:
    outcome = services.deliver(write_report(tmp_path / "bill.csv", REPORT))
    assert (outcome.exit_status, outcome.error) == (0, None)
    assert services.store.shown("charges") == (5, sums(REPORT)["USD"])
    rows = services.store.sql(
        "SELECT ResourceId, BilledCost, RegionId, x_CostCenter, tags['team'], TagsJson "
        "FROM charges ORDER BY ResourceId, BilledCost, x_CostCenter"
    )
    assert rows == [
        ["disk-1", Decimal("-0.25"), None, None, None, None],
        ["disk-1", Decimal("1.5"), "eu-1", "cc-7", "alpha", CUSTOM["Tags"]],
        ["disk-1", Decimal("1.5"), "eu-1", None, None, None],
        ["disk-1", Decimal("1.5"), "eu-1", None, None, None],
        ["disk-null", None, "eu-1", None, None, None],
    ]


def test_ledger_balances_with_a_quarantined_row_and_keeps_its_bytes(
    services: Pipeline, tmp_path: Path
) -> None:
    path = write_report(tmp_path / "bill.csv", [*REPORT, *UNREADABLE])
    outcome = services.deliver(path)
    assert outcome.exit_status == 3
    (entry,) = services.store.ledger("charges")
    assert entry["rows"] | {"read": 6, "stored": 5, "quarantined": 1, "added": 5} == entry["rows"]
    assert entry["balanced"]
    assert stored_sums(entry) == sums(REPORT)
    assert entry["sums"]["USD"]["EffectiveCost"]["quarantined"] == "9"
    (row,) = services.store.quarantine(entry["commit"])
    assert (row["line"], row["column"]) == (7, "BilledCost")
    assert base64.b64decode(row["raw"]).rstrip() == path.read_bytes().splitlines()[6]


def test_second_delivery_writes_what_changed_and_nothing_else(
    services: Pipeline, tmp_path: Path
) -> None:
    path = tmp_path / "bill.csv"
    before = charges(*({"ResourceId": f"disk-{number}"} for number in range(30)))
    services.deliver(write_report(path, before))
    corrected = {**before[0], "BilledCost": "1.75"}
    after = [corrected, *before[2:], *charges({"ResourceId": "disk-new"})]
    services.deliver(write_report(path, after, at=LONG_AGO + 60))
    entry = services.store.ledger("charges")[-1]
    counted = {"added": 2, "removed": 2, "corrected": 1, "unchanged": 28}
    assert entry["rows"] | counted == entry["rows"]
    assert entry["balanced"]
    assert services.store.shown("charges") == (30, sums(after)["USD"])
    services.deliver(write_report(path, after[::-1], at=LONG_AGO + 120))
    assert services.store.ledger("charges")[-1]["state"] == "unchanged"
    assert services.store.sql("SELECT sum(BilledCost) FROM charges") == [[Decimal("45.25")]]
    assert sums(after)["USD"]["BilledCost"] == Decimal("45.25")

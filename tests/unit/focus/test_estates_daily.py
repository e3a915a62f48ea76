"""A month day by day: each delivery differs from the one before as its truth says, and no more."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import canonical_text
from costwire_focus.columns import ValueType, value_type
from costwire_focus.estates import CHANGE_KINDS, Estate, Report, daily, daily_files, generate

Row = dict[str, str]
Cells = tuple[tuple[str, str], ...]


def report_of(cloud: str = "aws", rows: int = 1_500, version: str = "1.2") -> Report:
    return next(generate(Estate(seed=4, rows=rows, clouds=(cloud,), focus_version=version)))


def rows_of(report: Report) -> list[Row]:
    text = b"".join(report.chunks()).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def cells(row: Row) -> Cells:
    return tuple(row.items())


def dimensions(row: Row) -> Cells:
    return tuple(item for item in row.items() if value_type(item[0]) is not ValueType.AMOUNT)


def total(rows: Sequence[Row], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def found(before: Sequence[Row], after: Sequence[Row]) -> tuple[dict[str, int], dict[str, Decimal]]:
    """How many charges changed in each way, and by how much the billed cost did."""
    old, new = Counter(map(cells, before)), Counter(map(cells, after))
    gone = [dict(row) for row in (old - new).elements()]
    came = [dict(row) for row in (new - old).elements()]
    newest = max((row["ChargePeriodStart"] for row in before), default="")
    counts = dict.fromkeys(CHANGE_KINDS, 0) | {"unchanged": sum((old & new).values())}
    costs = dict.fromkeys(CHANGE_KINDS, Decimal(0))
    keys = ("ResourceId", "SkuPriceId", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory")
    for row in came:
        same = [r for r in gone if dimensions(r) == dimensions(row)]
        moved = [r for r in gone if all(r[name] == row[name] for name in (*keys, *COST_COLUMNS))]
        late = row["ChargePeriodEnd"] <= newest
        kind = "corrected" if same else "redimensioned" if moved else "late" if late else "new"
        counts[kind] += 1
        costs[kind] += Decimal(row["BilledCost"])
        for other in (same or moved)[:1]:
            gone.remove(other)
            costs[kind] -= Decimal(other["BilledCost"])
    counts["withdrawn"] = len(gone)
    costs["withdrawn"] = -total(gone, "BilledCost")
    return counts, costs


@pytest.mark.parametrize("whole", [False, True], ids=["month to date", "whole"])
@pytest.mark.parametrize("cloud", ["aws", "azure", "saas"])
def test_each_delivery_differs_from_the_one_before_as_told(cloud: str, whole: bool) -> None:
    rows: list[Row] = []
    for report in daily(report_of(cloud), 1, 12, whole=whole):
        before, rows = rows, rows_of(report)
        told = report.truth["delivery"]
        counts, costs = found(before, rows)
        assert counts == {name: told[name] for name in counts}
        assert {kind: canonical_text(cost) for kind, cost in costs.items()} == {
            kind: told["differences"][kind]["BilledCost"] for kind in CHANGE_KINDS
        }
        assert report.truth["rows"] == report.charges.num_rows == len(rows)
        for name in COST_COLUMNS:
            assert report.truth["sums"]["USD"][name] == canonical_text(total(rows, name))


def test_a_month_has_every_kind_of_change_in_about_its_share() -> None:
    steps = [report.truth["delivery"] for report in daily(report_of(rows=6_000), 1)]
    for before, after in pairwise(steps):
        delivered = sum(after[kind] for kind in ("corrected", "redimensioned", "withdrawn"))
        delivered += after["unchanged"]
        assert after["corrected"] == -(-delivered // 100)
        assert after["withdrawn"] == -(-delivered // 1_000)
        assert after["redimensioned"] == -(-delivered // 500)
        assert before["day"] + 1 == after["day"]
    came = sum(step["new"] + step["late"] for step in steps)
    assert came == 6_000
    assert 60 < sum(step["late"] for step in steps) < 150


def test_a_charge_is_delivered_from_its_day_on_or_some_days_late() -> None:
    seen: set[str] = set()
    waited: Counter[int] = Counter()
    for day, report in enumerate(daily(report_of(), 1), 1):
        for row in rows_of(report):
            own = int(row["ChargePeriodStart"][8:10])
            if not row["ChargePeriodStart"].startswith("2024-09"):
                own = 1
            assert own <= day
            key = f"{row['ResourceId']} {row['SkuPriceId']} {row['ChargePeriodStart']}"
            if row["ChargeCategory"] == "Usage" and key not in seen:
                waited[day - own] += 1
            seen.add(key)
    assert set(waited) == {0, 2, 3, 4, 5}


def test_days_after_the_month_bring_what_is_late_and_then_only_restate_it() -> None:
    *_, last, more = (report.truth for report in daily(report_of(), 1, 36))
    assert more["delivery"]["new"] == more["delivery"]["late"] == 0
    assert more["rows"] == last["rows"] - more["delivery"]["withdrawn"]


def test_fewer_days_than_the_month_has_leave_the_rest_out() -> None:
    *_, last = daily(report_of(), 1, 7)
    days = {row["ChargePeriodStart"] for row in rows_of(last)}
    assert max(days) < "2024-09-08"


def test_the_whole_month_is_there_from_the_first_day_on() -> None:
    report = report_of()
    first, second, *_ = daily(report, 1, 5, whole=True)
    assert rows_of(first) == rows_of(report)
    told = second.truth["delivery"]
    changed = told["corrected"] + told["redimensioned"] + told["withdrawn"]
    assert (told["new"], told["late"]) == (0, 0)
    assert (changed, told["corrected"]) == (16, 11)


def test_products_stay_exact() -> None:
    *_, last = daily(report_of(), 1)
    for row in rows_of(last):
        if row["PricingQuantity"]:
            product = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
            assert product == Decimal(row["ListCost"])


def test_the_same_seed_makes_the_same_month() -> None:
    once, again, other = (
        [b"".join(each.chunks()) for each in daily(report_of(), seed, 6)] for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_a_report_without_charges_is_delivered_as_often() -> None:
    empty = report_of(rows=0)
    assert [report.truth["rows"] for report in daily(empty, 1, 3)] == [0, 0, 0]


def test_files_have_a_folder_for_each_day_and_rising_times() -> None:
    estate = Estate(seed=4, rows=300, clouds=("aws", "gcp"))
    made = [(file.name, b"".join(file.chunks), file.written) for file in daily_files(estate, 3)]
    *reports, (last, text, at) = made
    assert [name for name, _, _ in reports] == [
        f"day-{day:02d}/{cloud}/2024-09.csv" for cloud in ("aws", "gcp") for day in (1, 2, 3)
    ]
    times = [written for name, _, written in reports if "/aws/" in name]
    assert [time.isoformat() for time in times if time] == [
        f"2024-09-{day:02d}T06:00:00+00:00" for day in (2, 3, 4)
    ]
    truth = json.loads(text)
    assert (last, at) == ("truth.json", None)
    assert [report["file"] for report in truth["reports"]] == [name for name, _, _ in reports]
    assert truth["reports"][1]["delivery"]["day"] == 2


def test_what_cannot_be_delivered_daily_is_refused() -> None:
    broken = next(generate(Estate(rows=500, clouds=("aws",), defects=("bad-amount",))))
    with pytest.raises(ValueError, match="planted defects"):
        next(daily(broken, 1))
    with pytest.raises(ValueError, match="0 days are none"):
        next(daily(replace(report_of(), name="a.csv"), 1, 0))

"""Re-deliveries: exactly the changes that the truth names, and money that stays exact."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal

import pytest

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import canonical_text
from costwire_focus.estates import Estate, Report, generate, redeliver

Row = tuple[str, ...]


def report_of(version: str = "1.3", cloud: str = "azure") -> Report:
    return next(generate(Estate(rows=2_000, clouds=(cloud,), focus_version=version)))


def rows_of(report: Report) -> list[Row]:
    text = b"".join(report.chunks()).decode()
    return [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:]


@pytest.mark.parametrize("cloud", ["aws", "azure", "saas"])
@pytest.mark.parametrize("version", ["1.0", "1.4"])
def test_exactly_the_named_changes_are_made(version: str, cloud: str) -> None:
    before = report_of(version, cloud)
    after = redeliver(before, 5, corrected=11, withdrawn=7, new=3)
    old, new = Counter(rows_of(before)), Counter(rows_of(after))
    told = after.truth["redelivery"]
    assert sum((new - old).values()) == told["added"] == 14
    assert sum((old - new).values()) == told["removed"] == 18
    assert sum((old & new).values()) == told["unchanged"] == 2_000 - 18
    assert told["corrected"] == 11
    assert after.charges.num_rows == after.truth["rows"] == 2_000 - 7 + 3


def test_the_truth_points_at_the_changed_rows() -> None:
    before = report_of()
    after = redeliver(before, 5, corrected=11, withdrawn=7, new=3)
    old, new, told = rows_of(before), rows_of(after), after.truth["redelivery"]
    corrected = told["correctedRows"]
    names = before.charges.column_names
    amounts = {"PricingQuantity", "ConsumedQuantity", *COST_COLUMNS}
    for was, now in zip(corrected["before"], corrected["after"], strict=True):
        cells = zip(names, old[was - 1], new[now - 1], strict=True)
        changed = {name for name, earlier, later in cells if earlier != later}
        assert "BilledCost" in changed
        assert changed - {"PricingCurrencyEffectiveCost"} <= amounts
    gone = set(told["withdrawnRows"])
    kept = [row for number, row in enumerate(old, 1) if number not in gone]
    assert len(kept) == 1_993
    unchanged = [number for number in range(1_993) if number + 1 not in corrected["after"]]
    assert all(kept[number] == new[number] for number in unchanged)
    assert told["newRows"] == [1_994, 1_995, 1_996]


def test_sums_and_products_stay_exact() -> None:
    after = redeliver(report_of(), 9, corrected=40, withdrawn=30, new=20)
    rows = [dict(zip(after.charges.column_names, row, strict=True)) for row in rows_of(after)]
    for name in COST_COLUMNS:
        total = sum((Decimal(row[name]) for row in rows), Decimal(0))
        assert after.truth["sums"]["USD"][name] == canonical_text(total)
    for row in rows:
        if row["PricingQuantity"]:
            product = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
            assert product == Decimal(row["ListCost"])


def test_new_charges_belong_to_resources_of_their_own() -> None:
    before = report_of()
    after = redeliver(redeliver(before, 1, new=4), 2, new=4)
    resources = after.charges.column("ResourceId").to_pylist()[-8:]
    assert len(set(resources)) == 8
    assert not set(resources) & set(before.charges.column("ResourceId").to_pylist())


def test_the_same_seed_makes_the_same_changes() -> None:
    before = report_of()
    once, again = (redeliver(before, 3, corrected=5, withdrawn=5) for _ in range(2))
    assert rows_of(once) == rows_of(again)
    assert rows_of(once) != rows_of(redeliver(before, 4, corrected=5, withdrawn=5))


def test_nothing_asked_changes_nothing() -> None:
    before = report_of()
    after = redeliver(before, 1)
    assert rows_of(after) == rows_of(before)
    assert after.truth["sums"] == before.truth["sums"]


def test_more_changes_than_charges_are_refused() -> None:
    with pytest.raises(ValueError, match="5000 charges are to change"):
        redeliver(report_of(), 1, withdrawn=5_000)


def test_a_report_with_defects_is_refused() -> None:
    (report,) = generate(Estate(rows=500, clouds=("aws",), defects=("bad-amount",)))
    with pytest.raises(ValueError, match="planted defects"):
        redeliver(report, 1, new=1)

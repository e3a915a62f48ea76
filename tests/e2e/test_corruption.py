"""Thirty kinds of broken rows in one of a hundred: each is found where it is, the rest balances."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.faults import FULL, RecordFault, lost_and_doubled
from tests.support.in_process import Pipeline
from tests.support.reports import COSTS, EXACT
from tests.support.store import Store

from costwire_focus.estates import DEFECTS, Estate, generate

pytestmark = pytest.mark.faults
ROWS = 100_000 if FULL else 6_000
OF_EACH = ROWS // 100 // len(DEFECTS)
TABLE = "corrupted"

QUARANTINED = {
    "bad-amount": ("CW-AmountUnreadable", "'twelve' is not a number"),
    "currency-sign": ("CW-AmountUnreadable", "'$1.50' has a currency beside"),
    "thousands-separator": (
        "CW-AmountUnreadable",
        "'1,234.50' has a comma or a blank among its digits",
    ),
    "decimal-comma": ("CW-AmountUnreadable", "'12,5' has a decimal comma"),
    "not-a-number": ("CW-AmountUnreadable", "'NaN' is not a number"),
    "infinite": ("CW-AmountUnreadable", "'Infinity' is not a number"),
    "placeholder": ("CW-AmountUnreadable", "'N/A' is not a number"),
    "too-many-digits": ("CW-AmountUnreadable", "is not a number that can be kept exactly"),
    "bad-date": ("CW-InstantUnreadable", "'2024-02-31T25:00:00Z' is not a date and time"),
    "short-date": ("CW-InstantUnreadable", "'9/1/24' may have the day or the month first"),
    "no-date": ("CW-InstantUnreadable", "'September' is not a date and time"),
    "field-missing": ("CW-FieldCount", "61 cells where the header has 62"),
    "field-extra": ("CW-FieldCount", "63 cells where the header has 62"),
    "field-cut-off": ("CW-FieldCount", "5 cells where the header has 62"),
    "field-bare-return": ("CW-BrokenQuotes", "a carriage return stands within a cell"),
    "undecodable": ("CW-Undecodable", "of the row is not UTF-8"),
    "nul": ("CW-NulCharacter", "it holds the character U+0000"),
}
FOUND = {
    "empty-cost": "BilledCost-C-003-M",
    "missing-value": "ServiceName-C-003-M",
    "unknown-value": "ChargeCategory-C-003-M",
    "wrong-case": "ChargeFrequency-C-003-M",
    "plus-sign": "BilledCost-C-002-M",
    "plus-exponent": "EffectiveCost-C-002-M",
    "time-without-zone": "ChargePeriodStart-C-002-M",
    "backward-period": "CW-ChargePeriod-Order",
    "negative-price": "ListUnitPrice-C-008-M",
    "wrong-product": "ListCost-C-009-C",
    "bad-tags": "Tags-C-001-M",
    "nested-tags": "Tags-C-001-M",
    "repeated-tag": "Tags-C-001-M",
}


def test_every_kind_of_corruption_is_found_by_line_and_the_rest_balances(
    direct: Pipeline, store: Store, tmp_path: Path, record_fault: RecordFault
) -> None:
    (report,) = generate(
        Estate(
            seed=11,
            rows=ROWS,
            rows_per_file=ROWS,
            clouds=("aws",),
            focus_version="1.2",
            defects=tuple(DEFECTS) * OF_EACH,
        )
    )
    planted = report.truth["defects"]
    path = tmp_path / "corrupted.csv"
    path.write_bytes(b"".join(report.chunks()))

    outcome = direct.deliver(path, TABLE)
    assert outcome.error is None
    assert outcome.entry is not None
    assert outcome.entry["balanced"]

    bad = {entry["line"]: entry for entry in planted if entry["grade"] == "unusable"}
    found = {row["line"]: row for row in store.quarantine(outcome.entry["commit"])}
    assert found.keys() == bad.keys()
    for line, entry in bad.items():
        rule, reason = QUARANTINED[entry["defect"]]
        assert (found[line]["rule"], found[line]["file"]) == (rule, "corrupted.csv")
        assert reason in found[line]["reason"]
        if not DEFECTS[entry["defect"]].in_bytes:
            assert found[line]["column"] == entry["column"]

    wanted, money = by_csv_and_decimal(path, bad)
    assert store.shown(TABLE) == (wanted.total(), money)
    stored = Counter(
        (row[0] or "", Decimal(row[1]) if row[1] else None)
        for row in store.sql(f"SELECT ResourceId, BilledCost::text FROM {TABLE} LIMIT {ROWS}")  # noqa: S608
    )
    lost, doubled = lost_and_doubled(wanted, stored)
    assert_findings(outcome.entry["findings"], planted)
    for kind in DEFECTS:
        where = "quarantine" if kind in QUARANTINED else "findings"
        rule = QUARANTINED[kind][0] if kind in QUARANTINED else FOUND[kind]
        record_fault(
            f"{kind} in a row",
            times=OF_EACH,
            outcome=f"{where}: {rule}",
            lost=lost,
            doubled=doubled,
        )


def test_every_kind_has_its_place() -> None:
    grades = {"unusable": QUARANTINED, "finding": FOUND}
    assert {kind: set(grades[defect.grade]) >= {kind} for kind, defect in DEFECTS.items()} == (
        dict.fromkeys(DEFECTS, True)
    )
    assert len(DEFECTS) >= 25


def assert_findings(findings: dict[str, int], planted: list[dict[str, Any]]) -> None:
    """Every planted row is counted by its rule; rules that nothing else breaks count it alone."""
    wanted = Counter(FOUND[entry["defect"]] for entry in planted if entry["defect"] in FOUND)
    more = {
        rule: findings[rule] - count for rule, count in wanted.items() if findings[rule] != count
    }
    # A negative unit price breaks the product, too.
    assert more == {"ListCost-C-009-C": OF_EACH}


def by_csv_and_decimal(
    path: Path, bad: dict[int, Any]
) -> tuple[Counter[tuple[str, Decimal | None]], dict[str, Decimal]]:
    """The charges and sums of all rows but those that begin at the bad lines, by the stdlib."""
    charges: Counter[tuple[str, Decimal | None]] = Counter()
    sums = dict.fromkeys(COSTS, Decimal(0))
    for line, row in numbered_rows(path):
        if line in bad:
            continue
        billed = row["BilledCost"]
        charges[row["ResourceId"], Decimal(billed) if billed else None] += 1
        for name in COSTS:
            sums[name] = EXACT.add(sums[name], Decimal(row[name] or 0))
    return charges, sums


def numbered_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the line at which each begins; what csv cannot read is a row without cells."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    reader = csv.reader(io.StringIO(text, newline="\n"))
    names = next(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except csv.Error:
            cells = []
        except StopIteration:
            return
        yield line, dict(zip(names, cells, strict=False))

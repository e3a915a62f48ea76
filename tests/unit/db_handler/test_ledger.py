"""The ledger's sums and their balance."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import NOW, a_charge, a_report, charges

from costwire_db_handler.ledger import (
    Entry,
    Refused,
    Rows,
    State,
    SumLine,
    Times,
    balances,
    settle_sums,
    sums_read,
)
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.manifest import CostSum, Manifest


def counted(**amounts: str) -> CostSums:
    sums = CostSums()
    sums.add(
        pa.table(
            {name: [amount] for name, amount in amounts.items()} | {"BillingCurrency": ["USD"]}
        )
    )
    return sums


def claiming(**lines: CostSum | None) -> Manifest:
    empty: dict[str, CostSum | None] = dict.fromkeys(COST_COLUMNS)
    return a_report(charges(1)).but(sums={"USD": {**empty, **lines}}).manifest


def a_line(read: str, published: str, quarantined: str = "0") -> CostSum:
    return CostSum(read=read, published=published, quarantined=quarantined)


def test_stored_sums_come_from_the_store_and_not_from_the_manifest() -> None:
    manifest = claiming(BilledCost=a_line("10", "10"))
    lines = settle_sums(manifest, counted(BilledCost="9.99"), Refused())
    assert lines["USD"]["BilledCost"] == SumLine(read="10", stored="9.99", quarantined="0")
    assert not balances(Rows(), lines)


def test_what_the_handler_quarantined_is_added_to_the_exporters_own() -> None:
    manifest = claiming(BilledCost=a_line("10", "9", "1"))
    refused = Refused.counted(1, counted(BilledCost="2.5"))
    lines = settle_sums(manifest, counted(BilledCost="6.5"), refused)
    assert lines["USD"]["BilledCost"] == SumLine(read="10", stored="6.5", quarantined="3.5")
    assert balances(Rows(), lines)


def test_column_that_the_report_lacks_is_null() -> None:
    lines = settle_sums(claiming(BilledCost=a_line("1", "1")), counted(BilledCost="1"), Refused())
    assert lines["USD"]["ListCost"] is None


def test_column_that_is_not_claimed_but_stored_is_told_and_out_of_balance() -> None:
    lines = settle_sums(claiming(), counted(ListCost="1"), Refused())
    assert lines["USD"]["ListCost"] == SumLine(read="0", stored="1", quarantined="0")
    assert not balances(Rows(), lines)


def test_currency_that_is_not_claimed_but_stored_is_told() -> None:
    lines = settle_sums(
        claiming().model_copy(update={"sums": {}}), counted(BilledCost="1"), Refused()
    )
    assert lines["USD"]["BilledCost"] is not None
    assert not balances(Rows(), lines)


def test_amounts_beyond_a_decimals_usual_precision_balance_exactly() -> None:
    huge, tiny = "9" * 30, f"0.{'0' * 37}1"
    manifest = claiming(BilledCost=a_line(f"{huge}{tiny[1:]}", huge, tiny))
    lines = settle_sums(manifest, counted(BilledCost=huge), Refused())
    assert balances(Rows(), lines)
    off = settle_sums(manifest, counted(BilledCost=huge[:-1] + "8"), Refused())
    assert not balances(Rows(), off)


@pytest.mark.parametrize(
    ("rows", "balanced"),
    [
        (Rows(read=3, stored=2, quarantined=1), True),
        (Rows(read=3, stored=2), False),
        (Rows(read=3, stored=3, quarantined=1), False),
    ],
)
def test_rows_balance(rows: Rows, balanced: bool) -> None:
    assert balances(rows, {}) is balanced


@given(
    st.lists(st.decimals(-(10**12), 10**12, places=9), min_size=1, max_size=5),
    st.lists(st.decimals(-(10**12), 10**12, places=9), max_size=3),
)
def test_refused_sums_can_be_told_from_a_settled_entry(
    published: list[Decimal], refused: list[Decimal]
) -> None:
    report = a_report([a_charge(BilledCost=str(amount)) for amount in [*published, *refused]])
    aside = CostSums()
    if refused:
        aside.add(
            pa.table(
                {"BilledCost": list(map(str, refused)), "BillingCurrency": ["USD"] * len(refused)}
            )
        )
    stored = CostSums()
    stored.add(
        pa.table(
            {"BilledCost": list(map(str, published)), "BillingCurrency": ["USD"] * len(published)}
        )
    )
    told = Refused.counted(len(refused), aside)
    rows = Rows(read=len(published) + len(refused), stored=len(published), quarantined=len(refused))
    entry = an_entry(report.manifest, rows).model_copy(
        update={"sums": settle_sums(report.manifest, stored, told)}
    )
    again = Refused.told_by(entry, report.manifest)
    assert again.rows == len(refused)
    assert again.sums["USD"]["BilledCost"] == sum(refused)
    assert settle_sums(report.manifest, stored, again) == entry.sums


def an_entry(manifest: Manifest, rows: Rows) -> Entry:
    return Entry(
        commit=1,
        id=manifest.id,
        table=manifest.table,
        source=manifest.source,
        state=State.COMMITTED,
        generation=NOW,
        focus_version="1.0",
        rows=rows,
        sums=sums_read(manifest),
        times=Times(read=NOW, opened=NOW),
    )


def test_open_delivery_claims_and_stores_nothing() -> None:
    manifest = claiming(BilledCost=a_line("10", "9", "1"))
    assert sums_read(manifest)["USD"]["BilledCost"] == SumLine(
        read="10", stored="0", quarantined="1"
    )


def test_entry_of_an_earlier_version_has_no_decisions() -> None:
    entry = json.loads(an_entry(a_report(charges(3)).manifest, Rows(read=3)).to_json())
    for later in ("decisions", "closedPeriods"):
        del entry[later]
    del entry["rows"]["held"]
    read = Entry.model_validate_json(json.dumps(entry))
    assert (read.decisions, read.closed_periods, read.rows.held) == ([], [], 0)


def test_entry_survives_its_json() -> None:
    entry = an_entry(a_report(charges(3)).manifest, Rows(read=3))
    assert Entry.model_validate_json(entry.to_json()) == entry

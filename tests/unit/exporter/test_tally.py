"""The running count: read = published + quarantined, in rows and in money."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_exporter.errors import NotPublishable
from costwire_exporter.tally import Tally
from costwire_focus.amounts import CostSums
from costwire_focus.batch import Batch, Unusable
from costwire_focus.canonical import exact_sum
from costwire_focus.rules import Checked

PERIODS = ("2024-09-01T00:00:00Z", "2024-10-01T00:00:00Z")


def count(
    tally: Tally, charges: pa.Table, kept: list[bool] | None = None, uncut: int = 0
) -> pa.Table:
    """Count a batch of which only the kept rows are published."""
    mask = pa.array([True] * charges.num_rows if kept is None else kept, pa.bool_())
    lost = uncut + charges.num_rows - sum(mask.to_pylist())
    unusable = [Unusable("a.csv", 2, b"", None, "CW-Test", "")] * lost
    lines = pa.array(range(charges.num_rows), pa.int64())
    batch = Batch(charges, lines, "a.csv", lambda _: b"", unusable[:uncut])
    checked = Checked(charges.filter(mask), lines.filter(mask), unusable)
    tally.add(batch, checked, checked.charges)
    return checked.charges


def charges_of(costs: list[str | None], **columns: list[str | None]) -> pa.Table:
    cells = {"BilledCost": costs, "BillingCurrency": ["USD"] * len(costs)} | columns
    return pa.table({name: pa.array(column, pa.string()) for name, column in cells.items()})


def test_rows_and_money_of_quarantined_rows_are_counted() -> None:
    tally = Tally(None)
    count(tally, charges_of(["1.5", "2.25", "x"]), kept=[True, False, False], uncut=2)
    assert tally.rows.model_dump() == {"read": 5, "published": 1, "quarantined": 4}
    billed = tally.sums()["USD"]["BilledCost"]
    assert billed is not None
    assert billed.model_dump() == {"read": "3.75", "published": "1.5", "quarantined": "2.25"}


def test_sum_of_an_absent_column_is_null() -> None:
    tally = Tally(None)
    count(tally, charges_of(["1"]))
    assert tally.sums()["USD"]["ListCost"] is None


def test_charges_without_currency_stand_under_the_told_one() -> None:
    for told, stands in ((None, "XXX"), ("EUR", "EUR")):
        tally = Tally(told)
        count(tally, charges_of(["1"], BillingCurrency=[None]))
        assert list(tally.sums()) == [stands]


@given(
    st.lists(
        st.tuples(
            st.decimals(allow_nan=False, allow_infinity=False, places=20), st.booleans()
        ).filter(lambda row: abs(row[0]) < Decimal(10) ** 29),
        max_size=20,
    )
)
def test_what_was_read_is_what_was_published_and_quarantined(
    rows: list[tuple[Decimal, bool]],
) -> None:
    tally = Tally(None)
    for cost, kept in rows:
        count(tally, charges_of([format(cost, "f")]), kept=[kept])
    billed = tally.sums().get("USD", {}).get("BilledCost")
    read, published, quarantined = (
        (Decimal(billed.read), Decimal(billed.published), Decimal(billed.quarantined))
        if billed
        else (Decimal(0),) * 3
    )
    assert read == exact_sum([published, quarantined]) == exact_sum(cost for cost, _ in rows)
    assert published == exact_sum(cost for cost, kept in rows if kept)
    assert tally.part_billed_cost == read


def test_billing_periods_are_told_once_and_in_order_whatever_their_spelling() -> None:
    tally = Tally(None)
    starts = ["2024-10-01T00:00:00Z", "2024-09-01T00:00:00Z", "2024-09-01 00:00:00"]
    ends = ["2024-11-01T00:00:00Z", "2024-10-01T00:00:00Z", "2024-10-01"]
    count(
        tally,
        charges_of(["1", "1", "1"], BillingPeriodStart=list(starts), BillingPeriodEnd=list(ends)),
    )
    told = [period.model_dump(mode="json") for period in tally.billing_periods()]
    assert told == [
        {"start": "2024-09-01T00:00:00Z", "end": "2024-10-01T00:00:00Z"},
        {"start": "2024-10-01T00:00:00Z", "end": "2024-11-01T00:00:00Z"},
    ]


def test_charges_without_billing_period_name_the_null_one() -> None:
    tally = Tally(None)
    count(tally, charges_of(["1"]))
    assert [period.model_dump() for period in tally.billing_periods()] == [
        {"start": None, "end": None}
    ]


def test_billing_periods_of_quarantined_rows_do_not_count() -> None:
    tally = Tally(None)
    count(tally, charges_of(["1"], BillingPeriodStart=["2024-09-01"]), kept=[False])
    assert tally.billing_periods() == []


def test_column_that_holds_no_billing_periods_is_refused() -> None:
    rows = 10_001
    starts: list[str | None] = [f"{number}" for number in range(rows)]
    with pytest.raises(NotPublishable, match="more than 10000 different billing periods"):
        count(Tally(None), charges_of(["1"] * rows, BillingPeriodStart=starts))


costs = st.sampled_from(["1", "0.25", "-3", "1E-20", None])
rows = st.lists(
    st.tuples(costs, st.sampled_from(["USD", "EUR", None]), st.sampled_from([None, *PERIODS])),
    max_size=8,
)


@given(rows, rows, rows)
def test_count_that_goes_on_is_that_of_all_charges_that_are_left(
    kept: list[tuple[str | None, ...]],
    gone: list[tuple[str | None, ...]],
    come: list[tuple[str | None, ...]],
) -> None:
    def table(found: list[tuple[str | None, ...]]) -> pa.Table:
        names = ("BilledCost", "BillingCurrency", "BillingPeriodStart")
        cells = zip(*found, strict=True) if found else [()] * len(names)
        return pa.table(
            {name: pa.array(each, pa.string()) for name, each in zip(names, cells, strict=True)}
        )

    first, whole = Tally(), Tally()
    count(first, table(kept + gone))
    sums = CostSums()
    sums.add(table(kept + gone))
    resumed = Tally.resumed(sums, first.named)
    count(resumed, table(come))
    if gone:
        resumed.remove(table(gone))
    count(whole, table(kept + come))
    assert (resumed.rows, resumed.sums(), resumed.billing_periods(), resumed.billed_cost) == (
        whole.rows,
        whole.sums(),
        whole.billing_periods(),
        whole.billed_cost,
    )

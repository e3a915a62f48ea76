"""Charges of several parts under one set of columns."""

import pyarrow as pa

from costwire_focus.conform import conform, united_columns


def texts(**columns: list[str | None]) -> pa.Table:
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def test_columns_of_all_parts_are_united_in_order_of_appearance() -> None:
    assert united_columns([["A", "B"], ["B", "C"]], None) == ["A", "B", "C"]


def test_told_currency_adds_the_column_that_is_missing() -> None:
    assert united_columns([["A"]], "EUR") == ["A", "BillingCurrency"]
    assert united_columns([["BillingCurrency", "A"]], "EUR") == ["BillingCurrency", "A"]


def test_identical_charges_of_parts_with_other_columns_become_identical() -> None:
    columns = ["A", "B", "C"]
    one = conform(texts(B=["2"], A=["1"]), columns, None, None)
    other = conform(texts(A=["1"], B=["2"], C=[None]), columns, None, None)
    assert one.equals(other)
    assert one.to_pylist() == [{"A": "1", "B": "2", "C": None}]


def test_told_currency_stands_where_the_report_names_none() -> None:
    charges = texts(BillingCurrency=["USD", None])
    assert conform(charges, ["BillingCurrency"], "EUR", None).to_pydict() == {
        "BillingCurrency": ["USD", "EUR"]
    }
    assert conform(texts(A=["1"]), ["A", "BillingCurrency"], "EUR", None).to_pydict() == {
        "A": ["1"],
        "BillingCurrency": ["EUR"],
    }


def test_without_a_told_currency_null_stays_null() -> None:
    charges = texts(BillingCurrency=[None])
    assert conform(charges, ["BillingCurrency"], None, None).equals(charges)


def test_dates_of_told_order_are_rewritten_and_all_else_kept() -> None:
    charges = texts(
        ChargePeriodStart=["9/1/24", "2024-09-01 00:00:00", None, "9/1/2024 13:05"],
        x_Note=["9/1/24", None, None, None],
    )
    conformed = conform(charges, ["ChargePeriodStart", "x_Note"], None, "mdy")
    assert conformed.to_pydict() == {
        "ChargePeriodStart": [
            "2024-09-01T00:00:00Z",
            "2024-09-01 00:00:00",
            None,
            "2024-09-01T13:05:00Z",
        ],
        "x_Note": ["9/1/24", None, None, None],
    }


def test_day_before_month_is_read_so_when_told() -> None:
    charges = texts(ChargePeriodStart=["9/1/24"])
    conformed = conform(charges, ["ChargePeriodStart"], None, "dmy")
    assert conformed.to_pydict() == {"ChargePeriodStart": ["2024-01-09T00:00:00Z"]}

"""Amounts as people read them: nothing rounded passes for exact."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_cli.amounts import ROUNDED, decimals_for, exact, shown

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=12).map(Decimal)


@pytest.mark.parametrize(
    ("amounts", "decimals"),
    [
        ([], 2),
        (["0"], 2),
        (["1", "20.5"], 2),
        (["0.1234", "1000"], 4),
        (["7.00001"], 2),
        (["0.000123456"], 6),
        (["-0.0123456", "0"], 4),
        (["123456.123456"], 2),
    ],
)
def test_columns_have_as_many_decimals_as_tell_something(amounts: list[str], decimals: int) -> None:
    assert decimals_for(map(Decimal, amounts)) == decimals


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        ("1234567.5", 2, "1,234,567.50"),
        ("1234.5678", 2, "~1,234.57"),
        ("-1234.5", 2, "-1,234.50"),
        ("-0.001", 2, "~0.00"),
        ("0.00", 2, "0.00"),
        ("1E+3", 2, "1,000.00"),
        (f"{'9' * 36}.999", 2, f"~1{',000' * 12}.00"),
        (f"{'9' * 36}.99", 2, f"{',999' * 12}.99"[1:]),
    ],
)
def test_amounts_are_grouped_and_marked_where_rounded(
    amount: str, decimals: int, text: str
) -> None:
    assert shown(Decimal(amount), decimals) == text


def test_null_is_no_amount() -> None:
    assert shown(None, 2) == exact(None) == "NULL"


@given(amount=AMOUNTS, decimals=st.integers(2, 18))
def test_what_has_no_mark_is_exact(amount: Decimal, decimals: int) -> None:
    text = shown(amount, decimals, signed=True)
    if not text.startswith(ROUNDED):
        assert Decimal(text.replace(",", "")) == amount


@given(amount=AMOUNTS)
def test_exact_amounts_have_every_digit(amount: Decimal) -> None:
    assert Decimal(exact(amount).replace(",", "")) == amount
    assert Decimal(exact(amount, signed=True).replace(",", "")) == amount

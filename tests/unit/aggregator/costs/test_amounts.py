"""Amounts: read, added and told without losing a digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.costs.made_up import amounts

from costwire_aggregator.costs.amounts import magnitude, read_amount, told, total

DECIMALS = st.decimals(-(10**30), 10**30, allow_nan=False, places=38)


def test_null_is_no_amount_and_no_zero() -> None:
    assert read_amount(None) is None
    assert read_amount("0") == 0


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "1e5", "1_000", " 1", "", "+1", "1.", "9" * 61]
)
def test_what_a_handler_never_tells_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no amount"):
        read_amount(text)


@given(st.lists(DECIMALS))
def test_sums_are_exact(found: list[Decimal]) -> None:
    sums = total({"USD": (one, None)} for one in found)
    billed, effective = sums.get("USD", (Decimal(0), None))
    assert billed is not None
    assert Fraction(billed) == sum(map(Fraction, found), Fraction(0))
    assert effective is None


def test_currencies_are_added_apart_and_null_counts_as_nothing_beside_an_amount() -> None:
    parts = [amounts("1", None), amounts("2", "3"), amounts(None, None, "EUR")]
    assert total(parts) == {**amounts("3", "3"), **amounts(None, None, "EUR")}


def test_texts_have_no_superfluous_zeros_and_no_exponent() -> None:
    assert told({**amounts("1E+3", "-0.50"), **amounts(None, "-0.0", "EUR")}) == {
        "EUR": {"BilledCost": None, "EffectiveCost": "0"},
        "USD": {"BilledCost": "1000", "EffectiveCost": "-0.5"},
    }


def test_magnitude_is_the_largest_without_its_sign() -> None:
    assert magnitude((Decimal("-3"), Decimal("2"))) == 3
    assert magnitude((None, Decimal("-2"))) == 2
    assert magnitude((None, None)) == 0

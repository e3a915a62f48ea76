"""Amounts of CPU and memory as people read them: only zero is told as zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_cli.figures import (
    Amount,
    bytes_of_capacity,
    bytes_shown,
    number,
    of_capacity,
    total,
)

GIB = 2**30


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (0.0001, "<0.001"),
        (0.00099, "<0.001"),
        (0.0012, "0.001"),
        (0.5, "0.5"),
        (0.9996, "1"),
        (3.14159, "3.14"),
        (9.996, "10"),
        (64, "64"),
        (99.96, "100"),
        (12345.6, "12346"),
        (1e7, "10000000"),
    ],
)
def test_numbers_have_three_figures_and_no_exponent(amount: float, text: str) -> None:
    assert number(amount) == text


@given(st.floats(min_value=0, max_value=1e18, allow_nan=False))
def test_number_is_near_and_nothing_becomes_zero(amount: float) -> None:
    text = number(amount)
    assert (text == "0") == (amount == 0)
    if text != "<0.001":
        assert abs(float(text) - amount) <= max(0.005 * amount, 0.0005)


@pytest.mark.parametrize(
    ("used", "capacity", "text"),
    [
        (Amount(0.25), Amount(4), "0.25/4"),
        (Amount(), Amount(4), "?/4"),
        (Amount(0), Amount(), "0/?"),
        (Amount(3.5, is_part=True), Amount(12), "3.5+/12"),
    ],
)
def test_what_is_unknown_is_told_as_unknown(used: Amount, capacity: Amount, text: str) -> None:
    assert of_capacity(used, capacity) == text


@pytest.mark.parametrize(
    ("used", "capacity", "text"),
    [
        (3 * GIB, 16 * GIB, "3/16 GiB"),
        (1, 16 * GIB, "<0.001/16 GiB"),
        (None, 1536, "?/1.5 KiB"),
        (512, None, "512/? B"),
        (None, None, "?/?"),
        (1024**5, 2000 * 1024**6, "<0.001/2000 EiB"),
    ],
)
def test_bytes_have_the_unit_of_the_capacity(
    used: float | None, capacity: float | None, text: str
) -> None:
    assert bytes_of_capacity(Amount(used), Amount(capacity)) == text


def test_bytes_alone_have_their_own_unit() -> None:
    assert bytes_shown(Amount(1.5 * GIB)) == "1.5 GiB"
    assert bytes_shown(Amount()) == "?"


def test_sum_with_gaps_says_that_there_is_more() -> None:
    assert total([1, 2.5]) == Amount(3.5)
    assert total([1, None]) == Amount(1, is_part=True)
    assert total([None, None]) == total([]) == Amount()

"""Texts as Go programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_simulator.exporters.text import Page, labels, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (True, "1"),
        (-5, "-5"),
        (0.25, "0.25"),
        (123456.5, "123456.5"),
        (999_999, "999999"),
        (1_000_000, "1e+06"),
        (1_234_567.5, "1.2345675e+06"),
        (16_627_171_328, "1.6627171328e+10"),
        (-33_285_996_544, "-3.3285996544e+10"),
        (1e300, "1e+300"),
        (0.000012, "1.2e-05"),
        (0.0001, "0.0001"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_numbers_come_back_exactly(value: float) -> None:
    assert float(number(value)) == value


def test_a_family_is_told_with_its_help_and_type() -> None:
    page = Page()
    page.family("a_total", "counter", "What it is.", [('b="c"', 1), ("", 2.5)])
    page.family("nothing", "gauge", "Nothing.", [])
    page.family("late", "gauge", "With a time.", [('b="c"', 1)], at=12.5)
    assert page.text().decode() == (
        "# HELP a_total What it is.\n"
        "# TYPE a_total counter\n"
        'a_total{b="c"} 1\n'
        "a_total 2.5\n"
        "# HELP late With a time.\n"
        "# TYPE late gauge\n"
        'late{b="c"} 1 12500\n'
    )


def test_label_values_are_escaped() -> None:
    assert labels({"a": 'b"\\\n', "c": ""}) == 'a="b\\"\\\\\\n",c=""'

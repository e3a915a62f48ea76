"""Numbers at their limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_simulator.promql.arithmetic import ARITHMETIC


@pytest.mark.parametrize(
    ("operator", "left", "right", "result"),
    [
        ("/", 1.0, 0.0, math.inf),
        ("/", -1.0, 0.0, -math.inf),
        ("/", 1.0, -0.0, -math.inf),
        ("/", 0.0, 0.0, math.nan),
        ("%", 5.0, 0.0, math.nan),
        ("%", math.inf, 2.0, math.nan),
        ("%", -5.0, 3.0, -2.0),
        ("^", 10.0, 400.0, math.inf),
        ("^", -10.0, 401.0, -math.inf),
        ("^", -8.0, 0.5, math.nan),
        ("^", 0.0, -1.0, math.inf),
        ("^", -0.0, -3.0, -math.inf),
    ],
)
def test_results_are_those_of_go(operator: str, left: float, right: float, result: float) -> None:
    found = ARITHMETIC[operator](left, right)
    assert found == result or (math.isnan(found) and math.isnan(result))


@given(st.sampled_from(sorted(ARITHMETIC)), st.floats(), st.floats())
def test_nothing_raises(operator: str, left: float, right: float) -> None:
    assert isinstance(ARITHMETIC[operator](left, right), float)

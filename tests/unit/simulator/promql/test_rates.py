"""How fast a counter rises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_simulator.promql.rates import increase
from costwire_simulator.promql.samples import Samples


def samples(*pairs: tuple[int, float]) -> Samples:
    """Seconds and values."""
    return Samples({}, [at * 1000 for at, _ in pairs], [value for _, value in pairs])


def test_less_than_two_samples_tell_nothing() -> None:
    assert increase(samples(), 0, 60_000) is None
    assert increase(samples((5, 1.0)), 0, 60_000) is None


@given(st.integers(2, 20), st.integers(1, 60), st.floats(0, 1e6), st.floats(0.1, 1e3))
def test_a_steady_counter_that_fills_the_range_rises_by_its_slope(
    count: int, step: int, start: float, slope: float
) -> None:
    told = samples(*((n * step, start + n * step * slope) for n in range(count)))
    length = (count - 1) * step
    assert increase(told, 0, length * 1000) == pytest.approx(length * slope)


def test_far_edges_are_reached_by_half_a_distance() -> None:
    told = samples((100, 50.0), (110, 60.0), (120, 70.0))
    assert increase(told, 0, 300_000) == pytest.approx(20 + 10)


def test_near_edges_are_reached() -> None:
    told = samples((10, 50.0), (20, 60.0), (30, 70.0))
    assert increase(told, 0, 40_000) == pytest.approx(40)


def test_a_counter_is_not_thought_below_zero() -> None:
    told = samples((10, 1.0), (20, 11.0), (30, 21.0))
    assert increase(told, 0, 30_000) == pytest.approx(21)

"""What is used, and had been used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_simulator.estate.usage import level, total

_TIMES = st.floats(0, 2e9)
_SHAPES = st.tuples(st.floats(0.01, 100), st.floats(0, 0.99), st.floats(0, 6.3))


@given(_SHAPES, _TIMES, st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_was_used_never_falls(
    shape: tuple[float, float, float], start: float, some: float, more: float
) -> None:
    then, later = (total(*shape, start, start + length) for length in (some, some + more))
    assert 0 <= then <= later * (1 + 1e-9) + 1e-6


@given(_SHAPES, _TIMES)
def test_a_rate_is_what_is_used(shape: tuple[float, float, float], at: float) -> None:
    rate = (total(*shape, at - 10_000, at + 30) - total(*shape, at - 10_000, at - 30)) / 60
    assert rate == pytest.approx(level(*shape, at), rel=1e-3, abs=1e-6)


def test_nothing_was_used_before_the_start() -> None:
    assert total(1, 0.5, 0, 100, 50) == 0

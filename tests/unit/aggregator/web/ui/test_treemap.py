"""Amounts as areas: each in proportion, none over another, all within."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.web.ui.treemap import Plot, Rectangle, drawn

WIDTH, HEIGHT = 900.0, 500.0
_AMOUNTS = st.decimals("1", "1000", places=2)


def plots(amounts: list[Decimal]) -> list[Plot]:
    return [Plot(f"p{number}", amount) for number, amount in enumerate(amounts)]


def overlap(one: Rectangle, other: Rectangle) -> float:
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(0.0, across) * max(0.0, down)


def nested(rectangles: list[Rectangle]) -> Iterator[tuple[Rectangle, Rectangle]]:
    for rectangle in rectangles:
        for part in rectangle.parts:
            yield rectangle, part
        yield from nested([*rectangle.parts])


@given(st.lists(_AMOUNTS, min_size=1, max_size=30))
def test_areas_are_in_the_proportion_of_the_amounts(amounts: list[Decimal]) -> None:
    told = drawn(plots(amounts), WIDTH, HEIGHT)
    assert len(told) == len(amounts)
    for rectangle in told:
        share = float(rectangle.amount / sum(amounts))
        assert rectangle.width * rectangle.height == pytest.approx(share * WIDTH * HEIGHT, rel=1e-6)


@given(st.lists(_AMOUNTS, min_size=2, max_size=20))
def test_no_rectangle_covers_another(amounts: list[Decimal]) -> None:
    for one, other in combinations(drawn(plots(amounts), WIDTH, HEIGHT), 2):
        assert overlap(one, other) < 1e-3


@given(st.lists(st.lists(_AMOUNTS, max_size=6), min_size=1, max_size=6))
def test_parts_are_within_what_they_are_part_of(amounts: list[list[Decimal]]) -> None:
    estate = [
        Plot(f"c{number}", sum(of, Decimal(1)), parts=plots(of))
        for number, of in enumerate(amounts)
    ]
    for whole, part in nested(drawn(estate, WIDTH, HEIGHT)):
        assert whole.left <= part.left
        assert whole.top <= part.top
        assert part.left + part.width <= whole.left + whole.width + 1e-6
        assert part.top + part.height <= whole.top + whole.height + 1e-6


def test_amounts_far_apart_are_drawn() -> None:
    told = drawn(plots([Decimal("1e17"), Decimal("1"), Decimal("1e-9")]), WIDTH, HEIGHT)
    assert [rectangle.amount for rectangle in told] == [Decimal("1e17")]
    falling = [Decimal(2) ** -number for number in range(2000)]
    assert 0 < len(drawn(plots(falling), WIDTH, HEIGHT)) <= 200


def test_nothing_and_less_are_not_drawn() -> None:
    told = drawn(plots([Decimal(0), Decimal(-5), Decimal(7)]), WIDTH, HEIGHT)
    assert [rectangle.amount for rectangle in told] == [Decimal(7)]
    assert drawn([], WIDTH, HEIGHT) == []


def test_order_of_equal_amounts_is_that_of_names() -> None:
    same = [Plot(name, Decimal(1)) for name in "cab"]
    assert [rectangle.name for rectangle in drawn(same, WIDTH, HEIGHT)] == ["a", "b", "c"]

"""Bars of amounts along one axis."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from costwire_cli.bars import Scale


def bars(width: int, *amounts: str) -> list[str]:
    found = [Decimal(amount) for amount in amounts]
    scale = Scale(found, width)
    return ["|".join(scale.bar(amount)) for amount in found]


def test_largest_amount_fills_the_room() -> None:
    assert bars(8, "16", "8", "1", "0.001", "0") == ["|████████", "|████", "|▌", "|▏", "|"]


def test_amounts_below_zero_grow_to_the_left() -> None:
    assert bars(8, "12", "-4", "-1", "0") == ["  |██████", "██|", " ▐|", "  |"]


def test_only_amounts_below_zero_fill_the_room_from_the_right() -> None:
    assert bars(4, "-4", "-1") == ["████|", "   █|"]


def test_no_amount_has_no_bar() -> None:
    assert bars(4, "0", "0") == ["|", "|"]


@given(
    amounts=st.lists(st.decimals(-10_000, 10_000, places=2), min_size=1),
    width=st.integers(10, 40),
)
def test_bars_stay_in_their_room(amounts: list[Decimal], width: int) -> None:
    scale = Scale(amounts, width)
    sides = [scale.bar(amount) for amount in amounts]
    assert all(len(below) + len(above) <= width for below, above in sides)
    assert len({len(below) for below, _ in sides}) == 1
    assert all(
        (below + above).strip() for (below, above), a in zip(sides, amounts, strict=True) if a
    )

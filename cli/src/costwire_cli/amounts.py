"""Amounts for people to read: grouped by thousands, and marked where they are rounded."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from costwire_focus.canonical import canonical_text

ROUNDED = "~"
_CENTS = 2
_ALL_SHOWN = 4
_MOST = 18
_FIGURES = 3


def decimals_for(amounts: Iterable[Decimal]) -> int:
    """How many decimals a column of amounts is shown with.

    All of them where four are enough for each amount; else two, or as many as give the largest
    amount a few figures.

    >>> [decimals_for(map(Decimal, each)) for each in (["1", "20.5"], ["0.1234"], ["7.00001"])]
    [2, 4, 2]
    >>> decimals_for([Decimal("0.000123456")])
    6
    """
    found = [amount for amount in amounts if amount]
    needed = max((_decimals(amount) for amount in found), default=0)
    if needed <= _ALL_SHOWN:
        return max(needed, _CENTS)
    largest = max(amount.copy_abs() for amount in found)
    return min(max(_CENTS, _FIGURES - 1 - largest.adjusted()), _MOST) if largest < 1 else _CENTS


def shown(amount: Decimal | None, decimals: int, *, signed: bool = False) -> str:
    """An amount with so many decimals; one that is not exactly this has `~` before it.

    >>> shown(Decimal("1234.5"), 2), shown(Decimal("-0.0012"), 2), shown(Decimal(3), 2, signed=True)
    ('1,234.50', '~0.00', '+3.00')
    """
    if amount is None:
        return "NULL"
    size = format(amount.copy_abs(), f",.{decimals}f")
    mark = "" if _decimals(amount) <= decimals else ROUNDED
    is_zero = not size.strip("0.,")
    sign = "" if is_zero else "-" if amount < 0 else "+" if signed else ""
    return f"{mark}{sign}{size}"


def exact(amount: Decimal | None, *, signed: bool = False) -> str:
    """Every digit of an amount.

    >>> exact(Decimal("1234567.10")), exact(Decimal("0.5"), signed=True)
    ('1,234,567.1', '+0.5')
    """
    if amount is None:
        return "NULL"
    text = format(Decimal(canonical_text(amount)), ",f")
    return f"+{text}" if signed and amount > 0 else text


def decimal(text: str | None) -> Decimal | None:
    """An amount of an answer; None is null."""
    return None if text is None else Decimal(text)


def _decimals(amount: Decimal) -> int:
    return len(canonical_text(amount).partition(".")[2])

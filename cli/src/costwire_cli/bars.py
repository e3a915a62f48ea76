"""Bars of block characters for amounts of either sign, along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

_FULL = "█"
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_RIGHT_HALF = "▐"
_RIGHT_EIGHTH = "▕"
_PARTS = 8
_HALF = 4


class Scale:
    """Which amounts the two ends of a bar's room stand for; zero lies between two characters."""

    def __init__(self, amounts: Sequence[Decimal], width: int) -> None:
        """`width`: the room for bars, in characters."""
        low = min([Decimal(0), *amounts])
        high = max([Decimal(0), *amounts])
        self._left = 0
        if low < 0:
            share = round(width * (low / (low - high)))
            self._left = min(max(share, 1), width if high == 0 else max(width - 1, 0))
        self._right = width - self._left
        # Of both sides the longest amount fits; one unit of length on either side.
        reaches = [
            size / room for size, room in ((-low, self._left), (high, self._right)) if room > 0
        ]
        self._of_one = max(reaches, default=Decimal(0))

    def bar(self, amount: Decimal) -> tuple[str, str]:
        """What stands left and right of zero; the left part is as wide as its room."""
        if not amount or not self._of_one:
            return " " * self._left, ""
        eighths = max(1, round(amount.copy_abs() / self._of_one * _PARTS))
        full, rest = divmod(eighths, _PARTS)
        if amount > 0:
            return " " * self._left, _FULL * full + _EIGHTHS[rest]
        part = "" if not rest else _RIGHT_HALF if rest >= _HALF else _RIGHT_EIGHTH
        return (part + _FULL * full).rjust(self._left), ""

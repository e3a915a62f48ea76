"""Amounts of CPU and memory for people to read; one that is not known is no zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.filesize import pick_unit_and_suffix

UNKNOWN = "?"
AT_LEAST = "+"
_BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
_SMALLEST = 0.001
_FIGURES = 3


@dataclass(frozen=True)
class Amount:
    """What is known of an amount; None: nothing is."""

    value: float | None = None
    is_part: bool = False
    """Whether there is more of which nothing is known."""

    def shown(self, unit: int = 1) -> str:
        """In a unit; `+` behind it says that there may be more.

        >>> Amount(1536).shown(1024), Amount(2, is_part=True).shown(), Amount().shown()
        ('1.5', '2+', '?')
        """
        if self.value is None:
            return UNKNOWN
        return f"{number(self.value / unit)}{AT_LEAST if self.is_part else ''}"


def total(amounts: Iterable[float | None]) -> Amount:
    """A sum over all that is known."""
    every = [*amounts]
    known = [amount for amount in every if amount is not None]
    return Amount(sum(known), len(known) < len(every)) if known else Amount()


def number(amount: float) -> str:
    """Three figures, or all before the point; nothing that is there becomes a zero.

    >>> number(0.0123), number(3.14159), number(64), number(12345.6), number(0.0001)
    ('0.012', '3.14', '64', '12346', '<0.001')
    """
    if 0 < amount < _SMALLEST:
        return f"<{_SMALLEST}"
    before = len(f"{abs(amount):.0f}") if abs(amount) >= 1 else 0
    text = f"{amount:.{max(0, _FIGURES - before)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def of_capacity(used: Amount, capacity: Amount) -> str:
    """How much of how much."""
    return f"{used.shown()}/{capacity.shown()}"


def bytes_of_capacity(used: Amount, capacity: Amount) -> str:
    """The same in the unit that suits the capacity.

    >>> bytes_of_capacity(Amount(3 << 29), Amount(4 << 30))
    '1.5/4 GiB'
    """
    unit, name = _unit(used if capacity.value is None else capacity)
    return f"{used.shown(unit)}/{capacity.shown(unit)}{name}"


def bytes_shown(amount: Amount) -> str:
    """Bytes in the unit that suits them."""
    unit, name = _unit(amount)
    return f"{amount.shown(unit)}{name}"


def _unit(amount: Amount) -> tuple[int, str]:
    if amount.value is None:
        return 1, ""
    unit, name = pick_unit_and_suffix(int(amount.value), _BYTES, 1024)
    return unit, f" {name}"

"""Prometheus text 0.0.4, written as Go programs write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Kind = Literal["gauge", "counter"]
Series = Iterable[tuple[str, float]]
"""Labels, as they stand between the braces, and values."""
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_PLAIN_BELOW = 1_000_000


def labels(pairs: Mapping[str, object]) -> str:
    """What stands between the braces; empty values stay."""
    return ",".join([f'{name}="{str(value).translate(_ESCAPED)}"' for name, value in pairs.items()])


def joined(*parts: str) -> str:
    """Several such texts as one."""
    return ",".join([part for part in parts if part])


def number(value: float) -> str:
    """A finite value: the shortest digits that mean it, with an exponent from a million on."""
    if -_PLAIN_BELOW < value < _PLAIN_BELOW and value == int(value):
        return str(int(value))
    mantissa, _, exponent = repr(float(value)).partition("e")
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = digits.partition(".")
    if not exponent and len(whole) > 6:
        exponent = str(len(whole) - 1)
        whole, fraction = whole[0], whole[1:] + fraction
    fraction = fraction.rstrip("0")
    text = f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
    return f"{text}e{int(exponent):+03d}" if exponent else text


class Page:
    """An exposition in the making."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(
        self, name: str, kind: Kind, help: str, series: Series, at: float | None = None
    ) -> None:
        """All series of a metric; one without any is left out. `at`: a time behind each value."""
        stamp = "" if at is None else f" {round(at * 1000)}"
        lines = [
            f"{name}{{{told}}} {number(value)}{stamp}" if told else f"{name} {number(value)}{stamp}"
            for told, value in series
        ]
        if lines:
            self._lines += (f"# HELP {name} {help}", f"# TYPE {name} {kind}", *lines)

    def text(self) -> bytes:
        """The whole of it."""
        return "\n".join([*self._lines, ""]).encode()

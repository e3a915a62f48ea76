"""Amounts as areas: a rectangle for each, within that of what it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import squarify

_GAP = 2.0
_HEADING = 18.0
"""Room for the name of what has parts."""
_LEAST_SIDE = 1.0
_LEAST_SHARE = Decimal("1e-6")
_MOST = 200
"""Rectangles in one; smaller ones are too small to be seen."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What is to be drawn."""

    name: str
    amount: Decimal
    url: str = ""
    parts: Sequence[Plot] = ()


@dataclass(frozen=True, slots=True)
class Rectangle:
    """What is drawn, in the units of the drawing."""

    name: str
    amount: Decimal
    url: str
    left: float
    top: float
    width: float
    height: float
    parts: Sequence[Rectangle] = field(default=())


def drawn(plots: Sequence[Plot], width: float, height: float) -> list[Rectangle]:
    """The plots in a drawing, largest first, but for what is too small to be seen."""
    return _drawn(plots, 0.0, 0.0, width, height)


def _drawn(
    plots: Sequence[Plot], left: float, top: float, width: float, height: float
) -> list[Rectangle]:
    seen = sorted((plot for plot in plots if plot.amount > 0), key=lambda p: (-p.amount, p.name))
    least = sum((plot.amount for plot in seen), Decimal(0)) * _LEAST_SHARE
    seen = [plot for plot in seen[:_MOST] if plot.amount > least]
    if not seen or min(width, height) < _LEAST_SIDE:
        return []
    sizes = squarify.normalize_sizes([float(plot.amount) for plot in seen], width, height)
    boxes = squarify.squarify(sizes, left, top, width, height)
    return [_rectangle(plot, box) for plot, box in zip(seen, boxes, strict=True)]


def _rectangle(plot: Plot, box: dict[str, float]) -> Rectangle:
    left, top, width, height = box["x"], box["y"], box["dx"], box["dy"]
    parts = _drawn(
        plot.parts,
        left + _GAP,
        top + _HEADING,
        width - 2 * _GAP,
        height - _HEADING - _GAP,
    )
    return Rectangle(plot.name, plot.amount, plot.url, left, top, width, height, parts)

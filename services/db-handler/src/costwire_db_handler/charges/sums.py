"""Sums of amounts in DuckDB: they have 38 digits, of which the scale takes its share."""

from __future__ import annotations

from collections.abc import Sequence

from costwire_focus.typed import DIGITS

_SCALE = 18
"""Leaves twenty digits before the point to a sum."""


def exact_sums(expression: str, scale: int, *, wide: bool = False) -> Sequence[str]:
    """Aggregates that together, added exactly, are the sum of an amount of this scale.

    `wide`: for sums of more than twenty digits before the point, in twice the time.
    """
    if scale <= _SCALE and not wide:
        return [f"sum({expression})"]
    cuts = [0, _SCALE] if wide else [_SCALE]
    pieces, rest = [], expression
    for cut in cuts:
        if cut < scale:
            upper = f"CAST(trunc({rest}, {cut}) AS DECIMAL({DIGITS},{cut}))"
            pieces.append(f"sum({upper})")
            rest = f"({rest} - {upper})"
    return [*pieces, f"sum({rest})"]

"""Sums of amounts in DuckDB, whose own overflow where many digits stand after the point."""

from __future__ import annotations

from collections.abc import Sequence

from costwire_focus.typed import DIGITS

_SCALE = 18
"""Leaves twenty digits before the point to a sum."""


def exact_sums(expression: str, scale: int) -> Sequence[str]:
    """Aggregates that together, added exactly, are the sum of an amount of this scale."""
    if scale <= _SCALE:
        return [f"sum({expression})"]
    upper = f"CAST(trunc({expression}, {_SCALE}) AS DECIMAL({DIGITS},{_SCALE}))"
    return [f"sum({upper})", f"sum({expression} - {upper})"]

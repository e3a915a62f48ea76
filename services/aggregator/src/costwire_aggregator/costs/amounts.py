"""Amounts of a bill: exact, each currency by itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from costwire_focus.canonical import EXACT_CONTEXT, canonical_text

METRICS: Final = ("BilledCost", "EffectiveCost")
Sums = tuple[Decimal | None, ...]
"""In the order of `METRICS`; None where each charge has null there."""
Amounts = Mapping[str, Sums]
"""Sums by currency."""

_AMOUNT = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?")


def read_amount(text: str | None) -> Decimal | None:
    """An amount as the database handler tells it. Raises: `ValueError`."""
    if text is None:
        return None
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no amount")
    return Decimal(text)


def total(parts: Iterable[Amounts]) -> dict[str, Sums]:
    """All of them together, without rounding; null counts as nothing beside an amount."""
    totals: dict[str, Sums] = {}
    for part in parts:
        for currency, sums in part.items():
            known = totals.get(currency)
            totals[currency] = sums if known is None else tuple(map(_added, known, sums))
    return totals


def _added(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return EXACT_CONTEXT.add(one, other)


def magnitude(sums: Sums) -> Decimal:
    """The largest of them, without its sign."""
    return max((amount.copy_abs() for amount in sums if amount is not None), default=Decimal(0))


def told(amounts: Amounts) -> dict[str, dict[str, str | None]]:
    """As answers tell them: `{"USD": {"BilledCost": "1.5", "EffectiveCost": null}}`."""
    return {currency: told_sums(sums) for currency, sums in sorted(amounts.items())}


def told_sums(sums: Sums) -> dict[str, str | None]:
    """Those of one currency."""
    return {
        metric: None if amount is None else canonical_text(amount)
        for metric, amount in zip(METRICS, sums, strict=True)
    }


def billed_cost(amounts: Amounts) -> dict[str, Decimal]:
    """The BilledCost of each currency that has one."""
    billed = {currency: sums[METRICS.index("BilledCost")] for currency, sums in amounts.items()}
    return {currency: cost for currency, cost in sorted(billed.items()) if cost is not None}

"""Single values: their canonical texts, and decimals added without rounding.

Needs the standard library alone, so that a command that only prints starts at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext

EXACT_CONTEXT = Context(
    prec=400, Emax=10_000, Emin=-10_000, traps=[Inexact, InvalidOperation, Overflow]
)


def canonical_text(value: Decimal) -> str:
    """The one text of an amount: plain notation, no trailing zeros, no plus sign, no negative zero.

    >>> [canonical_text(Decimal(text)) for text in ("15E-1", "-0.00", "1E3")]
    ['1.5', '0', '1000']
    """
    if value == 0:
        return "0"
    return format(value.normalize(EXACT_CONTEXT), "f")


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """Add decimals without rounding, whatever their number of digits."""
    with localcontext(EXACT_CONTEXT):
        return sum(values, Decimal(0))


def subtract(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """Subtract without rounding."""
    return EXACT_CONTEXT.subtract(minuend, subtrahend)


def multiply(value: Decimal, count: int) -> Decimal:
    """A number of equal amounts, without rounding."""
    return EXACT_CONTEXT.multiply(value, Decimal(count))


def to_text(value: datetime) -> str:
    """An instant as FOCUS writes it, with milliseconds only where there are any.

    >>> to_text(datetime(2024, 9, 1, tzinfo=UTC))
    '2024-09-01T00:00:00Z'
    """
    utc = value.astimezone(UTC) if value.tzinfo else value
    form = "seconds" if utc.microsecond // 1000 == 0 else "milliseconds"
    return utc.replace(tzinfo=None).isoformat(timespec=form) + "Z"

"""Figures as people read them."""

from __future__ import annotations

from decimal import Decimal

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024
UNKNOWN = "\N{EN DASH}"


def of_bytes(count: float | None) -> str:
    """Bytes with the unit that leaves one to four digits before the point."""
    if count is None:
        return UNKNOWN
    size = float(count)
    for unit in _BINARY:
        if abs(size) < _STEP or unit == _BINARY[-1]:
            break
        size /= _STEP
    return f"{size:,.0f} {unit}" if unit == "B" or size >= 100 else f"{size:,.1f} {unit}"


def of_cores(cores: float | None) -> str:
    """CPU cores; below one in thousandths."""
    if cores is None:
        return UNKNOWN
    return f"{cores * 1000:,.0f} m" if 0 < abs(cores) < 1 else f"{cores:,.4g}"


def of_count(count: float | None) -> str:
    """A whole number, in groups of three."""
    return UNKNOWN if count is None else f"{count:,.0f}"


def of_share(part: float | None, whole: float | None) -> float | None:
    """Which part of a whole, from 0 to 1; None where that is not known."""
    if part is None or not whole:
        return None
    return min(1.0, max(0.0, part / whole))


def of_percent(share: float | None) -> str:
    """A share, in percent."""
    return UNKNOWN if share is None else f"{share * 100:.0f} %"


def of_seconds(seconds: float | None) -> str:
    """A time span."""
    if seconds is None:
        return UNKNOWN
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def of_amount(amount: Decimal | None) -> str:
    """Money to the cent; what is rounded says so with `~`."""
    if amount is None:
        return UNKNOWN
    cents = round(amount, 2)
    return f"{'' if cents == amount else '~'}{cents:,.2f}"

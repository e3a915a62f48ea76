"""Which billing periods a delivery is the new state of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from costwire_focus.manifest import month_of


class PresentPeriod(NamedTuple):
    """A billing period of which readers see charges."""

    name: str
    start: datetime | None
    end: datetime | None


def scope_periods(
    named: Collection[str], present: Iterable[PresentPeriod], declared: Collection[str] | None
) -> list[str]:
    """The billing periods that a delivery is the new state of.

    Those that its charges name, and of the charges there already those of a declared month. Where
    one month is declared, charges that name no period belong to it, also those there already.
    """
    if not declared:
        return sorted(named)
    of_declared = {
        name
        for name, start, end in present
        if (month_of(start, end) in declared if start is not None else len(declared) == 1)
    }
    return sorted(of_declared | set(named))

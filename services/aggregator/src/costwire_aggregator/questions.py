"""What upstreams are asked: instant queries, few of them, each for many families at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """One instant query."""

    name: str
    """For metrics and messages."""
    promql: str
    families: frozenset[str]
    """The metrics that it asks for; where there is but one, its series may come without a name."""


def of_families(
    name: str, families: Iterable[str], *, matchers: str = "", holding: bool = False
) -> Question:
    """All series of these families.

    `matchers`: more of them, such as `resource=~"cpu|memory|"`, where the last is for series
    without that label. `holding`: those alone whose value is 1.
    """
    names = sorted(families)
    if len(names) == 1:
        selector = f"{names[0]}{matchers and f'{{{matchers}}}'}"
    else:
        selector = f'{{__name__=~"{"|".join(names)}"{matchers and f",{matchers}"}}}'
    return Question(name, f"{selector} == 1" if holding else selector, frozenset(names))


TIMES = Question("times", "timestamp(up) * (2 * (up > bool 0) - 1)", frozenset({"up"}))
"""When each target was last scraped; the time is negative where that failed.

Of what is no selector, such as `up == 1`, `timestamp` would tell when it was asked.
"""

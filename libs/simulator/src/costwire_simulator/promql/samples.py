"""What queries are answered from and with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from costwire_simulator.promql.expressions import Matcher

Labels = Mapping[str, str]
"""Of a series, with its name; sorted, and none of them is empty."""


class Sample(NamedTuple):
    """One series at one time."""

    labels: Labels
    value: float
    at_ms: int
    """When the value was taken, or worked out."""


Vector = list[Sample]


class Samples(NamedTuple):
    """One series over a time; the times rise."""

    labels: Labels
    times_ms: Sequence[int]
    values: Sequence[float]


class Source(Protocol):
    """Where series are."""

    def latest(self, matchers: Sequence[Matcher], at_ms: int) -> Iterable[Sample]:
        """The last sample of each series that fits, unless it is stale."""
        ...

    def between(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterable[Samples]:
        """All samples of each series that fits, both ends included."""
        ...

"""The last scrapes of each target, and which of their samples a query means."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from costwire_simulator.promql.expressions import NAME, Matcher
from costwire_simulator.promql.samples import Labels, Sample, Samples
from costwire_simulator.upstream.reading import Layout

LOOKBACK_MS = 300_000
"""How old a sample may be to be the latest one."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a target told at one time."""

    at_ms: int
    layout: Layout
    values: Sequence[float]


class Store:
    """Answers `Source` of the scrapes that it is given; those of each target come as time goes."""

    def __init__(self, keep: int) -> None:
        """`keep`: scrapes of a target; older ones are gone."""
        self._keep = keep
        self._targets: dict[int, deque[Scrape]] = {}

    def add(self, target: int, scrape: Scrape) -> None:
        """One more scrape of a target."""
        scrapes = self._targets.setdefault(target, deque(maxlen=self._keep))
        if scrapes and scrapes[-1].at_ms >= scrape.at_ms:
            raise ValueError(f"add a scrape: {scrape.at_ms} is not after {scrapes[-1].at_ms}")
        scrapes.append(scrape)

    def last(self, target: int) -> Scrape | None:
        """The last one of a target."""
        scrapes = self._targets.get(target)
        return scrapes[-1] if scrapes else None

    def latest(self, matchers: Sequence[Matcher], at_ms: int) -> Iterator[Sample]:
        """A series that the target's last scrape had no more is stale."""
        select = _selection(matchers)
        for scrapes in self._targets.values():
            index = bisect_right(scrapes, at_ms, key=_time_of)
            if not index or scrapes[index - 1].at_ms < at_ms - LOOKBACK_MS:
                continue
            scrape = scrapes[index - 1]
            labels, values, taken = scrape.layout.labels, scrape.values, scrape.at_ms
            for place in select(scrape.layout):
                yield Sample(labels[place], values[place], taken)

    def between(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterator[Samples]:
        """A series is the same as long as its target writes it in the same way."""
        select = _selection(matchers)
        for scrapes in self._targets.values():
            first = bisect_left(scrapes, start_ms, key=_time_of)
            last = bisect_right(scrapes, end_ms, key=_time_of)
            yield from _joined([*islice(scrapes, first, last)], select)


def _time_of(scrape: Scrape) -> int:
    return scrape.at_ms


_Select = Callable[[Layout], Iterator[int]]


def _selection(matchers: Sequence[Matcher]) -> _Select:
    """What finds the places of the series that fit."""
    name_fits = [matcher.fits for matcher in matchers if matcher.label == NAME]
    tests = [(matcher.label, matcher.test()) for matcher in matchers if matcher.label != NAME]

    def select(layout: Layout) -> Iterator[int]:
        for name, places in layout.by_name.items():
            if not all(fits(name) for fits in name_fits):
                continue
            labels = layout.labels
            for place in places:
                text_of = labels[place].get
                if all([fits(text_of(label, "")) for label, fits in tests]):
                    yield place

    return select


def _joined(scrapes: Sequence[Scrape], select: _Select) -> Iterator[Samples]:
    layouts = {id(scrape.layout): scrape.layout for scrape in scrapes}
    if len(layouts) == 1:
        times = [scrape.at_ms for scrape in scrapes]
        layout = scrapes[0].layout
        for place in select(layout):
            yield Samples(layout.labels[place], times, [one.values[place] for one in scrapes])
        return
    found: dict[str, Labels] = {}
    for layout in layouts.values():
        found.update((layout.series[place], layout.labels[place]) for place in select(layout))
    for series, labels in found.items():
        times, values = [], array("d")
        for scrape in scrapes:
            if (at := scrape.layout.position.get(series)) is not None:
                times.append(scrape.at_ms)
                values.append(scrape.values[at])
        yield Samples(labels, times, values)

"""One target's scrapes: text in, samples with the labels that Prometheus would give them out."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from costwire_simulator.promql.expressions import NAME
from costwire_simulator.targets import Target
from costwire_simulator.upstream.labelling import Labelling
from costwire_simulator.upstream.reading import BadText, Layout, read_text
from costwire_simulator.upstream.store import Scrape

_UP = ""
"""What stands for the series `up`, which no target writes."""


class Scraper:
    """Scrapes one target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._up = dict(sorted({NAME: "up", **target.labels}.items()))
        self._down = Layout([_UP], [self._up])
        self._last = self._down
        self._labelling = Labelling(target.labels, honor=target.honor_labels)

    def scrape(self, at_ms: int, *, is_down: bool = False) -> Scrape:
        """What it tells now; of one that is down, or tells no exposition, `up` alone is told."""
        if is_down:
            return self._failed(at_ms)
        try:
            series, values = read_text(self.target.render(at_ms / 1000).decode())
            series.insert(0, _UP)
            if series != self._last.series:
                self._last = self._layout(series)
        except (BadText, UnicodeDecodeError):
            return self._failed(at_ms)
        values.insert(0, 1.0)
        return Scrape(at_ms, self._last, values)

    def _failed(self, at_ms: int) -> Scrape:
        return Scrape(at_ms, self._down, array("d", [0.0]))

    def _layout(self, series: Sequence[str]) -> Layout:
        """Labels of the series that were there the last time are taken from there."""
        known = dict(zip(self._last.series, self._last.labels, strict=True))
        new = [one for one in series if one not in known]
        known.update(zip(new, self._labelling.labels(new), strict=True))
        return Layout(series, [known[one] for one in series])

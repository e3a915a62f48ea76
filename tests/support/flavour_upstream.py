"""A Prometheus that answers the questions of a flavour with what is told of a made-up estate."""

from __future__ import annotations

from collections.abc import Iterable

from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.flavours import FLAVOURS, LOOKING
from tests.support.fake_prometheus import FakePrometheus, Series


class FlavourUpstream(FakePrometheus):
    """Rates, and what else Prometheus would compute, stand in `series` as it would answer them."""

    def __init__(self, flavour: str, series: Series) -> None:
        super().__init__(series)
        self._flavour = FLAVOURS[flavour]

    def vector(self, query: str) -> Iterable[tuple[str, Sample]]:
        """What an instant query gives; raises `BadQuery`."""
        if query == LOOKING:
            present = [marker for marker in self._flavour.markers if self.series.get(marker)]
            return [(marker, Sample({}, 1.0)) for marker in present]
        for question in self._flavour.questions:
            if question.promql == query and question.families != {"up"}:
                return [
                    (family, sample)
                    for family in question.families
                    for sample in self.series.get(family, ())
                ]
        return super().vector(query)

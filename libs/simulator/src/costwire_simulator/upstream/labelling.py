"""The labels that Prometheus gives to the series of a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from costwire_simulator.promql.expressions import NAME
from costwire_simulator.promql.samples import Labels
from costwire_simulator.upstream.reading import Shape, names_in, taken_apart

_Pick = Callable[[Sequence[str]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the labels of series of one shape are merged with those of their target."""

    names: Sequence[str]
    further: Sequence[str]
    """The texts that all of them have."""
    pick: _Pick
    """From a series' own texts and the further ones: a text for each name."""


class Labelling:
    """Merges the labels of series with those of their target.

    Where both have a label, `honor` says that the series' stays, be it empty; else its name gets
    `exported_` before it.
    """

    def __init__(self, target: Labels, *, honor: bool) -> None:
        self._target = target
        self._honor = honor
        self._plans: dict[Shape, _Plan] = {}

    def labels(self, series: Sequence[str]) -> list[Labels]:
        """Of series as they are written; sorted, without empty ones. Raises: `BadText`."""
        known: dict[str, str] = {}  # equal texts are there once: series are many
        one_of = known.setdefault
        found: list[Labels] = []
        for one in series:
            shape, texts = taken_apart(one)
            if (plan := self._plans.get(shape)) is None:
                plan = self._plans[shape] = self._plan(shape)
            picked = plan.pick([*texts, *plan.further])
            labels = dict(zip(plan.names, map(one_of, picked, picked), strict=True))
            if "" in picked:
                labels = {name: text for name, text in labels.items() if text}
            found.append(labels)
        return found

    def _plan(self, shape: Shape) -> _Plan:
        metric, own = names_in(shape)
        places = {name: place for place, name in enumerate([*own, NAME])}
        for place, name in enumerate(self._target, len(own) + 1):
            if name not in places:
                places[name] = place
            elif not self._honor:
                places[_exported(name, {*places, *self._target})] = places[name]
                places[name] = place
        names = tuple(sorted(places))
        pick: _Pick = itemgetter(*(places[name] for name in names))
        return _Plan(names, [metric, *self._target.values()], pick)


def _exported(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"exported_{name}"
    return name

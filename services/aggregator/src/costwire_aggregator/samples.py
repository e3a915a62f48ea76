"""What upstreams answer with, as the pure core takes it: samples of instant vectors, by family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

FAMILY = "__name__"
Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One series at the time of the question."""

    labels: Labels
    """Without the family's name; a label that is absent is the same as an empty one."""
    value: float


Families = Mapping[str, Sequence[Sample]]


def by_family(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Samples that have the names of their families as a label, in their order."""
    families: dict[str, list[Sample]] = {}
    for sample in samples:
        families.setdefault(sample.labels.get(FAMILY, ""), []).append(sample)
    return families

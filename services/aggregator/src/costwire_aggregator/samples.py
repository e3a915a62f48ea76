"""What upstreams answer with, as the pure core takes it: samples of instant vectors, by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One series at the time of the question."""

    labels: Labels
    """Without the family's name; a label that is absent is the same as an empty one."""
    value: float


Families = Mapping[str, Sequence[Sample]]

"""What an upstream has of flavours that it is not asked for: said, and counted as a family."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator

from costwire_aggregator.samples import Families, Sample
from costwire_aggregator.topology.flavours import found

NOT_ASKED = "costwire_not_asked"
"""By upstream, flavour and family, how many series there are."""


def not_asked(upstream: str, looked: Families, asked: Collection[str]) -> Iterator[Sample]:
    """What was found by looking at an upstream that is of none of the flavours asked for.

    `looked`: what `LOOKING` found, where the value of a marker is the number of its series.
    """
    for flavour in found(looked):
        if flavour.name not in asked:
            for family in sorted(flavour.markers & looked.keys()):
                series = sum(value for _, value in looked[family] if 0 < value < math.inf)
                labels = {"upstream": upstream, "flavour": flavour.name, "family": family}
                yield Sample(labels, series)


def reason(flavours: Iterable[str]) -> str:
    """What to do about flavours that were not asked for."""
    names = " and ".join(sorted({*flavours}))
    return f"of flavour {names}, not asked for: list the upstream once more, with that flavour"

"""What upstreams told, as the fold takes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from costwire_aggregator.topology.sources import Reading
from costwire_aggregator.upstreams.merge import merged
from costwire_aggregator.upstreams.outcomes import Told


def readings(told: Sequence[Told], flavours: Mapping[str, str]) -> list[Reading]:
    """The series of each upstream that no other one of its flavour tells better.

    `flavours`: by upstream; one without is left out. Where one server is listed once for each of
    its flavours, a series can mean something in each.
    """
    of_flavour: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        if one.upstream in flavours:
            of_flavour[flavours[one.upstream]].append(one)
    return [
        Reading(reading.upstream, flavour, reading.families)
        for flavour, of_it in of_flavour.items()
        for reading in merged(of_it)
    ]

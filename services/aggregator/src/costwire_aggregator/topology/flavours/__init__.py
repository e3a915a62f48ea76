"""The tables of all kinds of sources. Data: what each is asked, and what its series mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from costwire_aggregator.questions import of_families
from costwire_aggregator.topology.flavours.expressions import apart, either
from costwire_aggregator.topology.flavours.icos import ICOS
from costwire_aggregator.topology.flavours.kubernetes import KUBERNETES
from costwire_aggregator.topology.flavours.opentelemetry import OPENTELEMETRY
from costwire_aggregator.topology.flavours.rules import Flavour

FLAVOURS: Mapping[str, Flavour] = {
    flavour.name: flavour for flavour in (ICOS, KUBERNETES, OPENTELEMETRY)
}
"""Those first that others hide in: agents of ICOS gather what kube-state-metrics tells, too."""

MARKERS = frozenset(marker for flavour in FLAVOURS.values() for marker in flavour.markers)
LOOKING = either(
    apart(
        flavour.name,
        f"count by (__name__) ({of_families('', flavour.markers, matchers=flavour.marked).promql})",
    )
    for flavour in FLAVOURS.values()
)
"""What finds the marker families that an upstream has, and how many series of each."""


def found(families: Collection[str]) -> list[Flavour]:
    """The flavours of an upstream that has these families.

    One is asked of an upstream, as each has six questions: the first, where settings name none.
    """
    present = frozenset(families)
    return [flavour for flavour in FLAVOURS.values() if flavour.markers & present]

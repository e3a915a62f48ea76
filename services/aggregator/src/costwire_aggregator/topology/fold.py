"""Series of many upstreams in, one topology out.

The order of series and of upstreams changes nothing. A thing is there because a series says so
whose rule makes such things; all others fill fields of what is there. What is not used is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from costwire_aggregator.topology.clusters import ClusterKey, Registry
from costwire_aggregator.topology.finishing import finished
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.flavours.rules import Flavour, Makes, Rule
from costwire_aggregator.topology.model import Container, Device, Interface, Node, Notes, Topology
from costwire_aggregator.topology.places import Find, Finder, Place, Realm
from costwire_aggregator.topology.sources import Reading, Realms, Source
from costwire_aggregator.topology.telling import Fill, filling

NO_CLUSTER = "its cluster is not known, or it is one of several with that name"
NOBODYS = "it has no name, or tells of nothing known"

_MAKES_FIRST = {Makes.ALWAYS: 0, Makes.WHERE_NONE_IS: 1, Makes.NEVER: 2}
_NODES_FIRST = {Node: 0, Container: 2}
"""Interfaces are on nodes, containers in pods."""
_IN_ORDER = sorted(
    ((flavour, rule) for flavour in FLAVOURS.values() for rule in flavour.rules),
    key=lambda pair: (_NODES_FIRST.get(pair[1].thing, 1), _MAKES_FIRST[pair[1].makes]),
)


def fold(readings: Sequence[Reading]) -> Topology:
    """What all of them tell together."""
    notes: Notes = Counter()
    places: dict[ClusterKey, Place] = {}
    sources = [*map(Source, readings)]
    registry = Registry(chain.from_iterable(source.identities() for source in sources))
    for source in sources:
        source.count_unread(notes)
    of_all = [Realms(source, registry, places) for source in sources]
    for flavour, rule in _IN_ORDER:
        if of_flavour := [realms for realms in of_all if realms.source.flavour is flavour]:
            _tell(flavour, rule, of_flavour, notes)
    topology = finished(places, registry, notes)
    for place in places.values():
        place.realms.clear()
    return topology


def _tell(flavour: Flavour, rule: Rule, of_sources: Sequence[Realms], notes: Notes) -> None:
    kind = Node if rule.thing in (Interface, Device) else rule.thing
    finder = Finder(rule, flavour.identities.get(kind, ()))
    find = finder.find()
    fillings = [*map(filling, rule.tells)]
    fills = [one.fill for one in fillings]
    for realms in of_sources:
        for family in rule.families:
            _tell_family(family, rule, realms, find, fills, notes)
    finder.finish()
    for one in fillings:
        one.finish()


def _tell_family(
    family: str, rule: Rule, realms: Realms, find: Find, fills: Sequence[Fill], notes: Notes
) -> None:
    texts_of, where = realms.source.texts_of, rule.where.items() if rule.where else None
    otherwise: Realm | None = realms.everywhere() if rule.anywhere else None
    for labels, value in realms.source.families.get(family, ()):
        if where is not None and not where <= labels.items():
            continue
        realm = realms[texts_of(labels)] or otherwise
        thing = find(realm, labels) if realm is not None else None
        if thing is None:
            notes[family, NO_CLUSTER if realm is None else NOBODYS] += 1
            continue
        for fill in fills:
            if (reason := fill(thing, labels, value)) is not None:
                notes[family, reason] += 1

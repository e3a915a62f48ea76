"""A bill and a topology, joined. Pure; the order of resources and of clusters changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from costwire_aggregator.costs.amounts import total
from costwire_aggregator.costs.identifiers import folded, identifier
from costwire_aggregator.costs.model import (
    Ambiguity,
    Bill,
    ClusterCosts,
    CostReport,
    Level,
    Match,
    Resource,
    Thing,
    ThingCosts,
)
from costwire_aggregator.costs.rules import RULES, Reading, Rule, Strength
from costwire_aggregator.topology.model import Cluster, Topology

Decision = Match | Ambiguity | None
_EVERYWHERE = frozenset({"", "global"})
"""Regions that are none."""
_by_resource = attrgetter("resource.id")


def join(topology: Topology, bill: Bill, rules: Sequence[Rule] = RULES) -> CostReport:
    """What each cluster costs, and what could not be joined.

    A resource is joined to at most one thing: to what the first rule fits that fits one alone.
    Several things of one cluster are that cluster.
    """
    known = [(rule, _texts(rule, topology.clusters)) for rule in rules]
    ids = [one for one in known if one[0].strength is Strength.ID]
    names = [one for one in known if one[0].strength is not Strength.ID]
    readings = [Reading(one, identifier(one.id)) for one in bill.resources]
    decisions = [_decide(reading, ids, _anything, None) for reading in readings]
    places = _Places(decision for decision in decisions if isinstance(decision, Match))
    return _report(
        topology,
        bill,
        [
            decision
            if isinstance(decision, Match)
            else _decide(reading, names, places.filter(reading.resource), decision)
            for reading, decision in zip(readings, decisions, strict=True)
        ],
    )


_Texts = Mapping[str, frozenset[Thing]]


def _texts(rule: Rule, clusters: Iterable[Cluster]) -> _Texts:
    found: dict[str, set[Thing]] = defaultdict(set)
    for cluster in clusters:
        for thing, text in rule.of_cluster(cluster):
            if text:
                found[text].add(thing)
    return {text: frozenset(things) for text, things in found.items()}


def _anything(_: Thing) -> bool:
    return True


def _decide(
    reading: Reading,
    rules: Iterable[tuple[Rule, _Texts]],
    may_be: Callable[[Thing], bool],
    ambiguity: Ambiguity | None,
) -> Decision:
    """What a resource is. One that was ambiguous before is of one of its candidates' clusters."""
    for rule, texts in rules:
        if ambiguity is not None and rule.strength is Strength.HOST_NAME:
            break
        values: dict[Thing, str] = {}
        for text in rule.of_bill(reading):
            for thing in texts.get(text, ()):
                if may_be(thing) and (ambiguity is None or thing.cluster in ambiguity.clusters):
                    values[thing] = min(text, values.get(thing, text))
        if not values:
            continue
        value, one = min(values.values()), _one_of(values)
        if one is not None:
            return Match(reading.resource, rule.name, value, one)
        if ambiguity is None:
            ambiguity = Ambiguity(reading.resource, rule.name, value, sorted(values))
    return ambiguity


def _one_of(things: Iterable[Thing]) -> Thing | None:
    one, *others = things
    if not others:
        return one
    return Thing(one.cluster) if all(thing.cluster == one.cluster for thing in others) else None


class _Places:
    """The accounts and regions in which a bill has clusters, by ids.

    Names are given anew elsewhere: a cluster that is called so in another account is another one.
    """

    def __init__(self, matches: Iterable[Match]) -> None:
        self._accounts: dict[str, set[str]] = defaultdict(set)
        self._regions: dict[str, set[str]] = defaultdict(set)
        for match in matches:
            self._accounts[match.thing.cluster] |= _accounts(match.resource)
            self._regions[match.thing.cluster] |= _regions(match.resource)

    def filter(self, resource: Resource) -> Callable[[Thing], bool]:
        """Whether a thing may be meant where this resource is."""
        accounts, regions = _accounts(resource), _regions(resource)

        def may_be(thing: Thing) -> bool:
            return _meet(accounts, self._accounts.get(thing.cluster)) and _meet(
                regions, self._regions.get(thing.cluster)
            )

        return may_be


def _accounts(resource: Resource) -> set[str]:
    return {folded(said.account) for said in resource.said} - {""}


def _regions(resource: Resource) -> set[str]:
    return {folded(said.region) for said in resource.said} - _EVERYWHERE


def _meet(one: set[str], other: set[str] | None) -> bool:
    return not one or not other or not one.isdisjoint(other)


def _report(topology: Topology, bill: Bill, decisions: Sequence[Decision]) -> CostReport:
    matches: dict[str, dict[Thing, list[Match]]] = defaultdict(lambda: defaultdict(list))
    ambiguities: list[Ambiguity] = []
    strangers: list[Resource] = []
    for resource, decision in zip(bill.resources, decisions, strict=True):
        if isinstance(decision, Match):
            matches[decision.thing.cluster][decision.thing].append(decision)
        elif decision is None:
            strangers.append(resource)
        else:
            ambiguities.append(decision)
    clusters = [
        _cluster_costs(key, matches.get(key, {}))
        for key in sorted(cluster.key for cluster in topology.clusters)
    ]
    return CostReport(
        bill=bill,
        clusters=clusters,
        matched=total(cluster.amounts for cluster in clusters),
        ambiguous=total(one.resource.amounts for one in ambiguities),
        unmatched=total([bill.without_resource, *(one.amounts for one in strangers)]),
        ambiguities=sorted(ambiguities, key=_by_resource),
        strangers=sorted(strangers, key=attrgetter("id")),
    )


def _cluster_costs(key: str, matches: Mapping[Thing, Sequence[Match]]) -> ClusterCosts:
    costs = [_thing_costs(thing, matches[thing]) for thing in sorted(matches)]
    own = next((one for one in costs if one.thing.level is Level.CLUSTER), None)
    return ClusterCosts(
        key=key,
        amounts=total(one.amounts for one in costs),
        own=own or _thing_costs(Thing(key), ()),
        nodes=[one for one in costs if one.thing.level is Level.NODE],
        volumes=[one for one in costs if one.thing.level is Level.VOLUME],
    )


def _thing_costs(thing: Thing, matches: Iterable[Match]) -> ThingCosts:
    ordered = sorted(matches, key=_by_resource)
    return ThingCosts(thing, total(one.resource.amounts for one in ordered), ordered)

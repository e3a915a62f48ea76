"""What one upstream answered, and in which realm each of its series is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costwire_aggregator.samples import Families
from costwire_aggregator.topology.clusters import ClusterKey, Identity, Registry, identifying
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.flavours.others import NOT_ASKED, reason
from costwire_aggregator.topology.flavours.rules import Makes
from costwire_aggregator.topology.model import Notes
from costwire_aggregator.topology.places import Place, Realm
from costwire_aggregator.topology.readers import all_texts

UNREAD = "no rule reads it"
OTHERS = "others"
"""What all families are called in notes that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one upstream answered: no series twice, its external labels on each."""

    upstream: str
    flavour: str
    """One of `FLAVOURS`."""
    families: Families


class Source:
    """The series of one upstream."""

    def __init__(self, reading: Reading) -> None:
        self.flavour = FLAVOURS[reading.flavour]
        self.families = reading.families
        self._way = identifying(self.flavour, reading.upstream, reading.families)
        self.texts_of = all_texts(self._way.labels)
        """What the labels of a series say of its realm."""

    def identities(self) -> Iterator[Identity]:
        """What the series that make things say of their clusters."""
        makers = [rule for rule in self.flavour.rules if rule.makes is not Makes.NEVER]
        families = {family for rule in makers for family in rule.families}
        series = (self.families.get(family, ()) for family in families)
        said = {self.texts_of(labels) for samples in series for labels, _ in samples}
        return filter(None, map(self.identity, said))

    def identity(self, texts: tuple[str, ...]) -> Identity | None:
        """Which cluster they mean."""
        return self._way.identity(dict(zip(self._way.labels, texts, strict=True)))

    def count_unread(self, notes: Notes) -> None:
        """Note what nobody asked for."""
        asked = {family for question in self.flavour.questions for family in question.families}
        others = self.families.keys() - asked - {NOT_ASKED}
        if unread := sum(len(self.families[family]) for family in others):
            notes[OTHERS, UNREAD] += unread
        for labels, count in self.families.get(NOT_ASKED, ()):
            notes[labels.get("family", ""), reason([labels.get("flavour", "")])] += int(count)


class Realms(dict[tuple[str, ...], Realm | None]):
    """The realms of one source, by what labels say; None where they mean no cluster."""

    def __init__(self, source: Source, registry: Registry, places: dict[ClusterKey, Place]) -> None:
        """`places`: the clusters in the making; new ones come to be as series tell of them."""
        super().__init__()
        self.source = source
        self._registry = registry
        self._places = places

    def __missing__(self, texts: tuple[str, ...]) -> Realm | None:
        self[texts] = realm = self._realm(self.source.identity(texts))
        return realm

    def _realm(self, identity: Identity | None) -> Realm | None:
        key = identity and self._registry.key(identity)
        if not identity or not key:
            return None
        return self._places.setdefault(key, Place()).realm(identity.host)

    def everywhere(self) -> Realm:
        """Where all nodes are that the source told of, by the names that only one of them has."""
        place = Place()
        for told in {realm.place for realm in self.values() if realm is not None}:
            for name, node in told.node_names.items():
                place.name_node(name, node)
        return Realm(place, "")

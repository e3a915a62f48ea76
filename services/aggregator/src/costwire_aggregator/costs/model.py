"""A bill as it is joined, and what comes of that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from costwire_aggregator.costs.amounts import Amounts
from costwire_aggregator.costs.errors import BadPeriod

_MONTH = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])")
_MONTHS_A_YEAR = 12


class Period(NamedTuple):
    """A billing month, as `2026-10`; `following` is the first that does not count any more."""

    month: str
    following: str

    @classmethod
    def read(cls, text: str) -> Period:
        """Of its text. Raises: `BadPeriod`."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise BadPeriod(f"read the period {text[:40]!r}: give a billing month such as 2026-10")
        years, months = divmod(int(found[1]) * _MONTHS_A_YEAR + int(found[2]), _MONTHS_A_YEAR)
        return cls(text, f"{years:04d}-{months + 1:02d}")


@dataclass(frozen=True, slots=True)
class AsOf:
    """The state of the bill that was read."""

    state: int
    """0: before the first delivery."""
    commit: int | None = None
    """The delivery that made it."""
    at: str | None = None
    """Since when readers saw it, in UTC."""


class Said(NamedTuple):
    """What charges say of their resource, beside its id."""

    name: str | None = None
    account: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """What the bill has under one ResourceId."""

    id: str
    amounts: Amounts
    said: Sequence[Said] = ()
    """Each once; several where its charges differ."""
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The values of tags that may name a cluster, by key; several where its charges differ."""


@dataclass(frozen=True, slots=True)
class Bill:
    """All charges of a period."""

    table: str
    period: Period
    as_of: AsOf
    resources: Sequence[Resource]
    without_resource: Amounts
    """Of charges that name no resource."""
    totals: Amounts


class Level(StrEnum):
    """What a cost is joined to."""

    CLUSTER = "cluster"
    NODE = "node"
    VOLUME = "volume"


class Thing(NamedTuple):
    """A cluster, or a node or a volume of it."""

    cluster: str
    """Its key."""
    level: Level = Level.CLUSTER
    name: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A resource that was joined."""

    resource: Resource
    rule: str
    value: str
    """What both sides have in common, in the form in which it is compared."""
    thing: Thing


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A resource that several clusters could have been meant by."""

    resource: Resource
    rule: str
    value: str
    candidates: Sequence[Thing]

    @property
    def clusters(self) -> frozenset[str]:
        """The keys of those clusters."""
        return frozenset(thing.cluster for thing in self.candidates)


@dataclass(frozen=True, slots=True)
class ThingCosts:
    """What was joined to one thing."""

    thing: Thing
    amounts: Amounts
    matches: Sequence[Match]


@dataclass(frozen=True, slots=True)
class ClusterCosts:
    """What was joined to a cluster, and to what is in it."""

    key: str
    amounts: Amounts
    """All of it."""
    own: ThingCosts
    """What was joined to the cluster alone."""
    nodes: Sequence[ThingCosts]
    """Those with costs, as the volumes."""
    volumes: Sequence[ThingCosts]


@dataclass(frozen=True, slots=True)
class CostReport:
    """A bill and a topology, joined.

    In each currency `matched`, `ambiguous` and `unmatched` are together the bill's totals, exactly.
    """

    bill: Bill
    clusters: Sequence[ClusterCosts]
    """All of the topology, in the order of their keys."""
    matched: Amounts
    ambiguous: Amounts
    unmatched: Amounts
    """With what names no resource."""
    ambiguities: Sequence[Ambiguity]
    strangers: Sequence[Resource]
    """Resources that no rule fits."""

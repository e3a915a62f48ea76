"""How the table of a source is written: what it is asked, and which series fill which fields.

Data alone; `places` finds the thing that a series tells of, `telling` fills its fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from costwire_aggregator.questions import Question

OneOf = tuple[str, ...]
"""Labels of which the first one tells that is not empty."""


@dataclass(frozen=True, slots=True)
class All:
    """Labels that tell one text together, joined; where one is empty they tell none."""

    labels: tuple[str, ...]
    separator: str = " "


Name = OneOf | All
"""Where a text stands."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts, and between which it has to be."""

    name: str
    whole: bool = True
    factor: float = 1.0
    """From the series' unit to this one."""
    least: float = 0.0
    most: float = 2.0**53
    unknown: float = math.nan
    """The value, if any, that says that it is not known."""


CORES = Unit("cores", whole=False)
BYTES = Unit("bytes")
SPEED = Unit("bytes a second", unknown=-125_000.0)
PIECES = Unit("pieces")
HERTZ = Unit("hertz")
CELSIUS = Unit("Celsius", whole=False, least=-273.15, most=100_000.0)
MICROJOULES = Unit("joules", whole=False, factor=1e-6, most=2.0**73)
SCORE = Unit("score", whole=False)
LATITUDE = Unit("degrees north", whole=False, least=-90.0, most=90.0)
LONGITUDE = Unit("degrees east", whole=False, least=-180.0, most=180.0)


@dataclass(frozen=True, slots=True)
class Texts:
    """Labels to fields; of a dotted name the field of a field."""

    fields: Mapping[str, Name]


@dataclass(frozen=True, slots=True)
class Text:
    """A label to a field."""

    field: str
    of: Name
    while_one: bool = False
    """Whether of series alone whose value is 1."""


@dataclass(frozen=True, slots=True)
class TextBy:
    """A label to a map, under what another label tells, of series whose value is 1."""

    field: str
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """The value to a field, or to a map."""

    field: str
    unit: Unit
    key: str = ""
    """Under which it stands in a map."""
    by: OneOf = ()
    """Labels whose texts together are the key."""


@dataclass(frozen=True, slots=True)
class NumberIn:
    """A label that is a number to a field."""

    field: str
    unit: Unit
    label: str


@dataclass(frozen=True, slots=True)
class AmountOf:
    """The value to a map, under the resource that a label tells: cores, bytes or pieces of it."""

    field: str
    by: str = "resource"


@dataclass(frozen=True, slots=True)
class State:
    """The value's meaning to a field, or to a map."""

    field: str
    states: Mapping[float, Any]
    key: str = ""
    by: OneOf = ()


@dataclass(frozen=True, slots=True)
class LabelMap:
    """All labels with a prefix to a map, without it."""

    field: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnedBy:
    """An owner whose kind and name are labels."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class OwnedByOneOf:
    """An owner whose kind is told by the label that has its name; the first one that has one."""

    kinds: Mapping[str, str]
    """Kinds by labels."""


@dataclass(frozen=True, slots=True)
class AddressIn:
    """Labels to a further address of an interface."""

    address: str
    netmask: str
    scope: str


Tell = (
    Texts
    | Text
    | TextBy
    | Number
    | NumberIn
    | AmountOf
    | State
    | LabelMap
    | OwnedBy
    | OwnedByOneOf
    | AddressIn
)
TRUE_OR_FALSE = {1.0: True, 0.0: False}
NOT_OF_ICOS = 'icos_agent_id="",icos_host_id="",icos_host_name=""'
"""Matchers of what no agent of ICOS gathered."""


class Makes(Enum):
    """Whether a series is enough for a thing to be there."""

    NEVER = "no"
    WHERE_NONE_IS = "in clusters without any"
    """In clusters of which the rules before told no such thing."""
    ALWAYS = "yes"


@dataclass(frozen=True, slots=True)
class Rule:
    """What the series of some families tell, which are one under several names."""

    families: tuple[str, ...]
    thing: type
    tells: tuple[Tell, ...] = ()
    makes: Makes = Makes.NEVER
    where: Mapping[str, str] = field(default_factory=dict)
    """What labels have to be; other series tell nothing."""
    at: tuple[Name, ...] = ()
    """What identifies the thing, part by part; else what the flavour says of such things.

    Of nodes, and of what is on them: names of the node, each enough and tried in turn.
    """
    known_by: tuple[Name, ...] = ()
    """Of nodes: by what other series may name it; the first one identifies those it makes."""
    kind: str = ""
    """Of workloads."""
    anywhere: bool = False
    """Of nodes: whether it may be in any cluster where the series tells none."""


@dataclass(frozen=True, slots=True)
class ByLabels:
    """A series tells the name or the uid of its cluster; else its upstream's name is the name."""

    name: OneOf
    uid: OneOf = ()


@dataclass(frozen=True, slots=True)
class ByAgents:
    """ICOS agents say which cluster a host, or the uid of a cluster, belongs to."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """The table of one kind of source."""

    name: str
    told_by: str
    """What has to run in the clusters, in words."""
    markers: frozenset[str]
    """Families of which one is enough to know it."""
    questions: tuple[Question, ...]
    clusters: ByLabels | ByAgents
    identities: Mapping[type, tuple[Name, ...]]
    """What identifies a thing where its rule says nothing else: see `Rule.at`."""
    rules: tuple[Rule, ...]
    marked: str = ""
    """Matchers of the markers' labels; other series of these families are of another flavour."""

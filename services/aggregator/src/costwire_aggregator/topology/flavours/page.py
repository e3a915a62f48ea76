"""Writes docs/aggregator-flavours.md from the tables: run as a module."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from costwire_aggregator.topology.flavours import FLAVOURS, LOOKING
from costwire_aggregator.topology.flavours.rules import (
    AddressIn,
    All,
    AmountOf,
    ByAgents,
    ByLabels,
    Flavour,
    LabelMap,
    Makes,
    Name,
    Number,
    NumberIn,
    OwnedBy,
    OwnedByOneOf,
    Rule,
    State,
    Tell,
    Text,
    TextBy,
    Texts,
)
from costwire_aggregator.topology.model import Device, Interface, Node
from costwire_aggregator.topology.shape import camel_case

INTRODUCTION = f"""\
# Sources of the topology

Which metrics of a cluster fill which fields of `/v1/topology`? That depends on what runs in the
cluster: its flavour. Settings name the flavour of each upstream; where they do not, it is found by
looking which families the upstream has, and the first flavour that fits is taken:

    {LOOKING}

An upstream is asked at most six questions. One that gathers clusters of two flavours is listed
twice, with the same URL and the `flavour` of each; until it is, `/v1/completeness` says what else
was found, and the notes of the topology count its series. Upstreams that tell of one cluster, of
whatever flavour, tell of it together.

- A thing is there because a series says so whose row has "makes it"; others fill fields of things
  that are there.
- A label that is missing or empty is equal to no other. A series that fits nothing known is not
  used, and counted.
- Of several values for one field the largest holds. Texts that a series tells together stay
  together.
- A value that is no number, or that cannot be, leaves its field open; 0 is there where a series
  says 0.
- A pod asks for what its containers ask for together, and uses what they use together where all
  of them tell it.
- A pod that a ReplicaSet keeps running belongs to what owns the ReplicaSet.

This page is written by `make docs`.
"""


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(page())


def page() -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION, *map(_section, FLAVOURS.values())))


def _section(flavour: Flavour) -> str:
    identities = (
        f"| {kind.__name__} | {_found_by(kind, names)} |"
        for kind, names in flavour.identities.items()
    )
    return "\n".join(
        (
            f"## {flavour.name}",
            "",
            f"What runs: {flavour.told_by}. Found by {_codes(*sorted(flavour.markers))}.",
            _clusters(flavour.clusters),
            "",
            "| question | PromQL |",
            "| --- | --- |",
            *(f"| {one.name} | {_cell(one.promql)} |" for one in flavour.questions),
            "",
            "| thing | found by |",
            "| --- | --- |",
            *identities,
            "",
            "| family | thing | fields |",
            "| --- | --- | --- |",
            *map(_row, flavour.rules),
            "",
        )
    )


def _clusters(clusters: ByLabels | ByAgents) -> str:
    if isinstance(clusters, ByAgents):
        return "Its agents say which cluster a host, or the uid of a cluster, belongs to."
    uid = f", its uid {_name(clusters.uid)}" if clusters.uid else ""
    return f"The name of a cluster is {_name(clusters.name)}{uid}; else the upstream's name is."


def _row(rule: Rule) -> str:
    thing = f"{rule.thing.__name__} ({rule.kind})" if rule.kind else rule.thing.__name__
    if rule.at:
        thing += f" by {_found_by(rule.thing, rule.at)}"
    if rule.makes is not Makes.NEVER:
        thing += "; makes it" if rule.makes is Makes.ALWAYS else f"; makes it {rule.makes.value}"
    where = "".join(f" where `{label}` is `{text}`" for label, text in rule.where.items())
    fields = "; ".join(text for tell in rule.tells for text in _told(tell))
    return f"| {_codes(*rule.families)}{where} | {thing} | {fields} |"


def _found_by(kind: type, names: tuple[Name, ...]) -> str:
    separator = ", else " if kind in (Node, Interface, Device) else ", "
    return separator.join(map(_name, names))


def _told(tell: Tell) -> Iterator[str]:
    match tell:
        case Texts():
            for field, name in tell.fields.items():
                yield _fills(field, _name(name))
        case Text():
            yield _fills(tell.field, _name(tell.of))
        case TextBy():
            yield _fills(tell.field, f"`{tell.text}`", (tell.by,))
        case Number():
            yield _fills(tell.field, tell.unit.name, tell.by, tell.key)
        case NumberIn():
            yield _fills(tell.field, f"`{tell.label}`")
        case AmountOf():
            yield _fills(tell.field, "cores, bytes or pieces", (tell.by,))
        case State():
            states = ", ".join(f"{value:g} is {state}" for value, state in tell.states.items())
            yield _fills(tell.field, states, tell.by, tell.key)
        case LabelMap():
            yield _fills(tell.field, _codes(*(f"{prefix}*" for prefix in tell.prefixes)))
        case OwnedBy():
            yield _fills("owner", f"`{tell.kind}`, `{tell.name}`")
        case OwnedByOneOf():
            kinds = (f"`{label}` ({kind})" for label, kind in tell.kinds.items())
            yield _fills("owner", " or ".join(kinds))
        case AddressIn():
            yield _fills("addresses", _codes(tell.address, tell.netmask, tell.scope))


def _fills(field: str, value: str, by: tuple[str, ...] = (), key: str = "") -> str:
    name = ".".join((*map(camel_case, field.split(".")), *filter(None, (key,))))
    return f"**{name}** {value}{(by and f' by {_codes(*by)}') or ''}"


def _name(name: Name) -> str:
    if isinstance(name, All):
        return " with ".join(f"`{label}`" for label in name.labels)
    return " or ".join(f"`{label}`" for label in name)


def _codes(*texts: str) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _cell(text: str) -> str:
    """Code in a cell of a table."""
    return f"`{text}`".replace("|", r"\|")


if __name__ == "__main__":
    main()

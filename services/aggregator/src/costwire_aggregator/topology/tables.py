"""A topology as flat tables: one row for each thing, columns in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from costwire_aggregator.topology.model import (
    Address,
    Amounts,
    Cluster,
    Container,
    Device,
    Interface,
    Namespace,
    Node,
    PersistentVolume,
    Pod,
    Topology,
    Workload,
)
from costwire_aggregator.topology.shape import Field, shape

Row = tuple[Any, ...]
"""The cluster, what the thing is part of, the thing itself."""
_RESOURCES: Mapping[str, type] = {"cpu": float, "memory": int}
"""Those of which amounts have columns of their own."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    type: Any
    """`str`, `int`, `float`, `bool`, a list of texts, or one of these by text."""
    of: Callable[[Row], Any]
    """Its cell in a row; None where no series told it."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """All things of one kind."""

    columns: Sequence[Column]
    rows: Callable[[Cluster], Iterable[Row]]


def ndjson(topology: Topology, table: str) -> Iterator[bytes]:
    """The rows of one of `TABLES` as lines of JSON, in pieces of one cluster."""
    cells = [(column.name, column.of) for column in TABLES[table].columns]
    for cluster in topology.clusters:
        rows = TABLES[table].rows(cluster)
        yield b"\n".join(
            (*(orjson.dumps({name: of(row) for name, of in cells}) for row in rows), b"")
        )


def _columns(kind: type) -> Iterator[Column]:
    """Those of the thing itself."""
    for field in shape(kind):
        value_of = attrgetter(field.attribute)
        if field.part is None:
            yield _column(field.name, field, value_of)
            if field.of == Amounts:
                for resource, unit in _RESOURCES.items():
                    name = field.name + resource.capitalize()
                    yield Column(name, unit, _cell(-1, _amount(value_of, resource)))
        elif field.part is Address:
            yield Column(field.name, list[str], _cell(-1, _addresses))
        elif not field.is_list:
            for inner in shape(field.part):
                name = field.name + inner.name[0].upper() + inner.name[1:]
                yield _column(name, inner, _inner(value_of, inner.attribute))


def _column(name: str, field: Field, value_of: Callable[[Any], Any]) -> Column:
    return Column(name, field.of, _cell(-1, value_of), field.description)


def _cell(at: int, value_of: Callable[[Any], Any]) -> Callable[[Row], Any]:
    """`at`: which thing of the row has the value."""

    def cell(row: Row) -> Any:
        value = value_of(row[at])
        if isinstance(value, dict):
            return dict(sorted(value.items())) or None
        return value if value or value == 0 else None

    return cell


def _amount(amounts_of: Callable[[Any], Amounts], resource: str) -> Callable[[Any], Any]:
    return lambda thing: amounts_of(thing).get(resource)


def _inner(part_of: Callable[[Any], Any], attribute: str) -> Callable[[Any], Any]:
    return lambda thing: getattr(part_of(thing), attribute, None)


def _addresses(interface: Interface) -> list[str]:
    return ["/".join(filter(None, (one.address, one.netmask))) for one in interface.addresses]


def _table(kind: type, rows: Callable[[Cluster], Iterable[Row]], **parts: tuple[int, str]) -> Table:
    """`parts`: columns of what it is part of: where that stands in the row, and its field."""
    of_parts = (
        Column(name, str, _cell(at, attrgetter(attribute)))
        for name, (at, attribute) in parts.items()
    )
    return Table((*of_parts, *_columns(kind)), rows)


def _rows(things: str, parts: str = "") -> Callable[[Cluster], Iterable[Row]]:
    """`parts`: the list in each of the things whose values are meant."""
    things_of = attrgetter(things)
    if not parts:
        return lambda cluster: ((cluster, thing) for thing in things_of(cluster))
    parts_of = attrgetter(parts)
    return lambda cluster: (
        (cluster, thing, part) for thing in things_of(cluster) for part in parts_of(thing)
    )


_CLUSTER = (0, "key")
TABLES: Mapping[str, Table] = {
    "clusters": _table(Cluster, lambda cluster: [(cluster,)]),
    "nodes": _table(Node, _rows("nodes"), cluster=_CLUSTER),
    "namespaces": _table(Namespace, _rows("namespaces"), cluster=_CLUSTER),
    "workloads": _table(Workload, _rows("workloads"), cluster=_CLUSTER),
    "pods": _table(Pod, _rows("pods"), cluster=_CLUSTER),
    "containers": _table(
        Container,
        _rows("pods", "containers"),
        cluster=_CLUSTER,
        namespace=(1, "namespace"),
        pod=(1, "name"),
        node=(1, "node"),
    ),
    "volumes": _table(PersistentVolume, _rows("volumes"), cluster=_CLUSTER),
    "interfaces": _table(
        Interface, _rows("nodes", "interfaces"), cluster=_CLUSTER, node=(1, "name")
    ),
    "devices": _table(Device, _rows("nodes", "devices"), cluster=_CLUSTER, node=(1, "name")),
}

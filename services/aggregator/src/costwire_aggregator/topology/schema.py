"""What documents of a topology look like, for OpenAPI 3.1: made from the model and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import getdoc
from typing import Any, get_args, get_origin

from costwire_aggregator.topology.document import CLUSTERS
from costwire_aggregator.topology.model import Amounts, Cluster
from costwire_aggregator.topology.shape import Field, shape
from costwire_aggregator.topology.tables import TABLES
from costwire_runtime.openapi import Node, listed, or_null, record, ref

_TYPES: Mapping[Any, Node] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    int | float: {"type": "number"},
}
_AMOUNTS = "Amounts"


def topology_schemas(extra: Mapping[str, Node]) -> Mapping[str, Node]:
    """The schemas of the document and its parts, and of the rows of tables, by their names.

    `extra`: what else stands in the document, by name.
    """
    parts = {kind.__name__: _part(kind) for kind in _kinds(Cluster)}
    rows = {row_name(table): _row(table) for table in TABLES}
    amounts = {**_values(int | float), "description": "By resource: cores, bytes, or pieces."}
    document = record({CLUSTERS: listed(ref(Cluster.__name__))}, extra)
    return {"Topology": document, **parts, _AMOUNTS: amounts, **rows}


def row_name(table: str) -> str:
    """What the schema of a table's rows is called."""
    return f"{table.capitalize()}Row"


def _kinds(kind: type) -> Iterator[type]:
    """A class of the model, and those that its fields are of."""
    yield kind
    for field in shape(kind):
        if field.part is not None:
            yield from _kinds(field.part)


def _part(kind: type) -> Node:
    fields = {field.name: _field(field) for field in shape(kind)}
    required = {field.name: fields.pop(field.name) for field in shape(kind) if field.is_identity}
    return {**record(required, fields), "description": getdoc(kind)}


def _field(field: Field) -> Node:
    schema = ref(field.part.__name__) if field.part else _schema(field.of)
    schema = listed(schema) if field.is_list else schema
    return {**schema, "description": field.description} if field.description else schema


def _schema(of: Any) -> Node:
    if of == Amounts:
        return ref(_AMOUNTS)
    if get_origin(of) is dict:
        return _values(get_args(of)[1])
    return listed(_schema(*get_args(of))) if get_origin(of) is list else _TYPES[of]


def _values(of: Any) -> Node:
    return {"type": "object", "additionalProperties": _TYPES[of]}


def _row(table: str) -> Node:
    columns = {column.name: or_null(_schema(column.type)) for column in TABLES[table].columns}
    return record(columns)

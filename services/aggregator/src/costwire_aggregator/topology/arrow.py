"""Tables of a topology as Arrow IPC streams; the only importer of pyarrow here."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, get_args, get_origin

import pyarrow as pa

from costwire_aggregator.topology.model import Topology
from costwire_aggregator.topology.tables import TABLES

_TYPES: dict[Any, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    int | float: pa.float64(),
}


def arrow(topology: Topology, table: str) -> Iterator[bytes]:
    """The rows of one of `TABLES`, in pieces of one cluster."""
    schema = pa.schema([(column.name, _type(column.type)) for column in TABLES[table].columns])
    stream = BytesIO()
    with pa.ipc.new_stream(stream, schema) as writer:
        for cluster in topology.clusters:
            rows = [*TABLES[table].rows(cluster)]
            columns = (map(column.of, rows) for column in TABLES[table].columns)
            writer.write_batch(pa.record_batch([*map(_array, columns, schema)], schema))
            yield _taken(stream)
    yield _taken(stream)


def _type(of: Any) -> pa.DataType:
    inner = [_type(one) for one in get_args(of)] if get_origin(of) in (dict, list) else []
    if get_origin(of) is dict:
        return pa.map_(*inner)
    return pa.list_(*inner) if inner else _TYPES[of]


def _array(cells: Iterator[Any], field: pa.Field) -> pa.Array:
    if pa.types.is_map(field.type):
        cells = (None if cell is None else [*cell.items()] for cell in cells)
    return pa.array(cells, field.type)


def _taken(stream: BytesIO) -> bytes:
    """What was written since it was last taken."""
    piece = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return piece

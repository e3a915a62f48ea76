"""Bodies of charges in every accepted format, as tables of text columns; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.errors import BadPart, BadUpload
from costwire_focus.flattened_tags import with_json_tags

ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
JSON = "application/json"


@dataclass(frozen=True)
class Upload:
    """Charges as they were sent, and the records' own time (Unix seconds)."""

    charges: pa.Table
    timestamp: int


def read_part(body: bytes) -> pa.Table:
    """An Arrow IPC stream of text columns; empty cells are null."""
    try:
        table = pa.ipc.open_stream(body).read_all()
    except pa.ArrowInvalid as broken:
        raise BadPart(f"read the part: it is no whole Arrow IPC stream ({broken})") from broken
    columns = {}
    for field in table.schema:
        if field.name in columns:
            raise BadPart(f"read the part: column {field.name!r} stands twice")
        if not _is_text(field.type):
            raise BadPart(f"read the part: column {field.name!r} is {field.type}, not text")
        columns[field.name] = _null_for_empty(table.column(field.name).cast(pa.string()))
    return pa.table(columns)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _null_for_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    empty = pc.equal(pc.binary_length(column), 0)
    return pc.if_else(empty, pa.scalar(None, pa.string()), column)


def read_upload(content_type: str, body: bytes) -> Upload:
    """The original's list of records `{labels, value, timestamp}`, the same as NDJSON, or Arrow.

    Columns are the labels of all records together. A charge's cost is its label BilledCost; the
    sample's value counts only where that label is absent. Flattened tags become JSON again.
    """
    if content_type == ARROW:
        return Upload(with_json_tags(read_part(body)), 0)
    if content_type == NDJSON:
        records = [
            _record(line, at) for at, line in enumerate(body.splitlines(), 1) if line.strip()
        ]
    elif content_type == JSON:
        records = _document(body)
    else:
        raise BadUpload(f"read the upload: send {JSON}, {NDJSON} or {ARROW}, not {content_type!r}")
    charges = [_labels(record, at) for at, record in enumerate(records, 1)]
    timestamps = [record.get("timestamp") for record in records]
    known = [int(t) for t in timestamps if isinstance(t, int | float)]
    return Upload(with_json_tags(_table(charges)), max(known, default=0))


def _document(body: bytes) -> list[Any]:
    try:
        records = json.loads(body)
    except ValueError as broken:
        raise BadUpload(
            f"read the upload: it is no JSON ({broken})",
            line=getattr(broken, "lineno", None),
            column=getattr(broken, "colno", None),
        ) from broken
    if not isinstance(records, list):
        raise BadUpload("read the upload: it is no list of records")
    return records


def _record(line: bytes, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as broken:
        raise BadUpload(f"read the upload: line {number} is no JSON", line=number) from broken


def _labels(record: Any, number: int) -> dict[str, str | None]:
    labels = record.get("labels") if isinstance(record, dict) else None
    if not isinstance(labels, dict):
        raise BadUpload(f"read the upload: record {number} has no labels", line=number)
    cells = {
        str(name): None if cell is None else str(cell) or None for name, cell in labels.items()
    }
    value = record.get("value")
    if "BilledCost" not in cells and isinstance(value, int | float) and value == value:  # no NaN
        cells["BilledCost"] = repr(value)
    return cells


def _table(charges: Iterable[dict[str, str | None]]) -> pa.Table:
    rows = list(charges)
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table(
        {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    )

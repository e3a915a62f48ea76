"""Bodies of charges in every accepted format, as tables of text columns; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.arrow_bodies import PartLimits, no_text_is_told, read_stream
from costwire_db_handler.errors import BadPart, BadUpload
from costwire_focus.flattened_tags import with_json_tags
from costwire_focus.repeats import plain_table, plain_type

ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
JSON = "application/json"

_LATEST = 253_402_300_799
"""The end of the year 9999."""
_USUAL = PartLimits()


@dataclass(frozen=True)
class Upload:
    """Charges as they were sent, and the records' own time (Unix seconds)."""

    charges: pa.Table
    timestamp: int


def read_part(body: bytes, limits: PartLimits = _USUAL) -> pa.Table:
    """An Arrow IPC stream of text columns, dictionaries or not; empty cells are null."""
    table = read_stream(body, limits)
    for field in table.schema:
        if not _is_text(plain_type(field.type)):
            raise BadPart(f"read the part: column {field.name!r} is {field.type}, not text")
    limits.check_text(table)
    columns: dict[str, pa.ChunkedArray] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name in columns:
            raise BadPart(f"read the part: column {field.name!r} stands twice")
        columns[field.name] = _text_column(field.name, column)
    return pa.table(columns)


def _text_column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    with no_text_is_told(name):
        column.validate(full=True)
    if not pa.types.is_dictionary(column.type):
        return _null_for_empty(column.cast(pa.string()))
    told = []
    for chunk in column.chunks:  # whose dictionaries may be long, so one at a time is cast
        texts = chunk.dictionary.cast(pa.string())
        if column.num_chunks == 1 and not (texts.null_count or pc.any(_is_empty(texts)).as_py()):
            return pa.DictionaryArray.from_arrays(chunk.indices, texts)
        told.append(texts.take(chunk.indices))
    return _null_for_empty(pa.chunked_array(told, pa.string()))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _null_for_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(_is_empty(column), pa.scalar(None, pa.string()), column)


def _is_empty(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.equal(pc.binary_length(texts), 0)


def read_upload(content_type: str, body: bytes, limits: PartLimits = _USUAL) -> Upload:
    """The original's list of records `{labels, value, timestamp}`, the same as NDJSON, or Arrow.

    Columns are the labels of all records together. A charge's cost is its label BilledCost; the
    sample's value counts only where that label is absent. Flattened tags become JSON again.
    """
    if content_type == ARROW:
        return Upload(with_json_tags(plain_table(read_part(body, limits))), 0)
    if content_type == NDJSON:
        records = [
            _record(line, at) for at, line in enumerate(body.splitlines(), 1) if line.strip()
        ]
    elif content_type == JSON:
        records = _document(body)
    else:
        raise BadUpload(f"read the upload: send {JSON}, {NDJSON} or {ARROW}, not {content_type!r}")
    limits.check(len(records), 0)
    charges = [_labels(record, at) for at, record in enumerate(records, 1)]
    names = dict.fromkeys(name for row in charges for name in row)
    limits.check(len(charges), len(names))
    timestamps = [_timestamp(record, at) for at, record in enumerate(records, 1)]
    return Upload(with_json_tags(_table(charges, names)), max(timestamps, default=0))


def _document(body: bytes) -> list[Any]:
    try:
        records = _loads(body)
    except (ValueError, RecursionError) as broken:
        raise BadUpload(
            f"read the upload: it is no JSON ({broken})",
            line=getattr(broken, "lineno", None),
            column=getattr(broken, "colno", None),
        ) from broken
    if not isinstance(records, list):
        raise BadUpload("read the upload: it is no list of records")
    return records


def _loads(text: bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def _record(line: bytes, number: int) -> Any:
    try:
        return _loads(line)
    except (ValueError, RecursionError) as broken:
        raise BadUpload(f"read the upload: line {number} is no JSON", line=number) from broken


def _labels(record: Any, number: int) -> dict[str, str | None]:
    labels = record.get("labels") if isinstance(record, dict) else None
    if not isinstance(labels, dict):
        raise BadUpload(f"read the upload: record {number} has no labels", line=number)
    cells = {name: _text(cell) for name, cell in labels.items()}
    value = record.get("value")
    if "BilledCost" not in cells and isinstance(value, int | Decimal):  # NaN is none of them
        cells["BilledCost"] = str(value)
    return cells


def _text(cell: Any) -> str | None:
    """A label's value as the text of a cell; numbers keep their digits."""
    if isinstance(cell, dict | list | bool):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return None if cell is None else str(cell) or None


def _timestamp(record: dict[str, Any], number: int) -> int:
    told = record.get("timestamp") or 0
    if isinstance(told, int | Decimal) and 0 <= told <= _LATEST:
        return int(told)
    raise BadUpload(
        f"read the upload: the timestamp of record {number} is no Unix time in seconds", line=number
    )


def _table(rows: Sequence[dict[str, str | None]], names: Iterable[str]) -> pa.Table:
    try:
        return pa.table(
            {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
        )
    except UnicodeEncodeError as broken:
        raise BadUpload("read the upload: a text holds half of a surrogate pair") from broken

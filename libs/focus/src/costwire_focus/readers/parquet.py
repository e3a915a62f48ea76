"""Parquet: typed columns in, the same text columns out as from CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.batch import Batch
from costwire_focus.columns import ValueType, value_type
from costwire_focus.errors import Unreadable
from costwire_focus.own_rules import BINARY_FLOAT, INSTANT_WITHOUT_ZONE
from costwire_focus.readers.names import unique_names
from costwire_focus.recount import ParquetRecount

_BATCH_ROWS = 16_384
_BUFFER_BYTES = 256 * 1024
_BINARY = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_NOT_FOR_POLARS = re.compile("binary|decimal256|duration|_view|tz=(?!UTC)")
_UUID_DIGITS = "^(.{8})(.{4})(.{4})(.{4})(.{12})$"


class ParquetReport:
    """One parquet part. Lines are the numbers of its rows, raw rows their JSON."""

    def __init__(self, stream: BinaryIO, file: str) -> None:
        self._stream = stream
        self._file = file
        self.remarks: dict[str, str] = {}
        try:
            # Else it reads ahead until it holds the whole file, or at least a row group of it.
            self._parquet = pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        except (pa.ArrowException, OSError) as broken:
            raise Unreadable(
                f"read {file}: it is no whole parquet file ({broken}); fetch it again"
            ) from broken
        schema = self._parquet.schema_arrow
        self.header = tuple(schema.names)
        self.names = unique_names(schema.names, self.remarks)
        floats = [f.name for f in schema if pa.types.is_floating(f.type)]
        if any(name in floats for name in COST_COLUMNS):
            self.remarks[BINARY_FLOAT] = (
                "amounts are binary floats; each was read as its shortest decimal text: "
                + ", ".join(floats)
            )
        self._remark_zones(schema)
        self._recount: ParquetRecount | None = None

    def _remark_zones(self, schema: pa.Schema) -> None:
        without = [
            field.name
            for field in schema
            if pa.types.is_timestamp(field.type)
            and field.type.tz is None
            and value_type(field.name) is ValueType.INSTANT
        ]
        if without:
            told = f"timestamps have no zone; each was taken as UTC: {', '.join(without)}"
            self.remarks[INSTANT_WITHOUT_ZONE] = told

    def recount(self) -> ParquetRecount:
        """The independent count of the same file."""
        if self._recount is None:
            self._stream.seek(0)
            self._recount = ParquetRecount(self._stream)
        return self._recount

    def batches(self) -> Iterator[Batch]:
        """The charges, some thousand rows at a time."""
        row = 1
        batches = self._parquet.iter_batches(batch_size=_BATCH_ROWS)
        while (batch := self._next(batches)) is not None:
            table = pa.table([_as_text(column) for column in batch.columns], names=self.names)
            lines = pa.array(np.arange(row, row + table.num_rows))
            yield Batch(table, lines, self._file, _raw_rows(table))
            row += table.num_rows

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (pa.ArrowException, OSError) as broken:
            raise Unreadable(_what_is_wrong(self._file, str(broken))) from broken


def _what_is_wrong(file: str, told: str) -> str:
    if "crypt" in told.lower():
        return f"read {file}: its columns are encrypted; write it without encryption, or as CSV"
    return f"read {file}: its data are damaged ({told}); fetch it again"


def _raw_rows(table: pa.Table) -> Any:
    def raw(index: int) -> bytes:
        row = table.slice(index, 1).to_pylist()[0]
        return json.dumps(row, ensure_ascii=False).encode()

    return raw


def _as_text(column: pa.Array) -> pa.Array:
    """A column of any type as text; an empty text is null."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray) and not isinstance(column, pa.UuidArray):
        column = column.storage
    kind = column.type
    if pa.types.is_timestamp(kind):
        text = _instant_text(column)
    elif pa.types.is_duration(kind):
        text = pc.binary_join_element_wise(
            pc.cast(pc.cast(column, pa.int64()), pa.string()), kind.unit, " "
        )
    elif pa.types.is_map(kind):
        text = _map_text(column)
    elif pa.types.is_nested(kind):
        text = _nested_text(column)
    elif isinstance(column, pa.UuidArray):
        text = _uuid_text(column)
    elif any(is_kind(kind) for is_kind in _BINARY):
        text = _binary_text(column)
    else:
        text = pc.cast(column, pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _instant_text(column: pa.Array) -> pa.Array:
    """FOCUS's own form for whole seconds; the digits of a fraction where there is one."""
    utc = pc.cast(pc.cast(column, pa.int64()), pa.timestamp(column.type.unit))
    seconds = pc.floor_temporal(utc, unit="second")
    form = "%Y-%m-%dT%H:%M:%SZ"
    text = pc.strftime(pc.cast(seconds, pa.timestamp("s")), form)
    whole = pc.equal(utc, seconds)
    return text if pc.all(whole).as_py() else pc.if_else(whole, text, pc.strftime(utc, form))


def _binary_text(column: pa.Array) -> pa.Array:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        return _polars_text(pl.Series(pc.cast(column, pa.binary())).bin.encode("base64"))


def _uuid_text(column: pa.Array) -> pa.Array:
    digits = pl.Series(pc.cast(column.storage, pa.binary())).bin.encode("hex")
    return _polars_text(digits.str.replace(_UUID_DIGITS, "$1-$2-$3-$4-$5"))


def _polars_text(texts: pl.Series) -> pa.Array:
    return texts.to_arrow().cast(pa.string())


def _nested_text(column: pa.Array) -> pa.Array:
    """Each value as JSON; with Python's where polars panics at a type within."""
    if not _NOT_FOR_POLARS.search(str(column.type)):
        return _json_text(pl.Series(column))
    cells = [
        None if cell is None else json.dumps(cell, ensure_ascii=False, default=str)
        for cell in column.to_pylist()
    ]
    return pa.array(cells, pa.string())


def _json_text(values: pl.Series) -> pa.Array:
    """Each value as JSON: encoded within an object, whose braces and key are cut off again."""
    wrapped = values.alias("v").to_frame().to_struct().struct.json_encode()
    text = wrapped.str.slice(len('{"v":')).str.head(-1)
    return _polars_text(pl.select(pl.when(values.is_not_null()).then(text)).to_series())


def _map_text(column: pa.MapArray) -> pa.Array:
    """A map as a JSON object, entries in their order; columnar over the flat keys and items."""
    keys = _json_text(pl.Series(pc.cast(column.keys, pa.string())))
    items = _nested_text(column.items).fill_null("null")
    entries = pc.binary_join_element_wise(keys, items, ":")
    joined = pc.binary_join(pa.ListArray.from_arrays(column.offsets, entries), ",")
    text = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(column.is_valid(), text, pa.scalar(None, pa.string()))

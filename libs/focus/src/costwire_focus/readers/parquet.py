"""Parquet: typed columns in, the same text columns out as from CSV."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.batch import Batch
from costwire_focus.errors import Unreadable
from costwire_focus.readers.names import unique_names
from costwire_focus.recount import ParquetRecount

BINARY_FLOAT = "CW-BinaryFloat"
_BATCH_ROWS = 16_384


class ParquetReport:
    """One parquet part. Lines are the numbers of its rows, raw rows their JSON."""

    def __init__(self, stream: BinaryIO, file: str) -> None:
        self._stream = stream
        self._file = file
        self.remarks: dict[str, str] = {}
        try:
            self._parquet = pq.ParquetFile(stream)
        except (pa.ArrowInvalid, OSError) as broken:
            raise Unreadable(f"read {file}: it is no whole parquet file ({broken})") from broken
        schema = self._parquet.schema_arrow
        self.names = unique_names(schema.names, self.remarks)
        floats = [f.name for f in schema if pa.types.is_floating(f.type)]
        if any(name in floats for name in COST_COLUMNS):
            self.remarks[BINARY_FLOAT] = (
                "amounts are binary floats; each was read as its shortest decimal text: "
                + ", ".join(floats)
            )
        self._recount: ParquetRecount | None = None

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
            lines = pa.array(range(row, row + table.num_rows), pa.int64())
            yield Batch(table, lines, self._file, _raw_rows(table))
            row += table.num_rows

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (pa.ArrowInvalid, OSError) as broken:
            raise Unreadable(f"read {self._file}: its data are damaged ({broken})") from broken


def _raw_rows(table: pa.Table) -> Any:
    def raw(index: int) -> bytes:
        row = table.slice(index, 1).to_pylist()[0]
        return json.dumps(row, ensure_ascii=False).encode()

    return raw


def _as_text(column: pa.Array) -> pa.Array:
    """A column of any type as text; an empty text is null."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        text = pc.cast(column, pa.string())
    elif pa.types.is_timestamp(kind):
        text = _instant_text(column)
    elif pa.types.is_map(kind):
        text = _map_text(column)
    elif pa.types.is_nested(kind):
        text = _json_text(pl.Series(column))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        text = _binary_text(column)
    else:
        text = pc.cast(column, pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _instant_text(column: pa.Array) -> pa.Array:
    """FOCUS's own form for whole seconds; digits of a fraction where there are any."""
    utc = pc.cast(column, pa.timestamp("us", tz="UTC"), safe=False)
    fraction = pc.any(pc.not_equal(pc.cast(utc, pa.int64()), _whole_seconds(utc))).as_py()
    unit = pa.timestamp("us" if fraction else "s")
    return pc.strftime(
        pc.cast(pc.cast(utc, pa.int64()), pa.timestamp("us")).cast(unit, safe=False),
        "%Y-%m-%dT%H:%M:%SZ",
    )


def _whole_seconds(utc: pa.Array) -> pa.Array:
    micros = pc.cast(utc, pa.int64())
    return pc.multiply(pc.divide(micros, 1_000_000), 1_000_000)


def _binary_text(column: pa.Array) -> pa.Array:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        return pa.array(
            [
                None if cell is None else base64.b64encode(cell).decode()
                for cell in column.to_pylist()
            ]
        )


def _json_text(values: pl.Series) -> pa.Array:
    """Each value as JSON: encoded within an object, whose braces and key are cut off again."""
    wrapped = values.alias("v").to_frame().to_struct().struct.json_encode()
    text = wrapped.str.slice(len('{"v":')).str.head(-1)
    return (
        pl.select(pl.when(values.is_not_null()).then(text)).to_series().to_arrow().cast(pa.string())
    )


def _map_text(column: pa.MapArray) -> pa.Array:
    """A map as a JSON object, entries in their order; columnar over the flat keys and items."""
    keys = _json_text(pl.Series(pc.cast(column.keys, pa.string())))
    items = _json_text(pl.Series(column.items)).fill_null("null")
    entries = pc.binary_join_element_wise(keys, items, ":")
    base = column.offsets[0].as_py()
    offsets = pc.subtract(column.offsets, base)
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, entries), ",")
    text = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(column.is_valid(), text, pa.scalar(None, pa.string()))

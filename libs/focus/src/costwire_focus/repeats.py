"""Columns as dictionaries: what a bill repeats is read, hashed and written once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def each_once(column: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """The column as a dictionary and indices; nulls are null indices.

    Maps, which Arrow cannot compare, have a place each.
    """
    flat = _flat(column)
    if isinstance(flat, pa.DictionaryArray):
        return flat
    if pa.types.is_map(flat.type):
        return pa.DictionaryArray.from_arrays(pa.array(np.arange(len(flat), dtype=np.int32)), flat)
    return flat.dictionary_encode()


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column without a dictionary."""
    flat = _flat(column)
    return flat.dictionary_decode() if isinstance(flat, pa.DictionaryArray) else flat


def plain_table(table: pa.Table) -> pa.Table:
    """The table with columns that are no dictionaries."""
    return pa.table([plain(column) for column in table.columns], names=table.column_names)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    if not column.num_chunks and pa.types.is_dictionary(column.type):  # Arrow lacks that
        nothing = pa.array([], column.type.value_type)
        return pa.DictionaryArray.from_arrays(pa.array([], column.type.index_type), nothing)
    return column.combine_chunks()

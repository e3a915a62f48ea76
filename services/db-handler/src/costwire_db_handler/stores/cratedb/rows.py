"""Staged charges as the JSON rows of a bulk statement, column by column.

Amounts travel as text: CrateDB reads a JSON number as a double.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.charges.prepare import CELL, HASHES, JSON_TEXT, PERIOD, ROW
from costwire_db_handler.stores.cratedb.layout import OPEN, Layout
from costwire_focus.columns import ValueType

_NULL = "null"
_UNSAFE = r'[\x00-\x1f"\\]'


@dataclass(frozen=True)
class Versioning:
    """What the rows of one settlement have in common."""

    number: int
    last: int
    source: int
    default_period: str

    @classmethod
    def visible(cls, number: int, source: int, default_period: str) -> Versioning:
        """Of charges that readers see from this state on."""
        return cls(number, OPEN, source, default_period)

    @classmethod
    def unseen(cls, number: int, source: int, default_period: str) -> Versioning:
        """Of charges that no state has."""
        return cls(number, number - 1, source, default_period)


def stored_columns(layout: Layout, schema: pa.Schema) -> dict[str, str]:
    """Which SQL columns staged tables of this schema fill: staged column -> SQL column."""
    found = {}
    for column in layout.columns:
        found[CELL + column.name] = column.sql_name
        if column.kind is ValueType.TAGS:
            found[JSON_TEXT + column.name] = column.json_name
    return {staged: name for staged, name in found.items() if staged in schema.names}


def encoded(
    charges: pa.Table, columns: Sequence[str], versioning: Versioning, *, by_month: bool
) -> list[str]:
    """Each charge as a JSON array: our own columns in the order of the statement, then `columns`.

    `columns`: names of staged columns.
    """
    if not charges.num_rows:
        return []
    periods = charges.column(PERIOD).combine_chunks().dictionary_encode()
    named = pa.array([text or versioning.default_period for text in periods.dictionary.to_pylist()])
    months = pa.array([text[:7] if by_month else "" for text in named.to_pylist()])
    halves = [_integers(half) for name in HASHES for half in halves_of(charges.column(name))]
    cells = [
        pa.scalar(str(versioning.number)),
        _integers(charges.column(ROW).to_numpy()),
        pc.take(_quoted(months), periods.indices),
        pa.scalar(f"{versioning.last},{versioning.source}"),
        pc.take(_quoted(named), periods.indices),
        *halves,
        *(pc.fill_null(_cells(charges, name), _NULL) for name in columns),
    ]
    joined = pc.binary_join_element_wise(*cells, ",")
    rows: list[str] = pc.binary_join_element_wise("[", joined, "]", "").to_pylist()
    return rows


def halves_of(hashes: pa.ChunkedArray) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The upper and the lower half of 128-bit hashes, as BIGINTs."""
    stored = hashes.combine_chunks()
    stored = stored.storage if isinstance(stored, pa.ExtensionArray) else stored
    numbers = np.frombuffer(stored.buffers()[1], np.int64)
    numbers = numbers[2 * stored.offset : 2 * (stored.offset + len(stored))]
    yield numbers[1::2]
    yield numbers[0::2]


def batches(rows: Sequence[str], size: int, most_bytes: int) -> Iterator[Sequence[str]]:
    """Rows in pieces of so many, or fewer where they are long."""
    start, bytes_ = 0, 0
    for at, row in enumerate(rows):
        if at > start and (at - start >= size or bytes_ + len(row) > most_bytes):
            yield rows[start:at]
            start, bytes_ = at, 0
        bytes_ += len(row)
    if start < len(rows):
        yield rows[start:]


def _cells(charges: pa.Table, name: str) -> pa.Array:
    column = charges.column(name).combine_chunks()
    if pa.types.is_map(column.type):
        return _maps(charges, name, column)
    if pa.types.is_decimal(column.type):
        return _amounts(column)
    if pa.types.is_timestamp(column.type):
        return _instants(column)
    return _texts(column)


def _texts(column: pa.Array) -> pa.Array:
    """Each value once: texts of a bill repeat."""
    cells = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    return pc.take(_quoted(cells.dictionary), cells.indices)


def _quoted(values: pa.Array) -> pa.Array:
    """Texts as JSON strings."""
    quoted = pc.binary_join_element_wise('"', values.cast(pa.string()), '"', "")
    unsafe = pc.fill_null(pc.match_substring_regex(values, _UNSAFE), False)
    if not pc.any(unsafe).as_py():
        return quoted
    escaped = [json.dumps(text, ensure_ascii=False) for text in values.filter(unsafe).to_pylist()]
    return pc.replace_with_mask(quoted, unsafe, pa.array(escaped, pa.string()))


def _amounts(column: pa.Array) -> pa.Array:
    cells = column.dictionary_encode()
    texts = pc.binary_join_element_wise('"', cells.dictionary.cast(pa.string()), '"', "")
    return pc.take(texts, cells.indices)


def _instants(column: pa.Array) -> pa.Array:
    return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()).cast(pa.string())


def _maps(charges: pa.Table, name: str, maps: pa.Array) -> pa.Array:
    """Tags as JSON objects; equal texts are written once."""
    column = name.removeprefix(CELL)
    texts = charges.column(JSON_TEXT + column).combine_chunks().dictionary_encode()
    _, first = np.unique(texts.indices.drop_null().to_numpy(), return_index=True)
    where = pc.indices_nonzero(texts.is_valid()).take(pa.array(first))
    written = [
        None if pairs is None else json.dumps(dict(pairs), ensure_ascii=False)
        for pairs in maps.take(where).to_pylist()
    ]
    return pc.take(pa.array(written, pa.string()), texts.indices)


def _integers(numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    return pa.array(numbers).cast(pa.string())

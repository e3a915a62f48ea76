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
from costwire_focus.repeats import each_once

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


@dataclass(frozen=True)
class Rows:
    """Charges as a bulk statement takes them."""

    numbers: pa.Array
    texts: pa.Array
    """The JSON array of each, with a comma behind it: side by side they are the statement's."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self.texts)

    def slice(self, start: int, end: int) -> Rows:
        """Those from `start` to before `end`."""
        return Rows(*(cells.slice(start, end - start) for cells in (self.numbers, self.texts)))

    def take(self, positions: Sequence[int]) -> Rows:
        """Those at these positions."""
        chosen = pa.array(positions, pa.int64())
        return Rows(self.numbers.take(chosen), self.texts.take(chosen))

    def batches(self, size: int, most_bytes: int) -> Iterator[Rows]:
        """Pieces of so many, or fewer where they are long; a piece has one row at least."""
        offsets, start = self._offsets().astype(np.int64), 0
        while start < len(self):
            fitting = int(np.searchsorted(offsets, offsets[start] + most_bytes, "right")) - 1
            end = max(start + 1, min(start + size, fitting))
            yield self.slice(start, end)
            start = end

    def json(self) -> memoryview:
        """The JSON arrays, with commas between them."""
        offsets = self._offsets()
        return memoryview(self.texts.buffers()[2])[offsets[0] : offsets[-1] - 1]

    def _offsets(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        first = self.texts.offset
        return np.frombuffer(self.texts.buffers()[1], np.int32)[first : first + len(self) + 1]


def encoded(
    charges: pa.Table, columns: Sequence[str], versioning: Versioning, *, by_month: bool
) -> Rows:
    """Charges as JSON arrays: our own columns in the order of the statement, then `columns`.

    `columns`: names of staged columns.
    """
    numbers = charges.column(ROW).combine_chunks()
    if not charges.num_rows:
        return Rows(numbers, pa.array([], pa.string()))
    periods = each_once(charges.column(PERIOD))
    named = pa.array([text or versioning.default_period for text in periods.dictionary.to_pylist()])
    months = pa.array([text[:7] if by_month else "" for text in named.to_pylist()])
    halves = [_integers(half) for name in HASHES for half in halves_of(charges.column(name))]
    cells = [
        pa.scalar(f"[{versioning.number}"),
        numbers.cast(pa.string()),
        pc.take(_quoted(months), periods.indices),
        pa.scalar(f"{versioning.last},{versioning.source}"),
        pc.take(_quoted(named), periods.indices),
        *halves,
        *(_cells(charges, name) for name in columns),
    ]
    cells[-1] = _joined(cells[-1], "],", "")
    return Rows(numbers, _joined(*cells, ","))


def _joined(*cells: pa.Array | pa.Scalar | str) -> pa.Array:
    """Texts side by side; the last one stands between them."""
    return pc.binary_join_element_wise(*cells, null_handling="replace", null_replacement=_NULL)


def halves_of(hashes: pa.ChunkedArray) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The upper and the lower half of 128-bit hashes, as BIGINTs."""
    stored = hashes.combine_chunks()
    stored = stored.storage if isinstance(stored, pa.ExtensionArray) else stored
    numbers = np.frombuffer(stored.buffers()[1], np.int64)
    numbers = numbers[2 * stored.offset : 2 * (stored.offset + len(stored))]
    yield numbers[1::2]
    yield numbers[0::2]


def _cells(charges: pa.Table, name: str) -> pa.Array:
    cells = each_once(charges.column(name))
    values = cells.dictionary
    if pa.types.is_map(values.type):
        texts = _objects(values)
    elif pa.types.is_decimal(values.type):
        texts = pc.binary_join_element_wise('"', values.cast(pa.string()), '"', "")
    elif pa.types.is_timestamp(values.type):
        texts = values.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()).cast(pa.string())
    else:
        texts = _quoted(values)
    return pc.take(texts, cells.indices)


def _quoted(values: pa.Array) -> pa.Array:
    """Texts as JSON strings."""
    quoted = pc.binary_join_element_wise('"', values.cast(pa.string()), '"', "")
    unsafe = pc.fill_null(pc.match_substring_regex(values, _UNSAFE), False)
    if not pc.any(unsafe).as_py():
        return quoted
    escaped = [json.dumps(text, ensure_ascii=False) for text in values.filter(unsafe).to_pylist()]
    return pc.replace_with_mask(quoted, unsafe, pa.array(escaped, pa.string()))


def _objects(maps: pa.MapArray) -> pa.Array:
    """Tags as JSON objects."""
    return pa.array(
        [
            None if pairs is None else json.dumps(dict(pairs), ensure_ascii=False)
            for pairs in maps.to_pylist()
        ],
        pa.string(),
    )


def _integers(numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    return pa.array(numbers).cast(pa.string())

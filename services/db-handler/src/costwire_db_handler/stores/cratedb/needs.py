"""What a delivery asks of the shape of its table, beside the scales of amounts."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.charges.prepare import CELL
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.stores.cratedb.layout import LONGEST_INDEXED_BYTES, Layout
from costwire_focus.columns import ValueType


def long_columns(parts: StagedParts, layout: Layout) -> set[str]:
    """The columns of texts that are longer than what an index takes."""
    candidates = {
        CELL + column.name: column.name
        for column in layout.columns
        if column.kind is ValueType.TEXT and not column.plain
    }
    return {
        candidates[name]
        for part in parts.read(list(candidates), plain=False)
        for name in part.column_names
        for chunk in part.column(name).chunks
        if (pc.max(pc.binary_length(_values(chunk))).as_py() or 0) > LONGEST_INDEXED_BYTES
    }


def _values(cells: pa.Array) -> pa.Array:
    values = cells.dictionary if isinstance(cells, pa.DictionaryArray) else cells
    return values.cast(pa.large_string())


def tag_keys(parts: StagedParts, layout: Layout) -> dict[str, dict[str, bool]]:
    """The keys of tags by SQL name of their column, the most frequent first.

    Each with whether no text of it is too long for an index.
    """
    tags = {CELL + c.name: c.sql_name for c in layout.columns if c.kind is ValueType.TAGS}
    found: dict[str, Counter[str]] = {name: Counter() for name in tags.values()}
    long: dict[str, set[str]] = {name: set() for name in tags.values()}
    for part in parts.read(list(tags)):
        for name in part.column_names:
            for chunk in part.column(name).chunks:
                keys = chunk.keys
                for count in pc.value_counts(keys).to_pylist():
                    found[tags[name]][count["values"]] += count["counts"]
                lengths = pc.binary_length(chunk.items)
                over = pc.fill_null(pc.greater(lengths, LONGEST_INDEXED_BYTES), False)
                long[tags[name]] |= set(pc.unique(keys.filter(over)).to_pylist())
    return {
        name: {key: key not in long[name] for key, _ in sorted(counts.items(), key=_most_frequent)}
        for name, counts in found.items()
    }


def _most_frequent(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]

"""What a delivery asks of the shape of its table, beside the scales of amounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from costwire_db_handler.charges.summary import Summary
from costwire_db_handler.stores.cratedb.layout import LONGEST_INDEXED_BYTES, Layout
from costwire_focus.columns import ValueType


def long_columns(parts: Collection[Summary], layout: Layout) -> set[str]:
    """The columns of texts that are longer than what an index takes."""
    return {
        column.name
        for column in layout.columns
        if column.kind is ValueType.TEXT and not column.plain
        if any(part.longest.get(column.name, 0) > LONGEST_INDEXED_BYTES for part in parts)
    }


def tag_keys(parts: Collection[Summary], layout: Layout) -> dict[str, dict[str, bool]]:
    """The keys of tags by SQL name of their column, the most frequent first.

    Each with whether no text of it is too long for an index.
    """
    return {
        column.sql_name: _keys(column.name, parts)
        for column in layout.columns
        if column.kind is ValueType.TAGS
    }


def _keys(column: str, parts: Collection[Summary]) -> dict[str, bool]:
    counts: Counter[str] = Counter()
    long = set()
    for part in parts:
        for key, told in part.tag_keys.get(column, {}).items():
            counts[key] += told.count
            if told.longest > LONGEST_INDEXED_BYTES:
                long.add(key)
    return {key: key not in long for key, _ in sorted(counts.items(), key=_most_frequent)}


def _most_frequent(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]

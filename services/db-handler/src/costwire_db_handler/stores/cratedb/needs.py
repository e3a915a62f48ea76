"""What a delivery asks of the shape of its table, beside the scales of amounts."""

from __future__ import annotations

from collections.abc import Mapping

from costwire_db_handler.charges.summary import Summary
from costwire_db_handler.stores.cratedb.layout import LONGEST_INDEXED_BYTES, Layout
from costwire_focus.columns import ValueType


def long_columns(staged: Summary, layout: Layout) -> set[str]:
    """The columns of texts that are longer than what an index takes."""
    return {
        column.name
        for column in layout.columns
        if column.kind is ValueType.TEXT and not column.plain
        if staged.longest.get(column.name, 0) > LONGEST_INDEXED_BYTES
    }


def tag_keys(staged: Summary, layout: Layout) -> dict[str, dict[str, bool]]:
    """The keys of tags by SQL name of their column, the most frequent first.

    Each with whether no text of it is too long for an index.
    """
    return {
        column.sql_name: _keys(staged.tag_keys.get(column.name, {}))
        for column in layout.columns
        if column.kind is ValueType.TAGS
    }


def _keys(told: Mapping[str, tuple[int, int]]) -> dict[str, bool]:
    frequent = sorted(told, key=lambda key: (-told[key][0], key))
    return {key: told[key][1] <= LONGEST_INDEXED_BYTES for key in frequent}

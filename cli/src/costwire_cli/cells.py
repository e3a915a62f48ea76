"""Cells of an SQL answer as text and as JSON: exact amounts, UTC instants, nothing rounded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from costwire_focus.canonical import canonical_text, to_text

DOUBLES = frozenset({6, 7})
INTEGERS = frozenset({2, 8, 9, 10})
TIMESTAMPS = frozenset({11, 15})
NUMERIC = 22
_ARRAY = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_number(kind: Any) -> bool:
    """Whether a column of this type ends flush in a table."""
    return kind == NUMERIC or (isinstance(kind, int) and kind in DOUBLES | INTEGERS)


def as_json(value: Any, kind: Any) -> Any:
    """A cell for a JSON document: amounts and instants are texts, doubles and integers numbers.

    `kind` is CrateDB's number of the column's type; an array's is `[100, <number>]`.
    """
    if value is None:
        return None
    if isinstance(value, list) and isinstance(kind, Sequence) and kind[:1] == [_ARRAY]:
        return [as_json(item, kind[1]) for item in value]
    if kind in TIMESTAMPS if isinstance(kind, int) else False:
        return _instant(value)
    if kind == NUMERIC and isinstance(value, int):
        return str(value)
    return _without_decimals(value, isinstance(kind, int) and kind in DOUBLES)


def as_text(value: Any, kind: Any) -> str | None:
    """A cell for a table or a CSV file; None is null."""
    told = as_json(value, kind)
    if told is None or isinstance(told, str):
        return told
    if isinstance(told, bool | dict | list):
        return json.dumps(told, ensure_ascii=False)
    return str(told)


def _instant(value: Any) -> Any:
    if not isinstance(value, int):
        return value
    try:
        return to_text(_EPOCH + timedelta(milliseconds=value))
    except OverflowError:
        return value


def _without_decimals(value: Any, as_double: bool) -> Any:
    if isinstance(value, Decimal):
        return float(value) if as_double else canonical_text(value)
    if isinstance(value, dict):
        return {name: _without_decimals(item, as_double) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_decimals(item, as_double) for item in value]
    return value

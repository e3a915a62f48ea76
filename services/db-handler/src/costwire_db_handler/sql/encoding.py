"""Arrow columns to the JSON rows of CrateDB's protocol, column by column and exact."""

import base64
import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.canonical import canonical_text

_NULL = "null"
_UNSAFE = r'[\x00-\x1f"\\]'
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def encoded_rows(batch: pa.RecordBatch, types: Sequence[str]) -> bytes:
    """The rows of a batch as JSON arrays with commas between them.

    Units: decimals are plain JSON numbers without trailing zeros; instants and dates are
           milliseconds; what is no finite number is text.
    """
    if batch.num_columns == 0 or batch.num_rows == 0:
        return b",".join([b"[]"] * batch.num_rows)
    columns = [
        pc.fill_null(_column(column, kind), _NULL)
        for column, kind in zip(batch.columns, types, strict=True)
    ]
    joined = pc.binary_join_element_wise(*columns, ",") if len(columns) > 1 else columns[0]
    rows = joined.to_pylist()
    return ("[" + "],[".join(rows) + "]").encode()


def _column(column: pa.Array, kind: str) -> pa.Array:
    """Each value as JSON text; null stays null."""
    arrow = column.type
    if kind == "JSON":
        return column.cast(pa.string())
    for fits, encode in _COLUMNS:
        if fits(arrow):
            return encode(column)
    texts = [None if v is None else nested_text(v, arrow) for v in column.to_pylist()]
    return pa.array(texts, pa.string())


def _text(column: pa.Array) -> pa.Array:
    column = column.cast(pa.string())
    unsafe = pc.fill_null(pc.match_substring_regex(column, _UNSAFE), False)
    quoted = pc.binary_join_element_wise("", column, "", '"')
    if not pc.any(unsafe).as_py():
        return quoted
    escaped = [json.dumps(v, ensure_ascii=False) for v in column.filter(unsafe).to_pylist()]
    return pc.replace_with_mask(quoted, unsafe, pa.array(escaped, pa.string()))


def _decimal(column: pa.Array) -> pa.Array:
    text = column.cast(pa.string())
    plain = pc.replace_substring_regex(text, r"(\.[0-9]*?)0+$", r"\1")
    plain = pc.replace_substring_regex(plain, r"\.$", "")
    exponent = pc.fill_null(pc.match_substring(text, "E"), False)
    if not pc.any(exponent).as_py():
        return plain
    # Arrow writes very small numbers, and every zero of a large scale, with an exponent.
    rest = [canonical_text(Decimal(v)) for v in text.filter(exponent).to_pylist()]
    return pc.replace_with_mask(plain, exponent, pa.array(rest, pa.string()))


def _double(column: pa.Array) -> pa.Array:
    column = column.cast(pa.float64())
    # Python's digits are the shortest that read back as the same double.
    return pa.array([None if v is None else _number(v) for v in column.to_pylist()], pa.string())


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def _instant(column: pa.Array) -> pa.Array:
    unit = pa.timestamp("ms", column.type.tz)
    return column.cast(unit, safe=False).cast(pa.int64()).cast(pa.string())


def _date(column: pa.Array) -> pa.Array:
    days = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return pc.multiply(days, 86_400_000).cast(pa.string())


def _bytes(column: pa.Array) -> pa.Array:
    texts = [
        None if v is None else '"' + base64.b64encode(v).decode("ascii") + '"'
        for v in column.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _is_text(arrow: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(kind(arrow) for kind in kinds)


def _is_bytes(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow))


_COLUMNS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]]] = (
    (_is_text, _text),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_integer, _plain),
    (pa.types.is_boolean, _plain),
    (pa.types.is_floating, _double),
    (pa.types.is_timestamp, _instant),
    (pa.types.is_date, _date),
    (_is_bytes, _bytes),
)


def nested_text(value: Any, arrow: pa.DataType) -> str:
    """One value of a nested type as JSON; a decimal keeps its digits.

    Null: `null`.
    """
    if value is None:
        return _NULL
    if pa.types.is_map(arrow):
        items = [(_scalar_text(str(key)), nested_text(v, arrow.item_type)) for key, v in value]
    elif pa.types.is_struct(arrow):
        items = [(_scalar_text(f.name), nested_text(value[f.name], f.type)) for f in arrow]
    elif pa.types.is_nested(arrow):
        return "[" + ",".join(nested_text(item, arrow.value_type) for item in value) + "]"
    else:
        return _scalar_text(value)
    return "{" + ",".join(f"{key}:{text}" for key, text in items) + "}"


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return canonical_text(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return str((aware - _EPOCH) // dt.timedelta(milliseconds=1))
    if isinstance(value, dt.date):
        return str((value - _EPOCH.date()).days * 86_400_000)
    if isinstance(value, bytes):
        return '"' + base64.b64encode(value).decode("ascii") + '"'
    text = _interval(value) if isinstance(value, pa.MonthDayNano) else str(value)
    return json.dumps(text, ensure_ascii=False)


def _interval(value: Any) -> str:
    """An interval in PostgreSQL's words, e.g. `1 year 2 mons 3 days 04:05:06`."""
    years, months = divmod(abs(value.months), 12)
    sign = "-" if value.months < 0 else ""
    parts = [f"{sign}{years} years"] if years else []
    parts += [f"{sign}{months} mons"] if months else []
    parts += [f"{value.days} days"] if value.days else []
    seconds, nanoseconds = divmod(abs(value.nanoseconds), 1_000_000_000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if nanoseconds:
        clock += f".{nanoseconds:09}".rstrip("0")
    if value.nanoseconds or not parts:
        parts.append(("-" if value.nanoseconds < 0 else "") + clock)
    return " ".join(parts)

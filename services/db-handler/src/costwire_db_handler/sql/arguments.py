"""What the arguments of a statement become before the engine sees them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from costwire_db_handler.sql.checked import Conversion
from costwire_db_handler.sql.errors import ConversionFailed, InvalidArgument

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST_MILLISECONDS = 11
MAX_ARGUMENTS = 10_000


def converted(arguments: Sequence[Any], conversions: Mapping[int, Conversion]) -> list[Any]:
    """One row of arguments, each in the form that its column wants.

    Raises: `ConversionFailed` for a value that its column cannot hold.
    """
    if len(arguments) > MAX_ARGUMENTS:
        raise InvalidArgument(
            f"{len(arguments):,} arguments: a statement may have {MAX_ARGUMENTS:,}"
        )
    return [_convert(value, conversions.get(at)) for at, value in enumerate(arguments)]


def _convert(value: Any, conversion: Conversion | None) -> Any:
    if value is None:
        return None
    if conversion is Conversion.INSTANT:
        return _instant(value)
    if conversion is Conversion.MAP:
        return _map(value)
    if conversion is Conversion.JSON:
        return value if isinstance(value, str) else _text(value)
    if conversion is Conversion.DOUBLE and isinstance(value, Decimal | int):
        return float(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    """An object travels as JSON text: the engine would make a type of its own for each."""
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return value
    return _text(value) if isinstance(value, list | dict) else value


def _instant(value: Any) -> Any:
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) >= _SHORTEST_MILLISECONDS):
            return value
    elif isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise ConversionFailed(f"Cannot cast value `{_text(value)[:100]}` to type `timestamp`")
    try:
        return (_EPOCH + timedelta(milliseconds=int(value))).replace(tzinfo=None)
    except (OverflowError, ValueError):
        raise ConversionFailed(
            f"Cannot cast value `{str(value)[:100]}` to type `timestamp`"
        ) from None


def _map(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise ConversionFailed(f"Cannot cast value `{value[:100]}` to type `object`") from None
    if not isinstance(value, dict):
        raise ConversionFailed(f"Cannot cast value `{_text(value)[:100]}` to type `object`")
    texts = [v if isinstance(v, str) or v is None else _text(v) for v in value.values()]
    return {"key": list(value), "value": texts}


def _text(value: Any) -> str:
    """JSON text; a decimal keeps its digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, dict):
        items = (f"{json.dumps(key)}:{_text(item)}" for key, item in value.items())
        return "{" + ",".join(items) + "}"
    return json.dumps(value, ensure_ascii=False)

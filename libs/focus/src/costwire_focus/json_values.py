"""JSON in which a number keeps its digits, and a key that stands twice is seen twice."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

MOST_NESTED: Final = 100
"""How deep lists and objects may stand in each other; Python goes some hundreds deep."""


class Number(str):
    """The text of a JSON number."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of a JSON object, in their order."""

    __slots__ = ()

    def repeated(self) -> str | None:
        """A key that stands twice, if one does."""
        if len(dict(self)) == len(self):
            return None
        keys = [key for key, _ in self]
        return next(key for key in keys if keys.count(key) > 1)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


DECODER: Final = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=_refuse, object_pairs_hook=Members
)


def is_too_deep(value: object) -> bool:
    """Whether lists and objects stand in each other more than `MOST_NESTED` deep."""
    level = [value]
    for _ in range(MOST_NESTED + 1):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return False
    return True


def _within(value: object) -> list[Any]:
    if isinstance(value, Members):
        return [inner for _, inner in value]
    return value if isinstance(value, list) else []


def cell_text(value: object) -> str | None:
    """A value as the text of a cell: texts and numbers as they are, what is nested as JSON.

    `value` is not too deep.
    """
    if value is None or isinstance(value, str):
        return value
    return _json(value)


def _json(value: object) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Members):
        return "{" + ",".join(f"{encode_basestring(k)}:{_json(v)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]

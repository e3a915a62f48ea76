"""What travels to CrateDB and back: bodies of requests, rows, items of a bulk. No IO."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from costwire_db_handler.stores.cratedb.told import (
    DUPLICATE_KEY,
    Later,
    item_told,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READING = frozenset({"SELECT", "REFRESH", "SHOW"})
"""Statements that do no harm when they run twice."""
SESSION_CHANGING = frozenset({"RESET", "SET"})
_WRITING = frozenset({"ALTER", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "OPTIMIZE", "UPDATE"})
_RULING = frozenset({"ANALYZE", "DENY", "EXPLAIN", "GRANT", "KILL", "RESTORE", "REVOKE"})
_WORDS = READING | SESSION_CHANGING | _WRITING | _RULING | {"VALUES", "WITH"}
# Blanks, comments and opening brackets before the first word.
_FIRST_WORD = re.compile(r"(?:[\s(]|--[^\n]*|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_BODY_CHANGES_SESSION = re.compile(
    rb'"stmt"\s*:\s*"(?:\\.|\s)*(?:set|reset|begin|start|declare|discard)\b', re.IGNORECASE
)


class Unreadable(ValueError):
    """The answer is not one of CrateDB's."""


@dataclass(frozen=True)
class Answer:
    """Rows of a statement, or how many it changed; numbers with a point are decimals."""

    names: list[str]
    rows: list[list[Any]]
    rowcount: int


@dataclass(frozen=True)
class Item:
    """What became of one row of a bulk."""

    rowcount: int
    code: int | None = None
    message: str | None = field(default=None, repr=False)

    @property
    def is_transient(self) -> bool:
        """Whether the same row may succeed later; it may also have been stored already."""
        return item_told(self.code, self.message).later is not Later.NO

    @property
    def is_duplicate(self) -> bool:
        """Whether a row with this primary key exists."""
        return self.code == DUPLICATE_KEY


@dataclass(frozen=True)
class Forwarded:
    """CrateDB's answer as it came, inflated, with the headers worth passing on."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def first_word(statement: str) -> str:
    """The word that says what a statement does, or `SQL` where it is none that is known."""
    found = _FIRST_WORD.match(statement)
    word = found[1].upper() if found else ""
    return word if word in _WORDS else "SQL"


def changes_session(body: bytes) -> bool:
    """Whether the statement of this body changes the session that its connection has."""
    return _BODY_CHANGES_SESSION.search(body) is not None


def statement_body(statement: str, arguments: Sequence[Any]) -> bytes:
    """The body for one statement."""
    told: dict[str, Any] = {"stmt": statement}
    if arguments:
        told["args"] = plain(arguments)
    return json.dumps(told, allow_nan=False).encode()


def bulk_body(statement: str, rows: bytes | memoryview) -> bytes:
    """The body for a statement with many rows, these being JSON already."""
    told = json.dumps(statement).encode()
    return b"".join((b'{"stmt":', told, b',"bulk_args":[', rows, b"]}"))


def plain(value: Any) -> Any:
    """An argument as CrateDB takes it without loss: numbers that JSON would bend become text."""
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone is no argument")
        return (value - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def read_answer(body: bytes) -> Answer:
    """The rows of an answer; a statement without columns has none.

    Raises: `Unreadable`.
    """
    try:
        answer = json.loads(body, parse_float=Decimal)
        names = [str(name) for name in answer["cols"]]
        return Answer(names, list(answer["rows"]) if names else [], int(answer["rowcount"]))
    except (LookupError, TypeError, ValueError, RecursionError):
        raise Unreadable from None


_STORED, _ITEM_STORED = {"rowcount": 1}, Item(1)
"""What becomes of nearly every row."""


def read_items(body: bytes) -> list[Item]:
    """What became of each row of a bulk, in order.

    Raises: `Unreadable`.
    """
    try:
        return [_item(result) for result in json.loads(body)["results"]]
    except (LookupError, TypeError, ValueError, RecursionError):
        raise Unreadable from None


def _item(result: Mapping[str, Any]) -> Item:
    if result == _STORED:
        return _ITEM_STORED
    error = result.get("error")
    if error is None:
        return Item(int(result["rowcount"]))
    return Item(int(result["rowcount"]), int(error["code"]), str(error["message"]))

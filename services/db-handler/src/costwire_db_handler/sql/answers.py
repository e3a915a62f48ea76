"""A statement as it came over HTTP, and the answer that goes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from costwire_db_handler.sql.checked import Outcome
from costwire_db_handler.sql.errors import SqlError
from costwire_db_handler.sql.protocol import (
    CONTENT_TYPE,
    encode_bulk,
    encode_error,
    encode_result,
)


@dataclass(frozen=True)
class SqlCall:
    """A `POST /_sql`."""

    body: bytes
    content_encoding: str | None = None
    query: str = ""
    """The query string: `types`, `error_trace`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that change what a statement means, such as `Default-Schema`."""


@dataclass(frozen=True)
class SqlAnswer:
    """Its answer."""

    status: int
    pieces: Iterable[bytes]
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def told(outcome: Outcome, *, with_types: bool, milliseconds: float) -> SqlAnswer:
    """What a statement came to."""
    if outcome.result is None:
        return SqlAnswer(200, [encode_bulk(outcome.items, milliseconds=milliseconds)])
    pieces = encode_result(
        outcome.result, outcome.checked, with_types=with_types, milliseconds=milliseconds
    )
    return SqlAnswer(200, pieces)


def failed(error: SqlError) -> SqlAnswer:
    """Why a statement did not run."""
    return SqlAnswer(error.status, [encode_error(error)])

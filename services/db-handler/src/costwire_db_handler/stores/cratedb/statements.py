"""Statements of users on CrateDB: sent as they came, but each reads one state of a table.

Readers' views take the state of the moment, and anew for each mention of the table; here a
statement gets the state of its beginning for all of them. That is faster as well: CrateDB knows the
numbers when it plans the query.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from functools import partial

from costwire_db_handler.sql.answers import SqlAnswer, SqlCall, failed
from costwire_db_handler.sql.errors import EngineFailed, SqlError, UnsupportedFeature
from costwire_db_handler.sql.protocol import MAX_BODY_BYTES
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreProblem
from costwire_db_handler.stores.cratedb.messages import READING, first_word
from costwire_db_handler.stores.cratedb.pinning import (
    Pinned,
    Unreadable,
    may_mix,
    names_versioned,
    pinned,
    spelled,
)
from costwire_db_handler.stores.cratedb.told import UNKNOWN_SCHEMA, UNKNOWN_TABLE, read_told
from costwire_db_handler.stores.cratedb.turns import read_row

_SCHEMA = "doc"
_KNOWN_SECONDS = 2.0
_PRIVILEGE_MISSING = 4011
_LACKING = frozenset({_PRIVILEGE_MISSING, UNKNOWN_TABLE, UNKNOWN_SCHEMA})
_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"


class Statements:
    """Runs statements of users with their own rights."""

    def __init__(self, own: Session, *, timeout_seconds: float) -> None:
        """`own`: the handler's session, which knows the tables."""
        self._own = own
        self._timeout_seconds = timeout_seconds
        self._tables: Collection[str] = ()
        self._known_until = 0.0
        self._lock = threading.Lock()

    def run(self, session: Session, call: SqlCall) -> SqlAnswer:
        """Run one statement, or one for each row of `bulk_args`."""
        try:
            rewritten = _rewritten(call, partial(self._pinned, session))
            answer = self._forwarded(session, rewritten)
            if rewritten is not call and _lacks_something(answer):
                # Of the two views the user may have a right on the readers' alone.
                answer = self._unpinned(session, call) or answer
        except SqlError as error:
            return failed(error)
        except StoreProblem as problem:
            return failed(EngineFailed(problem.detail))
        return answer

    def _unpinned(self, session: Session, call: SqlCall) -> SqlAnswer | None:
        """The answer to a call that sees one state of a table by itself; None for another call."""
        tables = self._versioned()
        for statement in _statements(call):
            # A change that was refused on its way may have been done in part.
            if first_word(statement) not in READING or may_mix(statement, tables):
                return None
        return self._forwarded(session, _rewritten(call, spelled))

    def _forwarded(self, session: Session, call: SqlCall) -> SqlAnswer:
        headers = dict(call.headers)
        if call.content_encoding:
            headers["Content-Encoding"] = call.content_encoding
        answer = session.forward(
            call.body,
            query=call.query,
            headers=headers,
            timeout_seconds=self._timeout_seconds,
        )
        return SqlAnswer(answer.status, [answer.body], answer.content_type, answer.headers)

    def _pinned(self, session: Session, statement: str) -> str:
        tables = self._versioned()
        statement = spelled(statement)
        if not names_versioned(statement, tables):
            return statement
        try:
            return pinned(statement, self._states(tables))
        except UnsupportedFeature:
            if may_mix(statement, tables):
                raise
        except Unreadable:
            if may_mix(statement, tables) and self._understood(session, statement):
                raise
        return statement

    def _states(self, tables: Collection[str]) -> Mapping[str, Pinned]:
        states = {}
        for table in tables:
            row = read_row(self._own, table)
            if row is not None and row.layout is not None and row.layout.shown:
                states[table] = Pinned(table, row.head, row.layout.public_now())
        return states

    def _understood(self, session: Session, statement: str) -> bool:
        try:
            session.execute(f"EXPLAIN {statement}")
        except StoreProblem:
            return False
        return True

    def _versioned(self) -> Collection[str]:
        """The names of the versioned tables, as they were a moment ago."""
        with self._lock:
            if time.monotonic() > self._known_until:
                self._own.execute("REFRESH TABLE costwire.tables")
                rows = self._own.execute(
                    "SELECT name FROM costwire.tables WHERE layout IS NOT NULL LIMIT 100000"
                ).rows
                self._tables = frozenset(name for (name,) in rows)
                self._known_until = time.monotonic() + _KNOWN_SECONDS
            return self._tables


def _rewritten(call: SqlCall, reworded: Callable[[str], str]) -> SqlCall:
    """The call with each statement reworded; one that is no call at all is left to CrateDB.

    Where another schema is the caller's first one, a bare name is none of our tables.
    """
    if call.headers.get("Default-Schema", _SCHEMA) != _SCHEMA:
        return call
    try:
        text = _inflated(call).decode()
        spans = statement_spans(text)
    except (ValueError, zlib.error, EOFError, OSError):
        return call
    rewritten = text
    for start, end, statement in reversed(spans):
        edited = reworded(statement)
        if edited != statement:
            quoted = json.dumps(edited, ensure_ascii=False)
            rewritten = rewritten[:start] + quoted + rewritten[end:]
    if rewritten == text:
        return call
    return SqlCall(rewritten.encode(), None, call.query, call.headers)


def _statements(call: SqlCall) -> list[str]:
    return [statement for _, _, statement in statement_spans(_inflated(call).decode())]


def _lacks_something(answer: SqlAnswer) -> bool:
    """Whether CrateDB refused before anything was done, for want of a table or a privilege."""
    if answer.status not in {401, 404}:
        return False
    return read_told(answer.status, b"".join(answer.pieces)).code in _LACKING


def statement_spans(text: str) -> list[tuple[int, int, str]]:
    """Where the statement stands in the JSON text of a call, and what it says.

    The rest is left as it is written: numbers keep their digits. Raises `ValueError`.
    """
    spans = []
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("no object")
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError("no value")
        start = _skip(text, at + 1)
        value, at = _DECODER.raw_decode(text, start)
        if name == "stmt" and isinstance(value, str):
            spans.append((start, at, value))
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            break
        at = _skip(text, at + 1)
    return spans


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _inflated(call: SqlCall) -> bytes:
    if (call.content_encoding or "").strip().lower() != "gzip":
        return call.body
    body = zlib.decompressobj(wbits=31).decompress(call.body, MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise ValueError("too large")
    return body

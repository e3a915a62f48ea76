"""What a user may reach beyond the role: which tables of charges, and which of their rows; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.answers.speech import Fragment, Speech
from costwire_db_handler.beside import is_view_name
from costwire_db_handler.errors import BadQuestion
from costwire_focus.manifest import TABLE_NAME
from costwire_runtime.problems import Forbidden

ALL = "*"
"""Stands for every table where tables are named."""
_NOTHING = Fragment("1 = 0")


class Reach(IntEnum):
    """How far rights go; an endpoint says how little of that is enough to be let in."""

    ROWS = 1
    """Some rows of some tables."""
    TABLES = 2
    """Some tables, each as a whole."""
    ALL = 3


class InvalidRights(ValueError):
    """Rights that contradict themselves, or name what cannot be."""


@dataclass(frozen=True)
class Rights:
    """Which tables of charges a user may read and write, and which rows; by itself no limit."""

    reads: frozenset[str] | None = None
    """None: every table."""
    writes: frozenset[str] | None = None
    """None: every table, as far as the role writes."""
    where: str = ""
    """The condition of the charges that are seen; where it is false or null they are not."""

    @property
    def reach(self) -> Reach:
        """How far these rights go."""
        if self.where:
            return Reach.ROWS
        limited = self.reads is not None or self.writes is not None
        return Reach.TABLES if limited else Reach.ALL

    def may_read(self, table: str) -> bool:
        """Whether there is such a table, as far as the user may know."""
        return self.reads is None or table in self.reads

    def may_write(self, table: str) -> bool:
        """Whether the user's deliveries may be for a table."""
        return self.writes is None or table in self.writes

    def require_write(self, table: str) -> None:
        """Raises `Forbidden` where deliveries to a table are for others."""
        if not self.may_write(table):
            raise Forbidden(
                f"{table} is not among the tables that you may write; an admin can give you the "
                "right to it"
            )

    def seen(self, speech: Speech) -> Fragment:
        """The condition in the words of an engine; nothing is seen where it cannot be judged."""
        try:
            return Condition.read(self.where).sql(speech)
        except BadQuestion:
            return _NOTHING

    def to_json(self) -> str:
        """As it is stored."""
        return json.dumps(self.told())

    def told(self) -> dict[str, object]:
        """As it is told over HTTP."""
        return {
            "read": None if self.reads is None else sorted(self.reads),
            "write": None if self.writes is None else sorted(self.writes),
            "where": self.where,
        }

    def without_values(self) -> dict[str, object]:
        """As the audit log has it: of the condition no values."""
        return self.told() | {"where": Condition.read(self.where).without_values() or None}

    @classmethod
    def from_json(cls, text: str | None) -> Rights:
        """As it was stored; none where an earlier version made the user."""
        told = json.loads(text) if text else {}
        return cls(_set(told.get("read")), _set(told.get("write")), told.get("where") or "")


NO_LIMITS = Rights()


def rights_of(
    role: str, *, read: Iterable[str] | None, write: Iterable[str] | None, where: str
) -> Rights:
    """The rights that these lists of tables and this condition give a user of a role.

    Lists: None is every table, and so is `*` in a list. Whoever writes a table reads it.
    Raises: `InvalidRights`, saying what does not go together.
    """
    reads, writes = _tables(read), _tables(write)
    where = where.strip()
    limited = where or read is not None or write is not None
    if role == "admin" and limited:
        raise InvalidRights("an admin reaches all tables and rows; make a writer or a reader")
    if role == "reader" and write is not None:
        raise InvalidRights("a reader writes no table; leave write out, or make a writer")
    if role == "writer":
        if where:
            raise InvalidRights(
                "a condition on rows is for readers: a delivery replaces what others see as well"
            )
        if write is None and read is not None:
            raise InvalidRights("say which tables the writer may write, or make a reader")
        if writes is None:
            reads = None
        elif read is None:
            reads = writes
        elif reads is not None:
            reads |= writes
    try:
        Condition.read(where)
    except BadQuestion as wrong:
        raise InvalidRights(wrong.detail) from wrong
    return Rights(reads, writes, where)


def _tables(names: Iterable[str] | None) -> frozenset[str] | None:
    if names is None:
        return None
    found = frozenset(name.lower() for name in names)
    if ALL in found:
        return None
    for name in sorted(found):
        if not TABLE_NAME.fullmatch(name) or is_view_name(name):
            raise InvalidRights(
                f"{name!r} is no table of charges; name one (the views beside it go with it), "
                "or * for all"
            )
    return found


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)

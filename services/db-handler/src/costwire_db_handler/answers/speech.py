"""How an engine speaks of the columns of a versioned table: the few words in which they differ."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import chain

from costwire_db_handler.errors import BadQuestion
from costwire_focus.columns import ValueType


@dataclass(frozen=True)
class Fragment:
    """A piece of SQL, with the values that are bound in it."""

    text: str
    arguments: tuple[object, ...] = ()

    def inside(self, before: str, after: str) -> Fragment:
        """The same with other words around it."""
        return Fragment(f"{before}{self.text}{after}", self.arguments)


def joined(pieces: Sequence[Fragment], word: str) -> Fragment:
    """Conditions with `AND` or `OR` between them."""
    if len(pieces) == 1:
        return pieces[0]
    text = word.join(f"({piece.text})" for piece in pieces)
    return Fragment(text, tuple(chain.from_iterable(piece.arguments for piece in pieces)))


def listed(pieces: Sequence[Fragment]) -> Fragment:
    """Expressions with commas between them."""
    text = ", ".join(piece.text for piece in pieces)
    return Fragment(text, tuple(chain.from_iterable(piece.arguments for piece in pieces)))


@dataclass(frozen=True)
class TableColumn:
    """A column of reports in a table."""

    name: str
    kind: ValueType
    sql: str
    """Its SQL name, quoted."""
    scale: int | None = None
    """Of an amount."""
    json_sql: str = ""
    """Of tags: the SQL name of the column with the exact text, quoted."""


_QUOTED = re.compile(r'"(?:[^"]|"")+"')


@dataclass(frozen=True)
class Relation:
    """Charges to read from; of a statement's text it takes which of their columns are wanted.

    An engine plans a statement in a time that grows with the columns that it names.
    """

    always: str
    """What is selected whatever is wanted."""
    columns: frozenset[str]
    """What can be wanted beside that, quoted."""
    pieces: Sequence[tuple[str, str]]
    """Of each table: what is selected beside, and the words from `FROM` on."""

    def wanted_by(self, *texts: str) -> str:
        """The relation in the words of the engine, for a statement made of these texts."""
        said = {name for text in texts for name in _QUOTED.findall(text)}
        named = ", ".join([self.always, *sorted(self.columns & said)])
        selects = (f"SELECT {named}{beside} {source}" for beside, source in self.pieces)
        return f"({' UNION ALL '.join(selects)}) AS charges"


class Speech(ABC):
    """The SQL of one engine for one table."""

    wide = False
    """Whether sums are taken in more pieces, because they would not fit."""

    def __init__(self, table: str, columns: Sequence[TableColumn]) -> None:
        self.table = table
        self.columns: Mapping[str, TableColumn] = {column.name: column for column in columns}
        self._by_spelling = {name.lower(): column for name, column in self.columns.items()}

    def column(self, name: str) -> TableColumn:
        """A column by its name in reports, in any case; raises `BadQuestion`."""
        found = self.find(name)
        if found is None:
            near = get_close_matches(name.lower(), self._by_spelling, 3)
            told = " or ".join(self._by_spelling[each].name for each in near)
            raise BadQuestion(
                f"{self.table} has no column {name!r}" + (f"; did you mean {told}?" if told else "")
            )
        return found

    def find(self, name: str) -> TableColumn | None:
        """A column by its name in reports, in any case."""
        return self.columns.get(name) or self._by_spelling.get(name.lower())

    @abstractmethod
    def visible(self, state: int) -> Relation:
        """What readers saw in a state, with the table's columns and `_period`."""

    @abstractmethod
    def only(self, state: int, other: int) -> Relation:
        """What readers saw in a state and not in another."""

    @abstractmethod
    def either(self, state: int, other: int) -> Relation:
        """What readers saw in one of two states; `_first` and `_second` tell in which of them."""

    @abstractmethod
    def came(self, until: int) -> Relation:
        """Every charge that readers ever saw, with the state that it came with as `_state`."""

    @abstractmethod
    def went(self, until: int) -> Relation:
        """Those of them that readers see no more, with the state that took them as `_state`."""

    @abstractmethod
    def one_of(self, text: Fragment, texts: Sequence[str]) -> Fragment:
        """Whether a text is one of these."""

    @abstractmethod
    def sums(self, column: TableColumn) -> Sequence[str]:
        """Aggregates that together, added exactly, are the sum of an amount column."""

    @abstractmethod
    def exactly(self, aggregate: str) -> str:
        """A sum in a form in which all its digits arrive."""

    @abstractmethod
    def day(self, column: TableColumn) -> str:
        """The day of an instant in UTC."""

    @abstractmethod
    def text(self, column: TableColumn) -> str:
        """A text column, in a form in which it can be compared and grouped by."""

    @abstractmethod
    def tag(self, column: TableColumn, key: str) -> Fragment:
        """The text of one tag; null where a charge has none of this key."""

    @abstractmethod
    def amount(self, text: str, scale: int) -> Fragment:
        """An amount that fits a column of this scale."""

    @abstractmethod
    def instant(self, moment: datetime) -> Fragment:
        """An instant, given in UTC without zone."""

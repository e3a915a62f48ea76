"""How the embedded store speaks of the columns of a versioned table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb

from costwire_db_handler.answers.speech import Fragment, Relation, Speech, TableColumn
from costwire_db_handler.charges.sums import exact_sums
from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.rights import NO_LIMITS, Rights
from costwire_db_handler.stores.duckdb import catalog, scales
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DIGITS

_VERSIONING = "_content, _dimensions, _period, _source, _commit"
_PLACE = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\?""")


class _Place(NamedTuple):
    """A table, and how its charges are told apart from those of the other."""

    table: Callable[[str], str]
    id: str
    rowid: str
    """Of an id."""
    mine: str
    """Whether an id is one of this table's."""


_CURRENT = _Place(catalog.current, "rowid", "id", "id >= 0")
_CLOSED = _Place(catalog.history, "-1 - rowid", "-1 - id", "id < 0")


class DuckDBSpeech(Speech):
    """The SQL of DuckDB."""

    def __init__(self, table: str, columns: Sequence[TableColumn]) -> None:
        super().__init__(table, columns)
        self._seen = ""
        names = ({column.sql, column.json_sql} for column in columns)
        self._columns = frozenset[str]().union(*names)

    @classmethod
    def of(
        cls,
        sql: duckdb.DuckDBPyConnection,
        table: str,
        *,
        wide: bool = False,
        rights: Rights = NO_LIMITS,
    ) -> DuckDBSpeech:
        """Of a table as it is in a transaction; its relations hold what these rights let see."""
        names = catalog.columns(sql, table)
        found = scales.scales(sql, table, names)
        speech = cls(table, [_column(name, names[name], found.get(name)) for name in names])
        speech.wide = wide
        if rights.where:
            speech._seen = f" AND ({_inlined(rights.seen(speech))})"
        return speech

    def visible(self, state: int) -> Relation:
        """Of the current charges those that were there already, and those closed since."""
        return self._relation(
            (f"_commit <= {state:d}", f"_commit <= {state:d} AND _ended > {state:d}"),
        )

    def only(self, state: int, other: int) -> Relation:
        """With the `_id` of each charge."""
        pieces = [
            (f", {place.id} AS _id", self._from(place, condition))
            for place, condition in self._only(state, other)
        ]
        return Relation(_VERSIONING, self._columns, pieces)

    def picked(self, state: int, other: int, ids: str, columns: str) -> str:
        """These columns of some of the charges that `only` tells of, as a relation with `id`.

        `ids`: a query of their `id`. By a bare `rowid` DuckDB skips what is not near them; beside
        another condition it may take the wide side for the small one, and hold that in memory.
        """
        selects = (
            f"SELECT {place.id} AS id, {columns} FROM {place.table(self.table)} "
            f"WHERE rowid IN (SELECT {place.rowid} FROM ({ids}) WHERE {place.mine})"
            for place, _ in self._only(state, other)
        )
        return f"({' UNION ALL '.join(selects)})"

    def _only(self, state: int, other: int) -> Sequence[tuple[_Place, str]]:
        """Where, on which conditions; of the earlier state alone is only what was closed since."""
        if state > other:
            came = f"_commit > {other:d} AND _commit <= {state:d}"
            return (_CURRENT, came), (_CLOSED, f"{came} AND _ended > {state:d}")
        went = f"_commit <= {state:d} AND _ended > {state:d} AND _ended <= {other:d}"
        return ((_CLOSED, went),)

    def either(self, state: int, other: int) -> Relation:
        """Of both tables, with the two conditions as columns."""
        conditions = [
            (f"_commit <= {state:d}", f"_commit <= {other:d}"),
            (
                f"_commit <= {state:d} AND _ended > {state:d}",
                f"_commit <= {other:d} AND _ended > {other:d}",
            ),
        ]
        return self._relation(
            [f"(({first}) OR ({second}))" for first, second in conditions],
            [f", {first} AS _first, {second} AS _second" for first, second in conditions],
        )

    def came(self, until: int) -> Relation:
        """Of both tables; what was kept unseen ended as it began."""
        return self._relation(
            (f"_commit <= {until:d}", f"_commit <= {until:d} AND _ended > _commit"),
            [", _commit AS _state"] * 2,
        )

    def went(self, until: int) -> Relation:
        """Of the closed ones."""
        source = self._from(_CLOSED, f"_ended <= {until:d} AND _ended > _commit")
        return Relation(_VERSIONING, self._columns, [(", _ended AS _state", source)])

    def _relation(self, conditions: Sequence[str], beside: Sequence[str] = ("", "")) -> Relation:
        """Of the current charges and the closed ones."""
        sources = map(self._from, (_CURRENT, _CLOSED), conditions)
        return Relation(_VERSIONING, self._columns, list(zip(beside, sources, strict=True)))

    def _from(self, place: _Place, condition: str) -> str:
        """The charges of a table that are seen; the condition is joined by no `OR`."""
        return f"FROM {place.table(self.table)} WHERE {condition}{self._seen}"

    def one_of(self, text: Fragment, texts: Sequence[str]) -> Fragment:
        """A list is one value."""
        arguments = (list(texts), *text.arguments)
        return Fragment(f"list_contains(?::VARCHAR[], {text.text})", arguments)

    def sums(self, column: TableColumn) -> Sequence[str]:
        """A sum has 38 digits: where most are after the point it is taken in two halves."""
        return exact_sums(column.sql, column.scale or 0, wide=self.wide)

    def exactly(self, aggregate: str) -> str:
        """As it stands."""
        return aggregate

    def day(self, column: TableColumn) -> str:
        """A date, which is shorter than its text."""
        return f"CAST({column.sql} AS DATE)"

    def text(self, column: TableColumn) -> str:
        """As it stands."""
        return column.sql

    def tag(self, column: TableColumn, key: str) -> Fragment:
        """One value of the map; faster than by its brackets."""
        at = f"list_position(map_keys({column.sql}), ?)"
        return Fragment(f"list_extract(map_values({column.sql}), {at})", (key,))

    def amount(self, text: str, scale: int) -> Fragment:
        """Bound as text: it has all digits."""
        return Fragment(f"CAST(? AS DECIMAL({DIGITS},{scale:d}))", (text,))

    def instant(self, moment: datetime) -> Fragment:
        """Bound as text."""
        return Fragment("CAST(? AS TIMESTAMP)", (moment.isoformat(sep=" "),))


def _inlined(condition: Fragment) -> str:
    """A condition with its values as literals: a relation is a text alone.

    >>> _inlined(Fragment('"a?" = ?', ("it's",)))
    '"a?" = \'it\'\'s\''
    """
    values = iter(condition.arguments)

    def told(found: re.Match[str]) -> str:
        return found[1] or "'" + str(next(values)).replace("'", "''") + "'"

    return _PLACE.sub(told, condition.text)


def _column(name: str, sql_name: str, scale: int | None) -> TableColumn:
    kind = value_type(name)
    tags = quoted(json_name(sql_name)) if kind is ValueType.TAGS else ""
    return TableColumn(name, kind, quoted(sql_name), scale, tags)

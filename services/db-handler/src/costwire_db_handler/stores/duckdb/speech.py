"""How the embedded store speaks of the columns of a versioned table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from costwire_db_handler.answers.speech import Fragment, Speech, TableColumn
from costwire_db_handler.charges.sums import exact_sums
from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.stores.duckdb import catalog, scales
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DIGITS


class DuckDBSpeech(Speech):
    """The SQL of DuckDB."""

    @classmethod
    def of(cls, sql: duckdb.DuckDBPyConnection, table: str, *, wide: bool = False) -> DuckDBSpeech:
        """Of a table as it is in a transaction."""
        names = catalog.columns(sql, table)
        found = scales.scales(sql, table, names)
        speech = cls(table, [_column(name, names[name], found.get(name)) for name in names])
        speech.wide = wide
        return speech

    def visible(self, state: int) -> str:
        """Of the current charges those that were there already, and those closed since."""
        return self._versions(
            f"_commit <= {state:d}", f"_commit <= {state:d} AND _ended > {state:d}"
        )

    def only(self, state: int, other: int) -> str:
        """With the `_id` of each charge; a current one was there, or came between the two."""
        return self._versions(
            f"_commit <= {state:d} AND _commit > {other:d}",
            f"_commit <= {state:d} AND _ended > {state:d} "
            f"AND NOT (_commit <= {other:d} AND _ended > {other:d})",
        )

    def either(self, state: int, other: int) -> str:
        """Of both tables, with the two conditions as columns."""
        open_ = "_commit <= {:d}"
        closed = "_commit <= {0:d} AND _ended > {0:d}"
        parts = [
            f"SELECT {columns}, {first} AS _first, {second} AS _second FROM {relation} "
            f"WHERE ({first}) OR ({second})"
            for columns, relation, first, second in (
                ("*", catalog.current(self.table), open_.format(state), open_.format(other)),
                (
                    "* EXCLUDE (_ended)",
                    catalog.history(self.table),
                    closed.format(state),
                    closed.format(other),
                ),
            )
        ]
        return f"({' UNION ALL BY NAME '.join(parts)}) AS either"

    def came(self, until: int) -> str:
        """Of both tables; what was kept unseen ended as it began."""
        current, history = catalog.current(self.table), catalog.history(self.table)
        return (
            f"(SELECT *, _commit AS _state FROM {current} WHERE _commit <= {until:d} UNION ALL "
            f"BY NAME SELECT * EXCLUDE (_ended), _commit AS _state FROM {history} "
            f"WHERE _commit <= {until:d} AND _ended > _commit) AS came"
        )

    def went(self, until: int) -> str:
        """Of the closed ones."""
        return (
            f"(SELECT *, _ended AS _state FROM {catalog.history(self.table)} "
            f"WHERE _ended <= {until:d} AND _ended > _commit) AS went"
        )

    def _versions(self, current: str, history: str) -> str:
        columns = "*, 2 * rowid AS _id", "* EXCLUDE (_ended), 2 * rowid + 1 AS _id"
        return (
            f"(SELECT {columns[0]} FROM {catalog.current(self.table)} WHERE {current} "
            f"UNION ALL BY NAME SELECT {columns[1]} FROM {catalog.history(self.table)} "
            f"WHERE {history}) AS visible"
        )

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
        """One value of the map."""
        return Fragment(f"{column.sql}[?]", (key,))

    def amount(self, text: str, scale: int) -> Fragment:
        """Bound as text: it has all digits."""
        return Fragment(f"CAST(? AS DECIMAL({DIGITS},{scale:d}))", (text,))

    def instant(self, moment: datetime) -> Fragment:
        """Bound as text."""
        return Fragment("CAST(? AS TIMESTAMP)", (moment.isoformat(sep=" "),))


def _column(name: str, sql_name: str, scale: int | None) -> TableColumn:
    kind = value_type(name)
    tags = quoted(json_name(sql_name)) if kind is ValueType.TAGS else ""
    return TableColumn(name, kind, quoted(sql_name), scale, tags)

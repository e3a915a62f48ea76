"""How the embedded store speaks of the columns of a versioned table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from costwire_db_handler.answers.speech import Fragment, Speech, TableColumn
from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.stores.duckdb import catalog, scales
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DIGITS

_SUMMED_SCALE = 18
"""Leaves twenty digits before the point to a sum."""


class DuckDBSpeech(Speech):
    """The SQL of DuckDB."""

    @classmethod
    def of(cls, sql: duckdb.DuckDBPyConnection, table: str) -> DuckDBSpeech:
        """Of a table as it is in a transaction."""
        names = catalog.columns(sql, table)
        found = scales.scales(sql, table, names)
        return cls(table, [_column(name, names[name], found.get(name)) for name in names])

    def visible(self, state: int) -> str:
        """Of the current charges those that were there already, and those closed since."""
        current, history = catalog.current(self.table), catalog.history(self.table)
        return (
            f"(SELECT * FROM {current} WHERE _commit <= {state:d} UNION ALL BY NAME "
            f"SELECT * EXCLUDE (_ended) FROM {history} "
            f"WHERE _commit <= {state:d} AND _ended > {state:d}) AS visible"
        )

    def one_of(self, expression: str, texts: Sequence[str]) -> Fragment:
        """A list is one value."""
        return Fragment(f"list_contains(?::VARCHAR[], {expression})", (list(texts),))

    def sums(self, column: TableColumn) -> Sequence[str]:
        """A sum has 38 digits: where most are after the point it is taken in two halves."""
        scale = column.scale or 0
        if scale <= _SUMMED_SCALE:
            return [f"sum({column.sql})"]
        kind = f"DECIMAL({DIGITS},{_SUMMED_SCALE})"
        upper = f"CAST(trunc({column.sql}, {_SUMMED_SCALE}) AS {kind})"
        return [f"sum({upper})", f"sum({column.sql} - {upper})"]

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

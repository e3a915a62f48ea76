"""How the embedded store speaks of the columns of a versioned table."""

from __future__ import annotations

from datetime import datetime

import duckdb

from costwire_db_handler.answers.speech import Fragment, Speech, TableColumn
from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.stores.duckdb import catalog, scales
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DIGITS


class DuckDBSpeech(Speech):
    """The SQL of DuckDB."""

    @classmethod
    def of(cls, sql: duckdb.DuckDBPyConnection, table: str) -> DuckDBSpeech:
        """Of a table as it is in a transaction."""
        names = catalog.columns(sql, table)
        found = scales.scales(sql, table, names)
        return cls(table, [_column(name, names[name], found.get(name)) for name in names])

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

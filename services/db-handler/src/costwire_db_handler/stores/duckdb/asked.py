"""The versions of a table as questions read them: one transaction, within the limits of queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import duckdb

from costwire_db_handler.answers.moments import History
from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.answers.versions import Row
from costwire_db_handler.errors import UnknownTable
from costwire_db_handler.stores.duckdb import catalog, deliveries
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech

Limited = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]]


class DuckDBVersions:
    """The versions of one table, as a transaction sees them."""

    def __init__(self, sql: duckdb.DuckDBPyConnection, table: str, limited: Limited) -> None:
        """Raises `UnknownTable`."""
        if table not in catalog.cost_tables(sql):
            known = ", ".join(sorted(catalog.cost_tables(sql))) or "none yet"
            raise UnknownTable(f"there is no table {table!r} of charges; there is {known}")
        self._sql = sql
        self._limited = limited
        self.speech = DuckDBSpeech.of(sql, table)

    @property
    def history(self) -> History:
        """The states that readers were shown."""
        return History(self.speech.table, deliveries.log(self._sql, self.speech.table))

    def rows(self, statement: Fragment) -> Sequence[Row]:
        """The rows of a query."""
        with self._limited(self._sql):
            found: Sequence[Row] = self._sql.execute(
                statement.text, list(statement.arguments)
            ).fetchall()
            return found

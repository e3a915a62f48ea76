"""The versions of a table as questions read them: one transaction, within the limits of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import duckdb
import pyarrow as pa

from costwire_db_handler.answers.changed import Changed, ChangedColumns
from costwire_db_handler.answers.moments import History
from costwire_db_handler.answers.speech import Fragment, Relation, TableColumn
from costwire_db_handler.answers.versions import ChangedCharges, Row, numbered
from costwire_db_handler.errors import UnknownTable
from costwire_db_handler.rights import NO_LIMITS, Rights
from costwire_db_handler.stores.duckdb import catalog, deliveries, retiring
from costwire_db_handler.stores.duckdb.own_rows import seen_sources
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech
from costwire_focus.columns import ValueType

_BATCH_ROWS = 4_096
_CELLS_AT_ONCE = 2_000_000
Limited = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]]


class DuckDBVersions:
    """The versions of one table, as a transaction sees them."""

    def __init__(
        self,
        sql: duckdb.DuckDBPyConnection,
        table: str,
        limited: Limited,
        *,
        wide: bool = False,
        rights: Rights = NO_LIMITS,
    ) -> None:
        """The rows that these rights let see; raises `UnknownTable`."""
        tables = {name for name in catalog.cost_tables(sql) if rights.may_read(name)}
        if table not in tables:
            known = ", ".join(sorted(tables)) or "none yet"
            raise UnknownTable(f"there is no table {table!r} of charges; there is {known}")
        self._sql = sql
        self._limited = limited
        self._rights = rights
        self.speech = DuckDBSpeech.of(sql, table, wide=wide, rights=rights)

    @property
    def history(self) -> History:
        """The states that readers were shown."""
        table = self.speech.table
        lines = deliveries.log(self._sql, table)
        return History(table, lines, retiring.horizon(self._sql, table))

    def require_kept(self, state: int) -> None:
        """Nothing leaves while a transaction reads it."""

    def source_number(self, name: str) -> int:
        """The number that stands for a source."""
        return numbered(name, seen_sources(self._sql, self.speech.table, self._rights))

    def charges(
        self, columns: Sequence[TableColumn], relation: Relation, where: Fragment
    ) -> Iterator[pa.RecordBatch]:
        """Charges in batches, as long as the transaction is open."""
        cells = ", ".join(map(_cell, columns))
        told = relation.wanted_by(cells, where.text)
        query = f"SELECT {cells} FROM {told} WHERE {where.text}"
        # Two columns may differ in case alone, so they are told by their places.
        yield from self._sql.sql(query, params=list(where.arguments)).to_arrow_reader(_BATCH_ROWS)

    @contextmanager
    def changed(
        self, columns: ChangedColumns, where: Fragment, before: int, after: int
    ) -> Iterator[Changed]:
        """The charges that went and came, in temporary tables of the same transaction."""
        with self._limited(self._sql):
            changed = _DuckDBChanged(self, self._sql, columns, before, after)
            changed.load(where)
            yield changed

    def rows(self, statement: Fragment) -> Sequence[Row]:
        """The rows of a query."""
        with self._limited(self._sql):
            found: Sequence[Row] = self._sql.execute(
                statement.text, list(statement.arguments)
            ).fetchall()
            return found


def _cell(column: TableColumn) -> str:
    if column.kind is ValueType.AMOUNT:
        return f"CAST({column.sql} AS VARCHAR)"
    return column.json_sql or column.sql


class _DuckDBChanged(ChangedCharges[DuckDBVersions]):
    """Charges that went and came, in tables of the transaction."""

    def load(self, where: Fragment) -> None:
        """Fill the two tables."""
        keys = (
            "_id AS id, _content AS content, _dimensions AS dimensions, _source AS source, _period"
        )
        loaded = self._columns.loaded()
        told = "".join(f", {each.sql.text} AS {each.name}" for each in loaded)
        arguments = [value for each in loaded for value in each.sql.arguments]
        for side, states in self._states.items():
            relation = self._versions.speech.only(*states)
            self.sql.execute(
                f"CREATE OR REPLACE TEMP TABLE {side} AS "
                f"SELECT {keys} AS period{told} FROM {relation.wanted_by(told, where.text)} "
                f"WHERE {where.text}",
                [*arguments, *where.arguments],
            )

    def columns_at_once(self, pairs: int) -> int:
        """So many that their cells fit into memory."""
        return max(1, _CELLS_AT_ONCE // pairs)

    def cells(self, side: str, ids: str, columns: Sequence[TableColumn]) -> str:
        """Where they stand; tags, which may be long, as hashes."""
        cells = (f"hash({c.json_sql})" if c.json_sql else c.sql for c in columns)
        told = ", ".join(f"{cell} AS d{n}" for n, cell in enumerate(cells))
        return self._versions.speech.picked(*self._states[side], ids, told)

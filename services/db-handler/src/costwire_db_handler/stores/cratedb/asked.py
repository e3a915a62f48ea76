"""The versions of a table as questions read them: a state is what it was, until it has left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from costwire_db_handler.answers.changed import Changed, ChangedColumns, Loaded
from costwire_db_handler.answers.moments import History
from costwire_db_handler.answers.speech import Fragment, Relation, TableColumn, listed
from costwire_db_handler.answers.versions import ChangedCharges, Row, numbered
from costwire_db_handler.errors import HistoryGone, QuestionTooLong, UnknownTable
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.cratedb import ledger, retiring
from costwire_db_handler.stores.cratedb.catalog import source_names
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreTimedOut
from costwire_db_handler.stores.cratedb.layout import HASH_COLUMNS
from costwire_db_handler.stores.cratedb.speech import CrateDBSpeech
from costwire_db_handler.stores.cratedb.turns import read_row
from costwire_db_handler.stores.cratedb.versions import joined_hash, row_pages
from costwire_focus.columns import ValueType

Scratch = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
_KEYS = ("_commit", "_row", "_source", "_period")
_CELLS_AT_ONCE = 5_000


class CrateDBVersions:
    """The versions of one table, with the rights of a caller."""

    def __init__(
        self,
        own: Session,
        session: Session,
        table: str,
        timeout_seconds: float,
        scratch: Scratch,
    ) -> None:
        """`own`: of the handler, which knows the names of sources. Raises `UnknownTable`."""
        row = read_row(session, table)
        if row is None or row.layout is None or not row.layout.shown:
            raise UnknownTable(f"there is no table {table!r} of charges")
        self._own = own
        self._session = session
        self._timeout_seconds = timeout_seconds
        self._scratch = scratch
        self._head = row.head
        # What readers' views do not show yet cannot be asked for.
        shown = row.layout.columns[: row.layout.shown]
        self.speech = CrateDBSpeech(row.layout.model_copy(update={"columns": shown}))

    @property
    def history(self) -> History:
        """The states that readers were shown; what came since it was first looked at is none."""
        lines = ledger.log(self._session, self.speech.table)
        known = [line for line in lines if line.applied is None or line.applied <= self._head]
        return History(self.speech.table, known, retiring.horizon(self._own, self.speech.table))

    def require_kept(self, state: int) -> None:
        """Whether no history has left since it was first looked at; raises `HistoryGone`."""
        table = self.speech.table
        if state < retiring.horizon(self._own, table):
            raise HistoryGone(
                f"{table} as of state {state} has left while it was asked for: it became too old"
            )

    def source_number(self, name: str) -> int:
        """The number that stands for a source."""
        known = source_names(self._own, self.speech.table)
        return numbered(name, {told: number for number, told in known.items()})

    def charges(
        self, columns: Sequence[TableColumn], relation: Relation, where: Fragment
    ) -> Iterator[pa.RecordBatch]:
        """Charges in batches, page by page."""
        schema = pa.schema([(f"c{n}", _arrow_type(column)) for n, column in enumerate(columns)])
        select = listed([Fragment(_cell(column)) for column in columns])
        told = relation.wanted_by(select.text, where.text)
        pages = row_pages(self._session, told, select, where.text, where.arguments)
        for page in pages:
            cells = zip(zip(*page, strict=True), schema, strict=True)
            arrays = [pa.array(list(cell), field.type) for cell, field in cells]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    @contextmanager
    def changed(
        self, columns: ChangedColumns, where: Fragment, before: int, after: int
    ) -> Iterator[Changed]:
        """The charges that went and came, fetched into a database of their own."""
        with self._scratch() as sql:
            changed = _CrateDBChanged(self, sql, columns, before, after)
            changed.load(where)
            yield changed

    def pages(
        self, relation: Relation, select: Fragment, where: Fragment
    ) -> Iterator[list[list[Any]]]:
        """Columns of the rows of a condition, in pages, as long as a question may take."""
        deadline = time.monotonic() + self._timeout_seconds
        told = relation.wanted_by(select.text, where.text)
        pages = row_pages(
            self._session, told, select, where.text, where.arguments, self._timeout_seconds
        )
        try:
            for page in pages:
                if time.monotonic() > deadline:
                    raise self._too_long()
                yield page
        except StoreTimedOut:
            raise self._too_long() from None

    def rows(self, statement: Fragment) -> Sequence[Row]:
        """The rows of a query."""
        try:
            found: Sequence[Row] = self._session.execute(
                statement.text, statement.arguments, timeout_seconds=self._timeout_seconds
            ).rows
        except StoreTimedOut:
            raise self._too_long() from None
        return found

    def _too_long(self) -> QuestionTooLong:
        return QuestionTooLong(
            f"the question took more than {self._timeout_seconds:g} seconds; ask for less at a time"
        )


class _CrateDBChanged(ChangedCharges[CrateDBVersions]):
    """Charges that went and came."""

    def load(self, where: Fragment) -> None:
        """Fill the two tables, page by page."""
        loaded = self._columns.loaded()
        keys = [Fragment(quoted(name)) for name in (*_KEYS, *HASH_COLUMNS)]
        texts = [_as_text(each) for each in loaded]
        select = listed([*keys, *texts])
        types = "".join(f", {each.name} {each.kind}" for each in loaded)
        told = "".join(f", CAST({each.name} AS {each.kind})" for each in loaded)
        for side, states in self._states.items():
            relation = self._versions.speech.only(*states)
            self.sql.execute(
                f"CREATE OR REPLACE TEMP TABLE {side} (id BIGINT, came_with BIGINT, number BIGINT, "
                f"source BIGINT, period VARCHAR, content UHUGEINT, dimensions UHUGEINT{types});"
                "CREATE OR REPLACE TEMP SEQUENCE ids"
            )
            for page in self._versions.pages(relation, select, where):
                self.sql.register("page", _table(page, [each.name for each in loaded]))
                self.sql.execute(
                    f"INSERT INTO {side} SELECT nextval('ids'), came_with, number, source, period, "
                    f"content, dimensions{told} FROM page"
                )
                self.sql.unregister("page")

    def columns_at_once(self, pairs: int) -> int:
        """All: a charge is fetched once, and hashes are small."""
        return len(self._columns.dimensions)

    def cells(self, side: str, ids: str, columns: Sequence[TableColumn]) -> str:
        """Fetched into a table, as hashes: these are small."""
        names = [f"d{n}" for n in range(len(columns))]
        select = listed([Fragment(f"{c.json_sql or c.sql}::TEXT") for c in columns])
        select = listed([Fragment('"_commit"'), Fragment('"_row"'), select])
        types = "".join(f", {name} UBIGINT" for name in names)
        self.sql.execute(f"CREATE OR REPLACE TEMP TABLE {side}_cells (id BIGINT{types})")
        wanted = self.sql.execute(
            f"SELECT came_with, list(number) FROM {side} SEMI JOIN ({ids}) USING (id) GROUP BY 1"
        ).fetchall()
        for came_with, numbers in wanted:
            for start in range(0, len(numbers), _CELLS_AT_ONCE):
                some = numbers[start : start + _CELLS_AT_ONCE]
                self._load_some_cells(side, select, names, came_with, some)
        return f"{side}_cells"

    def _load_some_cells(
        self, side: str, select: Fragment, names: Sequence[str], came_with: int, numbers: list[int]
    ) -> None:
        statement = Fragment(
            f"SELECT {select.text} FROM {self._versions.speech.versions} "
            f'WHERE "_commit" = ? AND "_row" = ANY(?) LIMIT {_CELLS_AT_ONCE:d}',
            (*select.arguments, came_with, numbers),
        )
        keys, rows = ["came_with", "number"], self._versions.rows(statement)
        columns = list(zip(*rows, strict=True)) or [()] * (2 + len(names))
        cells = {
            name: pa.array(list(column), pa.int64() if name in keys else pa.string())
            for name, column in zip([*keys, *names], columns, strict=True)
        }
        hashes = ", ".join(f"hash({name})" for name in names)
        self.sql.register("page", pa.table(cells))
        self.sql.execute(
            f"INSERT INTO {side}_cells SELECT id, {hashes} FROM page "
            f"JOIN {side} USING (came_with, number)"
        )
        self.sql.unregister("page")


def _arrow_type(column: TableColumn) -> pa.DataType:
    return pa.timestamp("ms") if column.kind is ValueType.INSTANT else pa.string()


def _cell(column: TableColumn) -> str:
    if column.kind is ValueType.AMOUNT:
        return f"{column.sql}::TEXT"
    return column.json_sql or column.sql


def _as_text(column: Loaded) -> Fragment:
    """A column as text that DuckDB can cast: with all digits, and times as ISO 8601 has them."""
    if column.kind == "TIMESTAMP":
        return column.sql.inside("date_format('%Y-%m-%dT%H:%i:%s.%fZ', ", ")")
    return column.sql.inside("CAST(", " AS TEXT)")


def _table(page: Sequence[Sequence[Any]], names: Sequence[str]) -> pa.Table:
    columns = [list(column) for column in zip(*page, strict=True)]
    came_with, number, source, period, *rest = columns
    halves, cells = rest[: len(HASH_COLUMNS)], rest[len(HASH_COLUMNS) :]
    keys = {
        "came_with": pa.array(came_with, pa.int64()),
        "number": pa.array(number, pa.int64()),
        "source": pa.array(source, pa.int64()),
        "period": pa.array(period, pa.string()),
        "content": joined_hash(halves[0], halves[1]),
        "dimensions": joined_hash(halves[2], halves[3]),
    }
    texts = {name: pa.array(cell, pa.string()) for name, cell in zip(names, cells, strict=True)}
    return pa.table(keys | texts)

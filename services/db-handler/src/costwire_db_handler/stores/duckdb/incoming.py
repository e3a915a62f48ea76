"""The charges of a delivery on their way into the tables: keys first, the rest when needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.stores.duckdb.catalog import history
from costwire_db_handler.stores.duckdb.hashes import HASH
from costwire_db_handler.stores.duckdb.prepare import CELL, HASHES, JSON_TEXT, PERIOD, ROW
from costwire_db_handler.stores.duckdb.scales import Fit
from costwire_db_handler.stores.duckdb.staging import StagedParts
from costwire_focus.typed import DIGITS

Rows = npt.NDArray[np.int64]
KEYS = "incoming"
"""The temporary table of the keys: row, content, dimensions."""
NAMED = "named_periods"
"""The temporary table of the billing periods that the charges name."""

_NEW_KEYS = f"""
    CREATE OR REPLACE TEMP TABLE {KEYS} (row BIGINT, content UHUGEINT, dimensions UHUGEINT);
    CREATE OR REPLACE TEMP TABLE {NAMED} (period VARCHAR PRIMARY KEY)"""


_KEY_SCHEMA = pa.schema([(ROW, pa.int64()), *((name, HASH) for name in HASHES)])


class Incoming(Protocol):
    """Where the charges of a delivery are."""

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Fill the temporary tables of keys and of periods."""
        ...

    def insert(
        self, sql: duckdb.DuckDBPyConnection, target: str, rows: str, versioning: dict[str, int]
    ) -> None:
        """Copy the charges whose row is in the query `rows` into a table.

        `versioning`: `_source`, `_commit`, and `_ended` for the history.
        """
        ...


class StagedIncoming:
    """A delivery whose parts are staged on disk."""

    def __init__(
        self, staged: StagedParts, names: Mapping[str, str], fit: Fit, default_period: str
    ) -> None:
        """`names`: column -> SQL name. `fit`: the scales of the amounts, and what does not fit.

        `default_period`: the billing period of charges that name none; '' where nothing tells it.
        """
        self._staged = staged
        self._fit = fit
        self._default_period = default_period
        self._columns = {CELL + name: sql_name for name, sql_name in names.items()} | {
            JSON_TEXT + name: json_name(sql_name) for name, sql_name in names.items()
        }

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Stream the key columns of every part through one statement.

        A statement for each part would take whole blocks of the engine for a few rows.
        """
        sql.execute(_NEW_KEYS)
        periods: set[str] = set()
        batches = self._keys(periods)
        sql.register("keys", pa.RecordBatchReader.from_batches(_KEY_SCHEMA, batches))
        sql.execute(f"INSERT INTO {KEYS} SELECT {ROW}, {', '.join(HASHES)} FROM keys")
        sql.unregister("keys")
        named = [period or self._default_period for period in periods]
        sql.execute(f"INSERT INTO {NAMED} SELECT DISTINCT unnest(?::VARCHAR[])", [named])

    def _keys(self, periods: set[str]) -> Iterator[pa.RecordBatch]:
        for part in self._staged.read([ROW, *HASHES, PERIOD]):
            fitting = self._fit.without_unfit(part)
            periods.update(pc.unique(fitting.column(PERIOD)).to_pylist())
            yield from fitting.select(_KEY_SCHEMA.names).to_batches()

    def insert(
        self, sql: duckdb.DuckDBPyConnection, target: str, rows: str, versioning: dict[str, int]
    ) -> None:
        """Stream all parts through one statement, so that whole row groups are written.

        The rows are chosen here, not by a join: the engine knows nothing of a stream's length, and
        would keep all of it in memory.
        """
        schema = self._schema()
        if not len(schema):
            return
        cells = {name: f"c{number}" for number, name in enumerate(schema.names)}
        stored = [name for name in cells if name in self._columns]
        names = [*(quoted(self._columns[name]) for name in stored), *HASHES, PERIOD, *versioning]
        values = [
            *(cells[name] for name in stored),
            *(cells[name] for name in HASHES),
            self._period(cells[PERIOD]),
            *map(str, versioning.values()),
        ]
        # Under aliases, because SQL would take names that differ in case for one.
        aliased = pa.schema([field.with_name(cells[field.name]) for field in schema])
        batches = self._batches(schema, aliased, _chosen(sql, rows))
        sql.register("parts", pa.RecordBatchReader.from_batches(aliased, batches))
        sql.execute(
            f"INSERT INTO {target} ({', '.join(names)}) SELECT {', '.join(values)} FROM parts"
        )
        sql.unregister("parts")

    def _period(self, column: str) -> str:
        return f"CASE WHEN {column} = '' THEN '{self._default_period}' ELSE {column} END"

    def _schema(self) -> pa.Schema:
        """The columns of all parts together, amounts in the scale of the table."""
        fields = {field.name: field for schema in self._staged.schemas() for field in schema}
        for column, scale in self._fit.scales.items():
            if CELL + column in fields:
                fields[CELL + column] = pa.field(CELL + column, pa.decimal128(DIGITS, scale))
        return pa.schema(fields.values())

    def _batches(
        self, schema: pa.Schema, aliased: pa.Schema, chosen: Rows | None
    ) -> Iterator[pa.RecordBatch]:
        for part in self._staged.read():
            fitting = self._fit.without_unfit(part)
            if chosen is not None:
                fitting = fitting.filter(_among(fitting.column(ROW).to_numpy(), chosen))
            columns = [
                pc.cast(fitting.column(field.name), field.type)
                if field.name in fitting.column_names
                else pa.nulls(fitting.num_rows, field.type)
                for field in schema
            ]
            yield from pa.table(columns, schema=aliased).combine_chunks().to_batches()


def _chosen(sql: duckdb.DuckDBPyConnection, rows: str) -> Rows | None:
    """The rows of a query, sorted; None when these are all."""
    counts = f"SELECT (SELECT count(*) FROM ({rows})), (SELECT count(*) FROM {KEYS})"
    ((wanted, loaded),) = sql.execute(counts).fetchall()
    if wanted == loaded:
        return None
    return sql.execute(f"SELECT row FROM ({rows}) ORDER BY row").fetchnumpy()["row"]


def _among(numbers: Rows, chosen: Rows) -> pa.Array:
    """Which of the numbers are in a sorted choice."""
    positions = np.searchsorted(chosen, numbers)
    return pa.array(np.append(chosen, -1)[positions] == numbers)


class KeptIncoming:
    """A delivery that was held or came late: its charges stand in the history, never seen."""

    def __init__(self, table: str, commit: int) -> None:
        self._history = history(table)
        self._where = f"_commit = {commit:d} AND _ended = {commit:d}"

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Read the keys from the history."""
        sql.execute(_NEW_KEYS)
        sql.execute(
            f"INSERT INTO {KEYS} SELECT rowid, _content, _dimensions "
            f"FROM {self._history} WHERE {self._where};"
            f"INSERT INTO {NAMED} SELECT DISTINCT {PERIOD} "
            f"FROM {self._history} WHERE {self._where}"
        )

    def insert(
        self, sql: duckdb.DuckDBPyConnection, target: str, rows: str, versioning: dict[str, int]
    ) -> None:
        """Copy from the history."""
        replaced = ", ".join(f"{value} AS {name}" for name, value in versioning.items())
        columns = "* EXCLUDE (_ended)" if "_ended" not in versioning else "*"
        sql.execute(
            f"INSERT INTO {target} BY NAME SELECT {columns} REPLACE ({replaced}) "
            f"FROM {self._history} WHERE {self._where} AND rowid IN ({rows})"
        )

    def remove(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Take the kept copies away, once the charges stand where readers see them."""
        sql.execute(f"DELETE FROM {self._history} WHERE {self._where}")

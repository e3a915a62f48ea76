"""The charges of a delivery on their way into the tables of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import duckdb
import pyarrow as pa

from costwire_db_handler.charges import difference
from costwire_db_handler.charges.difference import ADDED, KEYS, NAMED
from costwire_db_handler.charges.incoming import StagedCharges
from costwire_db_handler.charges.prepare import CELL, HASHES, JSON_TEXT, PERIOD
from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.stores.duckdb.catalog import history


class Incoming(Protocol):
    """Where the charges of a delivery are."""

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Fill the temporary tables of keys and of periods."""
        ...

    def added_by_period(self, sql: duckdb.DuckDBPyConnection) -> Mapping[str, int]:
        """How many of the added charges name each billing period."""
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

    def __init__(self, staged: StagedCharges, names: Mapping[str, str]) -> None:
        """`names`: column -> SQL name."""
        self._staged = staged
        self._columns = {CELL + name: sql_name for name, sql_name in names.items()} | {
            JSON_TEXT + name: json_name(sql_name) for name, sql_name in names.items()
        }

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Fill the temporary tables of keys and of periods."""
        self._staged.load_keys(sql)

    def added_by_period(self, sql: duckdb.DuckDBPyConnection) -> Mapping[str, int]:
        """How many of the added charges name each billing period."""
        return self._staged.count_by_period(difference.chosen(sql))

    def insert(
        self, sql: duckdb.DuckDBPyConnection, target: str, rows: str, versioning: dict[str, int]
    ) -> None:
        """Stream all parts through one statement, so that whole row groups are written.

        The rows are chosen here, not by a join: the engine knows nothing of a stream's length, and
        would keep all of it in memory.
        """
        schema = self._staged.schema()
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
        tables = self._staged.tables(schema, difference.chosen(sql, rows))
        sql.register("parts", pa.RecordBatchReader.from_batches(aliased, _batches(tables, aliased)))
        sql.execute(
            f"INSERT INTO {target} ({', '.join(names)}) SELECT {', '.join(values)} FROM parts"
        )
        sql.unregister("parts")

    def _period(self, column: str) -> str:
        default = self._staged.default_period
        return f"CASE WHEN {column} = '' THEN '{default}' ELSE {column} END"


def _batches(tables: Iterator[pa.Table], aliased: pa.Schema) -> Iterator[pa.RecordBatch]:
    for table in tables:
        yield from table.rename_columns(aliased.names).to_batches()


class KeptIncoming:
    """A delivery that was held or came late: its charges stand in the history, never seen."""

    def __init__(self, table: str, commit: int) -> None:
        self._history = history(table)
        self._where = f"_commit = {commit:d} AND _ended = {commit:d}"

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Read the keys from the history."""
        difference.new_keys(sql)
        sql.execute(
            f"INSERT INTO {KEYS} SELECT rowid, _content, _dimensions "
            f"FROM {self._history} WHERE {self._where};"
            f"INSERT INTO {NAMED} SELECT DISTINCT {PERIOD} "
            f"FROM {self._history} WHERE {self._where}"
        )

    def added_by_period(self, sql: duckdb.DuckDBPyConnection) -> Mapping[str, int]:
        """How many of the added charges name each billing period."""
        counts = sql.execute(
            f"SELECT {PERIOD}, count(*) FROM {self._history} "
            f"WHERE {self._where} AND rowid IN ({ADDED}) GROUP BY ALL"
        ).fetchall()
        return dict(counts)

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

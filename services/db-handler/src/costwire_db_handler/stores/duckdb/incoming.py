"""The charges of a delivery on their way into the tables: keys first, the rest when needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.names import json_name, quoted
from costwire_db_handler.stores.duckdb.catalog import history
from costwire_db_handler.stores.duckdb.prepare import CELL, HASHES, JSON_TEXT, PERIOD, ROW
from costwire_db_handler.stores.duckdb.scales import Fit
from costwire_db_handler.stores.duckdb.staging import Staging
from costwire_focus.typed import DIGITS

KEYS = "incoming"
"""The temporary table of the keys: row, content, dimensions, period."""

_NEW_KEYS = f"""
    CREATE OR REPLACE TEMP TABLE {KEYS}
    (row BIGINT, content UHUGEINT, dimensions UHUGEINT, period VARCHAR)"""


class Incoming(Protocol):
    """Where the charges of a delivery are."""

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Fill the temporary table of keys."""
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

    def __init__(self, staging: Staging, names: Mapping[str, str], fit: Fit) -> None:
        """`names`: column -> SQL name. `fit`: the scales of the amounts, and what does not fit."""
        self._staging = staging
        self._fit = fit
        self._columns = {CELL + name: sql_name for name, sql_name in names.items()} | {
            JSON_TEXT + name: json_name(sql_name) for name, sql_name in names.items()
        }

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Read the key columns of every part."""
        sql.execute(_NEW_KEYS)
        for part in self._staging.read([ROW, *HASHES, PERIOD]):
            sql.register("part", self._fit.without_unfit(part))
            sql.execute(
                f"INSERT INTO {KEYS} SELECT _row, ('0x' || _content)::UHUGEINT, "
                "('0x' || _dimensions)::UHUGEINT, _period FROM part"
            )
            sql.unregister("part")

    def insert(
        self, sql: duckdb.DuckDBPyConnection, target: str, rows: str, versioning: dict[str, int]
    ) -> None:
        """Stream all parts through one statement, so that whole row groups are written."""
        schema = self._schema()
        if not len(schema):
            return
        cells = [name for name in schema.names if name in self._columns]
        names = [*(quoted(self._columns[name]) for name in cells), *HASHES, PERIOD, *versioning]
        values = [
            *map(quoted, cells),
            *(f"('0x' || {name})::UHUGEINT" for name in HASHES),
            PERIOD,
            *map(str, versioning.values()),
        ]
        sql.register("parts", pa.RecordBatchReader.from_batches(schema, self._batches(schema)))
        sql.execute(
            f"INSERT INTO {target} ({', '.join(names)}) "
            f"SELECT {', '.join(values)} FROM parts WHERE _row IN ({rows})"
        )
        sql.unregister("parts")

    def _schema(self) -> pa.Schema:
        """The columns of all parts together, amounts in the scale of the table."""
        fields = {field.name: field for schema in self._staging.schemas() for field in schema}
        for column, scale in self._fit.scales.items():
            if CELL + column in fields:
                fields[CELL + column] = pa.field(CELL + column, pa.decimal128(DIGITS, scale))
        return pa.schema(fields.values())

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for part in self._staging.read():
            fitting = self._fit.without_unfit(part)
            columns = [
                pc.cast(fitting.column(field.name), field.type)
                if field.name in fitting.column_names
                else pa.nulls(fitting.num_rows, field.type)
                for field in schema
            ]
            yield from pa.table(columns, schema=schema).combine_chunks().to_batches()


class KeptIncoming:
    """A delivery that was held or came late: its charges stand in the history, never seen."""

    def __init__(self, table: str, commit: int) -> None:
        self._history = history(table)
        self._where = f"_commit = {commit:d} AND _ended = {commit:d}"

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Read the keys from the history."""
        sql.execute(_NEW_KEYS)
        sql.execute(
            f"INSERT INTO {KEYS} SELECT rowid, _content, _dimensions, _period "
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

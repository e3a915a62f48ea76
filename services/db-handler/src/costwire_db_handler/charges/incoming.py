"""The staged charges of a delivery on their way into a table: keys first, the rest when needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.charges import difference
from costwire_db_handler.charges.difference import KEY_SCHEMA, Rows
from costwire_db_handler.charges.fit import Fit
from costwire_db_handler.charges.prepare import CELL, HASHES, PERIOD, ROW
from costwire_db_handler.charges.staging import StagedParts
from costwire_focus.repeats import plain, plain_type
from costwire_focus.typed import DIGITS


class StagedCharges:
    """The charges of a delivery's parts that fit the table."""

    def __init__(self, parts: StagedParts, fit: Fit, default_period: str) -> None:
        """`fit`: the scales of the amounts, and what does not fit.

        `default_period`: the billing period of charges that name none; '' where nothing tells it.
        """
        self._parts = parts
        self._fit = fit
        self.default_period = default_period

    def load_keys(self, sql: duckdb.DuckDBPyConnection) -> None:
        """Fill the temporary tables of keys and of periods."""
        difference.new_keys(sql)
        periods: set[str] = set()
        difference.fill_keys(sql, self._keys(periods))
        difference.name_periods(sql, (period or self.default_period for period in periods))

    def _keys(self, periods: set[str]) -> Iterator[pa.RecordBatch]:
        for part in self._parts.read([ROW, *HASHES, PERIOD]):
            fitting = self._fit.without_unfit(part)
            periods.update(pc.unique(fitting.column(PERIOD)).to_pylist())
            yield from fitting.select(KEY_SCHEMA.names).to_batches()

    def count_by_period(self, chosen: Rows | None) -> dict[str, int]:
        """How many of these rows name each billing period; `chosen`: sorted, None for all."""
        counts: Counter[str] = Counter()
        for part in self._parts.read([ROW, PERIOD]):
            fitting = self._fit.without_unfit(part)
            if chosen is not None:
                fitting = fitting.filter(_among(fitting.column(ROW).to_numpy(), chosen))
            for found in pc.value_counts(fitting.column(PERIOD)).to_pylist():
                counts[found["values"] or self.default_period] += found["counts"]
        return dict(counts)

    def schema(self) -> pa.Schema:
        """The columns of all parts together, amounts in the scale of the table.

        Dictionaries are those that are one in each part that has the column.
        """
        types: dict[str, set[pa.DataType]] = {}
        for schema in self._parts.schemas():
            for field in schema:
                types.setdefault(field.name, set()).add(field.type)
        scales = {CELL + column: scale for column, scale in self._fit.scales.items()}
        return pa.schema(
            (name, _together(found, scales.get(name))) for name, found in types.items()
        )

    def tables(self, schema: pa.Schema, chosen: Rows | None) -> Iterator[pa.Table]:
        """The charges part by part in `schema`; `chosen`: only these rows, sorted."""
        for part in self._parts.read(plain=False):
            fitting = self._fit.without_unfit(part)
            if chosen is not None:
                fitting = fitting.filter(_among(fitting.column(ROW).to_numpy(), chosen))
            columns = [_column(fitting, field) for field in schema]
            yield pa.table(columns, schema=schema)


def _together(kinds: Collection[pa.DataType], scale: int | None) -> pa.DataType:
    """The type of a column that is staged as `kinds`, an amount in this scale."""
    values = {plain_type(kind) for kind in kinds}
    if scale is not None and values != {pa.decimal128(DIGITS, scale)}:
        # Not as a dictionary: it may hold amounts of left out rows, for which there is no room.
        return pa.decimal128(DIGITS, scale)
    (value,) = values
    repeats = all(map(pa.types.is_dictionary, kinds))
    return pa.dictionary(pa.int32(), value) if repeats else value


def _column(part: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in part.column_names:
        return pa.nulls(part.num_rows, field.type)
    column = part.column(field.name)
    if not pa.types.is_dictionary(field.type):
        column = plain(column)
    return column.cast(field.type)


def _among(numbers: Rows, chosen: Rows) -> pa.Array:
    """Which of the numbers are in a sorted choice."""
    positions = np.searchsorted(chosen, numbers)
    return pa.array(np.append(chosen, -1)[positions] == numbers)

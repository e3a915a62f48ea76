"""A part of a delivery made ready for the tables: typed, with the two hashes of each charge.

Runs when the part arrives, in a database of its own in memory, so that nothing waits for it and a
commit has only to compare and to copy.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.charges.hashes import charge_hashes
from costwire_db_handler.charges.summary import Summary, summarize
from costwire_db_handler.charges.tags import TagReader
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import Typed, typed

HASHES = ("_content", "_dimensions")
PERIOD, ROW = "_period", "_row"
ROWS_OF_PART = 1 << 32
"""The row numbers of part n begin at n times this."""
CELL, JSON_TEXT = ":", "="
"""What the staged columns begin with that hold a report's cells, and the JSON text of its tags."""


@dataclass(frozen=True)
class Prepared:
    """A part as it is staged, and the rows of it that cannot be stored."""

    charges: pa.Table
    """Columns whose values repeat are dictionaries of them."""
    quarantine: list[dict[str, Any]]
    """`line` is the row number."""
    refused: pa.Table
    """The refused rows as they came, for their sums."""
    summary: Summary


class Preparer:
    """Prepares parts; their hashes are taken one part at a time."""

    def __init__(self) -> None:
        self._sql = duckdb.connect(":memory:", config={"threads": "1", "memory_limit": "192MB"})
        self._sql.execute("SET arrow_lossless_conversion = true")
        self._tags = TagReader(self._sql)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the memory."""
        self._sql.close()

    def prepare(self, charges: pa.Table, seq: int) -> Prepared:
        """Type and hash the charges of part `seq`."""
        first = seq * ROWS_OF_PART
        numbers = pa.array(np.arange(first, first + charges.num_rows))
        result = typed(charges)
        with self._lock:
            table = self._hashed(result.charges)
        refused = pa.array([row.index for row in result.refused], pa.int64())
        if len(refused):
            fine = pc.invert(pc.is_in(numbers, value_set=pc.add(refused, first)))
            numbers = numbers.filter(fine)
        left_out = charges.take(refused)
        return Prepared(
            table.append_column(ROW, numbers),
            _quarantine(charges, result, first),
            left_out,
            summarize(result.charges, table.column(PERIOD), _tags(table), left_out),
        )

    def _hashed(self, charges: pa.Table) -> pa.Table:
        staged: dict[str, pa.Array] = {}
        amounts: dict[str, pa.Array] = {}
        dimensions: dict[str, pa.Array] = {}
        for name in charges.column_names:
            column = charges.column(name).combine_chunks()
            kind = value_type(name)
            compared = amounts if kind is ValueType.AMOUNT else dimensions
            compared[name] = column.dictionary_encode()
            staged[CELL + name] = _smaller(compared[name], column)
            if kind is ValueType.TAGS:
                staged[JSON_TEXT + name] = staged[CELL + name]
                staged[CELL + name], compared[name] = self._tags.read(column)
        hashes = charge_hashes(self._sql, dimensions, amounts, charges.num_rows)
        staged |= zip(HASHES, hashes, strict=True)
        staged[PERIOD] = _period(charges)
        return pa.table(staged)


def _tags(staged: pa.Table) -> dict[str, pa.MapArray]:
    return {
        field.name.removeprefix(CELL): staged.column(field.name).combine_chunks()
        for field in staged.schema
        if pa.types.is_map(field.type)
    }


def _smaller(encoded: pa.DictionaryArray, column: pa.Array) -> pa.Array:
    """A column with each of its values once, where they repeat."""
    return encoded if 2 * len(encoded.dictionary) <= len(column) else column


def _period(charges: pa.Table) -> pa.Array:
    """The start of the billing period a charge belongs to, as text; '' where nothing tells it.

    Where the report lacks it, the month in which the charge period starts.
    """
    starts = []
    if "BillingPeriodStart" in charges.column_names:
        starts.append(charges.column("BillingPeriodStart"))
    if "ChargePeriodStart" in charges.column_names:
        starts.append(pc.floor_temporal(charges.column("ChargePeriodStart"), unit="month"))
    if not starts:
        return pa.repeat("", charges.num_rows).dictionary_encode()
    start = pc.coalesce(*starts).combine_chunks().dictionary_encode()
    seconds = pc.cast(start.dictionary, pa.timestamp("s"), safe=False)
    texts = pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ")
    return pc.fill_null(pc.take(texts, start.indices), "").dictionary_encode()


def _quarantine(charges: pa.Table, result: Typed, first: int) -> list[dict[str, Any]]:
    rows = []
    for refused in result.refused:
        cells = {
            k: v for k, v in charges.slice(refused.index, 1).to_pylist()[0].items() if v is not None
        }
        rows.append(
            {
                "file": "",
                "line": first + refused.index,
                "raw": base64.b64encode(json.dumps(cells, ensure_ascii=False).encode()).decode(),
                "column": refused.column,
                "rule": refused.rule,
                "reason": refused.reason,
            }
        )
    return rows

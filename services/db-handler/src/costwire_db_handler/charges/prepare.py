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
from costwire_focus.repeats import each_once, plain, plain_table
from costwire_focus.typed import Typed, typed

HASHES = ("_content", "_dimensions")
PERIOD, ROW = "_period", "_row"
ROWS_OF_PART = 1 << 32
"""The row numbers of part n begin at n times this."""
_MOST_NARROW = 1 << 15
CELL, JSON_TEXT = ":", "="
"""What the staged columns begin with that hold a report's cells, and the JSON text of its tags."""


@dataclass(frozen=True)
class Prepared:
    """A part as it is staged, and the rows of it that cannot be stored."""

    charges: pa.Table
    """Columns whose values repeat, and tags, are dictionaries of them."""
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
        """Type and hash the charges of part `seq`, each value that a column holds once."""
        first = seq * ROWS_OF_PART
        numbers = pa.array(np.arange(first, first + charges.num_rows))
        charges = _each_once(charges)
        result = typed(charges)
        kept = _each_once(plain_table(result.charges)) if result.refused else result.charges
        with self._lock:
            table = self._hashed(kept)
        refused = pa.array([row.index for row in result.refused], pa.int64())
        if len(refused):
            fine = pc.invert(pc.is_in(numbers, value_set=pc.add(refused, first)))
            numbers = numbers.filter(fine)
        left_out = plain_table(charges.take(refused))
        return Prepared(
            table.append_column(ROW, numbers),
            _quarantine(charges, result, first),
            left_out,
            summarize(kept, table.column(PERIOD), _tags(table), left_out),
        )

    def _hashed(self, charges: pa.Table) -> pa.Table:
        staged: dict[str, pa.Array] = {}
        amounts: dict[str, pa.DictionaryArray] = {}
        dimensions: dict[str, pa.DictionaryArray] = {}
        for name in charges.column_names:
            column = each_once(charges.column(name))
            kind = value_type(name)
            compared = amounts if kind is ValueType.AMOUNT else dimensions
            compared[name] = column
            staged[CELL + name] = _smaller(column)
            if kind is ValueType.TAGS:
                staged[JSON_TEXT + name] = staged[CELL + name]
                maps, compared[name] = self._tags.read(column)
                staged[CELL + name] = _narrow(maps)
        hashes = charge_hashes(self._sql, dimensions, amounts, charges.num_rows)
        staged |= zip(HASHES, hashes, strict=True)
        staged[PERIOD] = _period(charges)
        return pa.table(staged)


def _each_once(charges: pa.Table) -> pa.Table:
    names = charges.column_names
    return pa.table([each_once(column) for column in charges.columns], names=names)


def _tags(staged: pa.Table) -> dict[str, pa.DictionaryArray]:
    texts = [name for name in staged.column_names if name.startswith(JSON_TEXT)]
    names = [name.removeprefix(JSON_TEXT) for name in texts]
    return {name: each_once(staged.column(CELL + name)) for name in names}


def _smaller(column: pa.DictionaryArray) -> pa.Array:
    """The column with each of its values once where they repeat, else plain."""
    return _narrow(column) if 2 * len(column.dictionary) <= len(column) else plain(column)


def _narrow(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same in less room: parts stand on disk as they are in memory."""
    if len(column.dictionary) > _MOST_NARROW:
        return column
    return column.cast(pa.dictionary(pa.int16(), column.type.value_type))


def _period(charges: pa.Table) -> pa.Array:
    """The start of the billing period a charge belongs to, as text; '' where nothing tells it.

    Where the report lacks it, the month in which the charge period starts.
    """
    starts = []
    if "BillingPeriodStart" in charges.column_names:
        starts.append(plain(charges.column("BillingPeriodStart")))
    if "ChargePeriodStart" in charges.column_names:
        used = plain(charges.column("ChargePeriodStart"))
        starts.append(pc.floor_temporal(used, unit="month"))
    if not starts:
        return pa.repeat("", charges.num_rows).dictionary_encode()
    start = pc.coalesce(*starts).dictionary_encode()
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

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
import pyarrow as pa

from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb.tags import read_tags
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import Typed, typed

HASHES = ("_content", "_dimensions")
"""128 bits each, as hexadecimal text."""
PERIOD, ROW = "_period", "_row"
CELL, JSON_TEXT = ":", "="
"""What the staged columns begin with that hold a report's cells, and the JSON text of its tags."""

_SEPARATOR = "chr(31)"
_INSTANT_TEXT = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"


@dataclass(frozen=True)
class Prepared:
    """A part as it is staged, and the rows of it that cannot be stored."""

    charges: pa.Table
    quarantine: list[dict[str, Any]]
    refused: pa.Table
    """The refused rows as they came, for their sums."""


class Preparer:
    """Prepares parts; one at a time."""

    def __init__(self) -> None:
        self._sql = duckdb.connect(":memory:", config={"threads": "1", "memory_limit": "192MB"})
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the memory."""
        self._sql.close()

    def prepare(self, charges: pa.Table, first_row: int) -> Prepared:
        """Type and hash the charges of a part; `first_row` is the number of its first row."""
        result = typed(charges)
        refused = charges.take(pa.array([row.index for row in result.refused], pa.int64()))
        with self._lock:
            table = self._hashed(result.charges)
        numbers = pa.array(range(first_row, first_row + table.num_rows), pa.int64())
        return Prepared(table.append_column(ROW, numbers), _quarantine(charges, result), refused)

    def _hashed(self, charges: pa.Table) -> pa.Table:
        staged: dict[str, pa.Array | pa.ChunkedArray] = {}
        compared: dict[str, pa.Array | pa.ChunkedArray] = {}
        for name in charges.column_names:
            column = charges.column(name)
            compared[name] = staged[CELL + name] = column
            if value_type(name) is ValueType.TAGS:
                maps, canonical = read_tags(self._sql, column.combine_chunks())
                staged[CELL + name], compared[name] = maps, canonical
                staged[JSON_TEXT + name] = column
        self._sql.register("part", pa.table(compared))
        hashes = self._sql.sql(_hash_query(list(compared))).to_arrow_table()
        self._sql.unregister("part")
        for name in (*HASHES, PERIOD):
            staged[name] = hashes[name]
        return pa.table(staged)


def _hash_query(names: list[str]) -> str:
    """Two 128-bit hashes over the sorted pairs (name, canonical value) of the non-null cells.

    The one over everything but amounts tells a charge's dimensions, the one over all its content.
    """
    ordered = sorted(names)
    dimensions = [_pair(n) for n in ordered if value_type(n) is not ValueType.AMOUNT]
    amounts = [_pair(n) for n in ordered if value_type(n) is ValueType.AMOUNT]
    return f"""
        SELECT md5(concat_ws({_SEPARATOR}, _dimensions, {_joined(amounts)})) AS _content,
               _dimensions,
               _period
        FROM (SELECT *,
                     md5(concat_ws({_SEPARATOR}, '', {_joined(dimensions)})) AS _dimensions,
                     {_period(names)} AS _period
              FROM part)"""


def _joined(pairs: list[str]) -> str:
    return ", ".join(pairs) if pairs else "NULL"


def _pair(name: str) -> str:
    """`name=value`; null where the cell is. A separator within a text is doubled."""
    column = quoted(name)
    kind = value_type(name)
    if kind is ValueType.AMOUNT:
        value = f"rtrim(rtrim({column}::VARCHAR, '0'), '.')"
    elif kind is ValueType.INSTANT:
        value = f"epoch_ms({column})::VARCHAR"
    else:
        value = f"replace({column}, {_SEPARATOR}, {_SEPARATOR} || {_SEPARATOR})"
    literal = name.replace("\x1f", "\x1f\x1f").replace("'", "''")
    return f"'{literal}=' || {value}"


def _period(names: list[str]) -> str:
    """The start of the billing period a charge belongs to, as text; '' where nothing tells it.

    Where the report lacks it, the month in which the charge period starts.
    """
    starts = []
    if "BillingPeriodStart" in names:
        starts.append('"BillingPeriodStart"')
    if "ChargePeriodStart" in names:
        starts.append("date_trunc('month', \"ChargePeriodStart\")")
    if not starts:
        return "''"
    start = f"coalesce({', '.join(starts)})"
    return f"coalesce({_INSTANT_TEXT.format(start)}, '')"


def _quarantine(charges: pa.Table, result: Typed) -> list[dict[str, Any]]:
    rows = []
    for refused in result.refused:
        cells = {
            k: v for k, v in charges.slice(refused.index, 1).to_pylist()[0].items() if v is not None
        }
        rows.append(
            {
                "file": "",
                "line": refused.index,
                "raw": base64.b64encode(json.dumps(cells, ensure_ascii=False).encode()).decode(),
                "column": refused.column,
                "rule": refused.rule,
                "reason": refused.reason,
            }
        )
    return rows

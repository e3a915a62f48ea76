"""A part of a delivery made ready for the tables: typed, with the two hashes of each charge.

Runs when the part arrives, in a database of its own in memory, so that nothing waits for it and a
commit has only to compare and to copy.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.stores.duckdb.tags import read_tags
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DEFAULT_SCALE, DIGITS, Typed, typed

HASHES = ("_content", "_dimensions")
"""128 bits each, as hexadecimal text."""
PERIOD, ROW = "_period", "_row"
ROWS_OF_PART = 1 << 32
"""The row numbers of part n begin at n times this."""
CELL, JSON_TEXT = ":", "="
"""What the staged columns begin with that hold a report's cells, and the JSON text of its tags."""

_SEPARATOR = "chr(31)"
_INSTANT_TEXT = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"


@dataclass(frozen=True)
class Prepared:
    """A part as it is staged, and the rows of it that cannot be stored."""

    charges: pa.Table
    quarantine: list[dict[str, Any]]
    """`line` is the row number."""
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

    def prepare(self, charges: pa.Table, seq: int) -> Prepared:
        """Type and hash the charges of part `seq`."""
        first = seq * ROWS_OF_PART
        numbers = pa.array(np.arange(first, first + charges.num_rows))
        with self._lock:
            result = typed(charges)
            table = self._hashed(result.charges)
        refused = pa.array([row.index for row in result.refused], pa.int64())
        if len(refused):
            fine = pc.invert(pc.is_in(numbers, value_set=pc.add(refused, first)))
            numbers = numbers.filter(fine)
        return Prepared(
            table.append_column(ROW, numbers),
            _quarantine(charges, result, first),
            charges.take(refused),
        )

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
        aliases = {name: f"c{number}" for number, name in enumerate(compared)}
        self._sql.register(
            "part", pa.table(dict(zip(aliases.values(), compared.values(), strict=True)))
        )
        pairs = {name: _pair(name, alias, compared[name]) for name, alias in aliases.items()}
        hashes = self._sql.sql(_hash_query(pairs, _period(aliases))).to_arrow_table()
        self._sql.unregister("part")
        for name in (*HASHES, PERIOD):
            staged[name] = hashes[name]
        return pa.table(staged)


def _hash_query(pairs: Mapping[str, str], period: str) -> str:
    """Two 128-bit hashes over the sorted pairs (name, canonical value) of the non-null cells.

    The one over everything but amounts tells a charge's dimensions, the one over all its content.
    """
    amounts = [pairs[name] for name in sorted(pairs) if value_type(name) is ValueType.AMOUNT]
    others = [pairs[name] for name in sorted(pairs) if value_type(name) is not ValueType.AMOUNT]
    return f"""
        SELECT md5(concat_ws({_SEPARATOR}, _dimensions, {_joined(amounts)})) AS _content,
               _dimensions,
               _period
        FROM (SELECT *,
                     md5(concat_ws({_SEPARATOR}, '', {_joined(others)})) AS _dimensions,
                     {period} AS _period
              FROM part)"""


def _joined(pairs: list[str]) -> str:
    return ", ".join(pairs) if pairs else "NULL"


def _pair(name: str, alias: str, cells: pa.ChunkedArray) -> str:
    """`<length of name>:name=value`; null where the cell is.

    Under an alias, because SQL would take names that differ in case for one column.
    Text:   a separator within is doubled.
    Amount: with at least 18 digits after the point, and no zeros after these.
    """
    kind = value_type(name)
    if kind is ValueType.AMOUNT:
        value = f"{alias}::VARCHAR"
        if cells.type.scale == DIGITS:  # then the engine leaves out the zero before the point
            value = rf"regexp_replace({value}, '^(-?)\.', '\10.')"
        if cells.type.scale > DEFAULT_SCALE:
            value = rf"regexp_replace({value}, '(\.\d{{{DEFAULT_SCALE}}}\d*?)0+$', '\1')"
    elif kind is ValueType.INSTANT:
        value = f"epoch_ms({alias})::VARCHAR"
    elif _holds_separator(cells):
        value = f"replace({alias}, {_SEPARATOR}, {_SEPARATOR} || {_SEPARATOR})"
    else:
        value = alias
    literal = name.replace("'", "''")
    return f"'{len(name)}:{literal}=' || {value}"


def _holds_separator(cells: pa.ChunkedArray) -> bool:
    """Whether the column's bytes hold one; a look at these is cheaper than at each cell."""
    chunks = cells.chunks if isinstance(cells, pa.ChunkedArray) else [cells]
    data = (chunk.buffers()[2] for chunk in chunks)
    return any(buffer is not None and b"\x1f" in buffer.to_pybytes() for buffer in data)


def _period(aliases: Mapping[str, str]) -> str:
    """The start of the billing period a charge belongs to, as text; '' where nothing tells it.

    Where the report lacks it, the month in which the charge period starts.
    """
    starts = []
    if "BillingPeriodStart" in aliases:
        starts.append(aliases["BillingPeriodStart"])
    if "ChargePeriodStart" in aliases:
        starts.append(f"date_trunc('month', {aliases['ChargePeriodStart']})")
    if not starts:
        return "''"
    start = f"coalesce({', '.join(starts)})"
    return f"coalesce({_INSTANT_TEXT.format(start)}, '')"


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

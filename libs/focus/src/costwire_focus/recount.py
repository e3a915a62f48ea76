"""The second, independent count of a report: records and BilledCost, by another reader.

The ledger must not check the reader with the reader itself. This one cuts its own blocks, polars
splits them (the standard library where polars gives up), and Python's decimals add up.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import polars as pl

from costwire_focus.amounts import exact_sum

_BLOCK_BYTES = 8 * 1024 * 1024
_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Recount(Protocol):
    """What the second reader saw."""

    reader: str
    records: int
    billed_cost: Decimal


class CsvRecount:
    """Counts a CSV stream fed block by block, header excluded."""

    def __init__(self, names: list[str]) -> None:
        self.reader = f"polars {pl.__version__}"
        self.records = 0
        self.billed_cost = Decimal(0)
        self._width = len(names)
        self._column = names.index("BilledCost") if "BilledCost" in names else 0
        self._counts_cost = "BilledCost" in names
        self._pending = bytearray()

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the part; they are counted as soon as a block is full."""
        self._pending += block
        if len(self._pending) >= _BLOCK_BYTES:
            self._count(self._complete())

    def finish(self) -> None:
        """Count what is left; call once, at the end of the part."""
        if self._pending:
            self._count(bytes(self._pending))
            self._pending.clear()

    def _complete(self) -> bytes:
        """Cut after the last line end outside quotes: an even number of quotes stands before it."""
        end = len(self._pending)
        while (end := self._pending.rfind(b"\n", 0, end)) >= 0:
            if self._pending.count(b'"', 0, end) % 2 == 0:
                break
        block = bytes(self._pending[: end + 1])
        del self._pending[: end + 1]
        return block

    def _count(self, block: bytes) -> None:
        block = _BLANK_LINES.sub(b"\n", block.lstrip(b"\r\n"))
        if not block:
            return
        try:
            cells = pl.read_csv(
                block,
                has_header=False,
                schema={f"c{i}": pl.String for i in range(self._width)},
                columns=[self._column],
                truncate_ragged_lines=True,
                encoding="utf8-lossy",
            ).to_series()
        except pl.exceptions.PolarsError:
            cells = pl.Series(self._cells_by_csv_module(block), dtype=pl.String)
        self.records += len(cells)
        if self._counts_cost:
            self.billed_cost = exact_sum([self.billed_cost, *_amounts(cells)])

    def _cells_by_csv_module(self, block: bytes) -> list[str | None]:
        text = io.StringIO(block.decode(errors="replace"), newline="")
        rows = csv.reader(text)
        return [row[self._column] if len(row) > self._column else None for row in rows if row]


class ParquetRecount:
    """Counts a parquet part with polars."""

    def __init__(self, stream: Any) -> None:
        self.reader = f"polars {pl.__version__}"
        lazy = pl.scan_parquet(stream)
        self.records = int(lazy.select(pl.len()).collect().item())
        self.billed_cost = Decimal(0)
        if "BilledCost" in lazy.collect_schema():
            cells = lazy.select(pl.col("BilledCost").cast(pl.String)).collect().to_series()
            self.billed_cost = exact_sum(_amounts(cells))


def _amounts(cells: pl.Series) -> Iterator[Decimal]:
    """Each distinct amount times how often it occurs; what is no number counts nothing."""
    for text, count in cells.drop_nulls().value_counts().iter_rows():
        if _NUMBER.fullmatch(text):
            try:
                yield Decimal(text) * count
            except InvalidOperation:
                continue

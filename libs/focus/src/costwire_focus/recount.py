"""The second, independent count of a report: records and BilledCost, by another reader.

The ledger must not check the reader with the reader itself. This one cuts its own blocks, polars
splits them (the standard library where quotes are out of place) and adds up, Python's decimals
where amounts are long.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import Any, Protocol
from zoneinfo import available_timezones

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from costwire_focus.amounts import read
from costwire_focus.canonical import exact_sum, multiply
from costwire_focus.csv_line import LONGEST_RECORD

_BLOCK_BYTES = 4 * 1024 * 1024
_BATCH_ROWS = 250_000

_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")
_ZONE = re.compile(r"tz=([^\]]+)\]")
_SHORT_AMOUNT = r"^-?[0-9]{1,20}(\.[0-9]{1,20})?$"
_SUMMABLE = r"^-?[0-9]{1,11}(\.[0-9]{1,20})?$"
_SUM = pl.Decimal(38, 20)
"""Holds the sum of millions of amounts that are summable."""
_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


class Recount(Protocol):
    """What the second reader saw."""

    reader: str
    records: int
    billed_cost: Decimal

    def cost_in(self, raw: bytes) -> str | None:
        """What it took for BilledCost in a row that the first reader could not cut into cells."""
        ...


class CsvRecount:
    """Counts a CSV stream fed block by block, header excluded."""

    def __init__(self, names: list[str], separator: bytes = b",") -> None:
        self.reader = f"polars {pl.__version__}"
        self._separator = separator.decode()
        self._before, self._after = separator + b'\n"', separator + b'\r\n"'
        self.records = 0
        self.billed_cost = Decimal(0)
        self._width = len(names)
        self._column = names.index("BilledCost") if "BilledCost" in names else 0
        self._counts_cost = "BilledCost" in names
        self._pending: list[bytes | memoryview] = []
        self._size = 0
        self._enough = _BLOCK_BYTES

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the part; they are counted as soon as a block is full."""
        self._pending.append(block)
        self._size += len(block)
        if self._size < self._enough:
            return
        cut = block.rfind(b"\n") + 1
        self._pending[-1] = memoryview(block)[:cut]
        rest = self._count(b"".join(self._pending)) + block[cut:]
        if len(rest) > LONGEST_RECORD:
            rest = self._give_up()
        self._pending, self._size = [rest], len(rest)
        self._enough = len(rest) + _BLOCK_BYTES

    def cost_in(self, raw: bytes) -> str | None:
        """The text at BilledCost's place."""
        if not self._counts_cost:
            return None
        text = raw.decode(errors="replace")
        cells = next(csv.reader([text], delimiter=self._separator), [])
        return cells[self._column] if len(cells) > self._column else None

    def finish(self) -> None:
        """Count what is left; call once, at the end of the part."""
        if self._count(b"".join([*self._pending, b"\n"])):
            self._give_up()
        self._pending.clear()

    def _give_up(self) -> bytes:
        """A quote was left open: the first reader finds that too, and the counts may differ."""
        self.records += 1
        return b""

    def _count(self, pending: bytes) -> bytes:
        """Count the complete records that these bytes begin with; what follows them is left."""
        lines = pending[: pending.rfind(b"\n") + 1]
        data = np.frombuffer(lines, dtype=np.uint8)
        quotes = np.flatnonzero(data == _QUOTE)
        before, after = data[quotes[0::2] - 1].tobytes(), data[quotes[1::2] + 1].tobytes()
        if not (before.translate(None, self._before) or after.translate(None, self._after)):
            newlines = np.flatnonzero(data == _NEWLINE)
            end = len(lines)
            if len(quotes) % 2:
                outside = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
                end = int(outside[-1]) + 1 if len(outside) else 0
            following = data[newlines[:-1] + 1]
            blank = bool(((following == _NEWLINE) | (following == _RETURN)).any())
            cells = self._cells_by_polars(lines[:end], blank=blank)
        else:
            cells, end = self._cells_by_csv_module(lines)
        self.records += len(cells)
        if self._counts_cost:
            self.billed_cost = exact_sum([self.billed_cost, _sum(cells)])
        return pending[end:]

    def _cells_by_polars(self, lines: bytes, *, blank: bool) -> pl.Series:
        block = lines.lstrip(b"\r\n")
        if blank:
            block = _BLANK_LINES.sub(b"\n", block)
        if not block:
            return pl.Series([], dtype=pl.String)
        if block.startswith(codecs.BOM_UTF8):  # polars would drop it, though it is a cell's
            return self._cells_by_csv_module(block)[0]
        try:
            return pl.read_csv(
                block,
                has_header=False,
                separator=self._separator,
                schema={f"c{i}": pl.String for i in range(self._width)},
                columns=[self._column],
                truncate_ragged_lines=True,
                encoding="utf8-lossy",
            ).to_series()
        except pl.exceptions.PolarsError:
            return self._cells_by_csv_module(block)[0]

    def _cells_by_csv_module(self, lines: bytes) -> tuple[pl.Series, int]:
        """The cells of the complete records, and where the last of these ends."""
        cells: list[str | None] = []
        position = end = 0
        at_end = False

        def texts() -> Iterator[str]:
            nonlocal position, at_end
            for line in io.BytesIO(lines):
                position += len(line)
                yield line.decode(errors="replace")
            at_end = True

        rows = csv.reader(texts(), delimiter=self._separator)
        while True:
            try:
                row = next(rows, None)
            except csv.Error:  # a carriage return outside quotes
                row = [""]
            if row is None or at_end:
                return pl.Series(cells, dtype=pl.String), end
            if row:
                cells.append(row[self._column] if len(row) > self._column else None)
            end = position


class ParquetRecount:
    """Counts a parquet part with polars; with Python values where polars lacks a type of it."""

    def __init__(self, stream: Any) -> None:
        self.records = 0
        self.billed_cost = Decimal(0)
        parquet = pq.ParquetFile(stream, pre_buffer=False)
        # polars panics at a zone or a type that it does not know, even in a column that is not
        # asked for.
        schema = str(parquet.schema_arrow)
        try:
            if "list_view" in schema or not set(_ZONE.findall(schema)) <= available_timezones():
                raise pl.exceptions.ComputeError("a type that polars does not know")
            self.reader = f"polars {pl.__version__}"
            self._count_with_polars(stream)
        except pl.exceptions.PolarsError:
            self.reader = f"pyarrow {pa.__version__}"
            self._count_with_python(parquet)

    def cost_in(self, _raw: bytes) -> str | None:
        """Nothing: every row of a parquet file has its cells."""
        return None

    def _count_with_polars(self, stream: Any) -> None:
        stream.seek(0)
        lazy = pl.scan_parquet(stream)
        records = int(lazy.select(pl.len()).collect().item())
        billed_cost = Decimal(0)
        if "BilledCost" in lazy.collect_schema():
            texts = lazy.select(pl.col("BilledCost").cast(pl.String))
            for start in range(0, records, _BATCH_ROWS):
                cells = texts.slice(start, _BATCH_ROWS).collect().to_series()
                billed_cost = exact_sum([billed_cost, _sum(cells)])
        self.records, self.billed_cost = records, billed_cost

    def _count_with_python(self, parquet: pq.ParquetFile) -> None:
        self.records = parquet.metadata.num_rows
        if "BilledCost" not in parquet.schema_arrow.names:
            return
        for batch in parquet.iter_batches(columns=["BilledCost"]):
            values = batch.column(0).to_pylist()
            cells = pl.Series([None if v is None else str(v) for v in values], dtype=pl.String)
            self.billed_cost = exact_sum([self.billed_cost, _sum(cells)])


def _sum(cells: pl.Series) -> Decimal:
    """What is no amount counts nothing."""
    texts = cells.drop_nulls()
    summable = texts.str.contains(_SUMMABLE)
    total = Decimal(texts.filter(summable).cast(_SUM).sum())
    rest = Decimal(0) if summable.all() else _sum_of_distinct(texts.filter(~summable))
    return exact_sum([total, rest])


def _sum_of_distinct(cells: pl.Series) -> Decimal:
    """Each distinct amount times how often it occurs."""
    texts, counts = cells.value_counts().get_columns()
    plain = texts.str.contains(_SHORT_AMOUNT)
    once = plain & (counts == 1)
    return exact_sum(
        chain(
            map(Decimal, texts.filter(once).to_list()),
            _repeated(
                map(Decimal, texts.filter(plain & ~once).to_list()), counts.filter(plain & ~once)
            ),
            _repeated(map(read, texts.filter(~plain).to_list()), counts.filter(~plain)),
        )
    )


def _repeated(values: Iterable[Decimal | None], counts: Iterable[int]) -> Iterator[Decimal]:
    pairs = zip(values, counts, strict=True)
    return (multiply(value, count) for value, count in pairs if value is not None)

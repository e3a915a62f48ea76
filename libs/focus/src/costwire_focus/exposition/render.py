"""Charges to Prometheus text, a block of columns at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus.exposition import COPY_LABEL, END, FAMILY
from costwire_focus.exposition.labels import label_names

_VALUE_COLUMN = "BilledCost"
_SPECIAL = ["\\", '"', "\n"]
_ESCAPED = ["\\\\", '\\"', "\\n"]


class Renderer:
    """Renders one exposition: `header`, then `render` for each block of charges, then `footer`."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: the columns of the delivery, in the order of their labels."""
        self._labels = label_names(names)
        self._copies = CopyCounter()
        self.samples = 0

    @staticmethod
    def header() -> bytes:
        """The comment lines before the first sample."""
        return f"# HELP {FAMILY} BilledCost of one charge.\n# TYPE {FAMILY} gauge\n".encode()

    def footer(self) -> bytes:
        """The last line, by which a complete exposition is known."""
        return f"{END} samples={self.samples}\n".encode()

    def render(self, charges: pa.Table) -> pa.Buffer:
        """One line for each charge.

        Shape: text columns, any of the delivery's; null and absent columns are absent labels.
        Value: the charge's BilledCost as written, `NaN` when it is null.
        """
        if not charges.num_rows:
            return pa.py_buffer(b"")
        self.samples += charges.num_rows
        frame = pl.DataFrame(pl.from_arrow(charges))
        labels = [
            pl.format(label + '="{}",', _escaped_cells(frame[name]))
            for name, label in self._labels.items()
            if name in frame.columns and frame[name].null_count() < len(frame)
        ]
        # Over the delivery's columns in their order: parts may lack some, or order them otherwise.
        copies = self._copies.count(
            frame.select(
                name if name in frame.columns else pl.lit(None, pl.String).alias(name)
                for name in self._labels
            )
        )
        if copies.any():
            numbers = pl.Series("copies", copies)
            number = pl.when(numbers > 0).then(numbers)
            labels.append(pl.format(COPY_LABEL + '="{}",', number))
        value = pl.lit("NaN")
        if _VALUE_COLUMN in frame.columns:
            value = pl.col(_VALUE_COLUMN).fill_null("NaN")
        line = pl.concat_str(
            pl.lit(FAMILY + "{"), *labels, pl.lit("} "), value, pl.lit("\n"), ignore_nulls=True
        )
        text = frame.select(line.alias("line")).to_series().to_arrow()
        return _characters(text)


def _escaped_cells(cells: pl.Series) -> pl.Expr:
    if cells.str.contains_any(_SPECIAL).any():
        return pl.col(cells.name).str.replace_many(_SPECIAL, _ESCAPED)
    return pl.col(cells.name)


def _characters(text: pa.Array) -> pa.Buffer:
    """The bytes of all texts, one after the other."""
    contiguous = text.cast(pa.large_string())
    _, offsets, data = contiguous.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)
    first, last = bounds[contiguous.offset], bounds[contiguous.offset + len(contiguous)]
    return data.slice(int(first), int(last - first))


class CopyCounter:
    """How many rows like this one came before it, over all blocks of a delivery.

    Rows are compared by a 64-bit hash, 8 bytes a row: two rows that only share a hash get
    different numbers for nothing, which does no harm; two identical rows always get them.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def count(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        """For each row, the number of identical rows before it."""
        hashes = frame.hash_rows().to_numpy()
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        within = np.arange(len(ordered)) - np.searchsorted(ordered, ordered, side="left")
        earlier = sum(
            (
                np.searchsorted(run, ordered, side="right")
                - np.searchsorted(run, ordered, side="left")
                for run in self._runs
            ),
            start=np.zeros(len(ordered), dtype=np.int64),
        )
        counts = np.empty(len(ordered), dtype=np.int64)
        counts[order] = within + earlier
        self._add(ordered)
        return counts

    def _add(self, run: NDArray[np.uint64]) -> None:
        """Keep few sorted runs: one joins the last as long as it is no smaller than half of it."""
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)

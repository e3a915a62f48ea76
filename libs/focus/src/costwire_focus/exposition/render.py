"""Charges to Prometheus text, a block of columns at a time.

Most columns hold few distinct texts. A label with one of them is a piece, rendered once however
many charges have it; a line is a choice of pieces, and one call of Arrow writes all lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus.exposition import COPY_LABEL, HEADER, footer
from costwire_focus.exposition.coding import Coded, Coder
from costwire_focus.exposition.copies import CopyCounter
from costwire_focus.exposition.labels import label_names
from costwire_focus.exposition.pieces import Pieces

_VALUE_COLUMN = "BilledCost"
_MOST_BYTES = 1 << 30
"""What may become a longer text is rendered in halves: an Arrow array holds up to 2 GiB."""


class Renderer:
    """Renders one exposition: `header`, then `render` for each block of charges, then `footer`."""

    def __init__(self, names: Sequence[str], copies: CopyCounter | None = None) -> None:
        """`names`: the columns of the delivery, in the order of their labels.

        `copies`: what charges were rendered before that these must not be taken for.
        """
        self._labels = label_names(names)
        self._coders = {name: Coder() for name in names}
        self.copies = copies or CopyCounter()
        self._seeds = dict(zip(names, _odd_numbers(len(names)), strict=True))
        self.samples = 0

    @staticmethod
    def header() -> bytes:
        """The comment lines before the first sample."""
        return HEADER

    def footer(self) -> bytes:
        """The last line, by which a complete exposition is known."""
        return footer(self.samples)

    def render(self, charges: pa.Table) -> pa.Buffer:
        """One line for each charge.

        Shape: text columns, any of the delivery's; null and absent columns are absent labels.
        Value: the charge's BilledCost as written, `NaN` when it is null.
        """
        return pa.py_buffer(b"".join(self.blocks(charges)))

    def blocks(self, charges: pa.Table) -> Iterator[pa.Buffer]:
        """What `render` gives, in blocks of some megabytes; each ends with a line."""
        if not charges.num_rows:
            return
        longest = 2 * charges.nbytes + charges.num_rows * sum(
            len(x) + 4 for x in self._labels.values()
        )
        if longest > _MOST_BYTES and charges.num_rows > 1:
            half = charges.num_rows // 2
            yield from self.blocks(charges.slice(0, half))
            yield from self.blocks(charges.slice(half))
            return
        self.samples += charges.num_rows
        columns = self._coded(charges)
        copies = self.copies.count(self._hashes(columns, charges.num_rows))
        yield from self._pieces(columns, copies).lines()

    def _coded(self, charges: pa.Table) -> dict[str, Coded]:
        """The columns that hold anything, in the order of the labels."""
        present = frozenset(charges.column_names)
        coded = {
            name: self._coders[name].code(_flat(charges.column(name)))
            for name in self._labels
            if name in present
        }
        return {name: column for name, column in coded.items() if column is not None}

    def _hashes(self, columns: Mapping[str, Coded], rows: int) -> NDArray[np.uint64]:
        """Of each charge, over what it has in which column: alike however a part is written."""
        total = np.zeros(rows, np.uint64)
        if not columns:
            return total
        texts = pl.Series(pa.concat_arrays([column.texts for column in columns.values()]))
        hashes = np.append(texts.hash().to_numpy(), np.uint64(0))
        start = 0
        for name, column in columns.items():
            end = start + len(column.texts)
            own = hashes[start : end + 1] * self._seeds[name]
            own[-1] = 0  # of null
            total += own[0] if column.places is None else own.take(column.places)
            start = end
        return total

    def _pieces(self, columns: Mapping[str, Coded], copies: NDArray[np.int64]) -> Pieces:
        pieces = Pieces(len(copies))
        for name, cells in columns.items():
            pieces.add(self._labels[name], cells)
        if copies.any():
            numbers = np.unique(copies[copies > 0])
            places = np.where(copies > 0, np.searchsorted(numbers, copies), len(numbers))
            texts = pa.array(numbers).cast(pa.string())
            pieces.add(COPY_LABEL, Coded(texts, places.astype(np.int32), has_null=True))
        pieces.end(columns.get(_VALUE_COLUMN))
        return pieces


def _odd_numbers(count: int) -> list[np.uint64]:
    """Numbers that keep the hashes of columns apart, the same ones in each run."""
    numbers = np.random.default_rng(0).integers(0, 1 << 63, count, np.uint64)
    return list(numbers * np.uint64(2) + np.uint64(1))


def _flat(cells: pa.ChunkedArray) -> pa.Array:
    return cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()

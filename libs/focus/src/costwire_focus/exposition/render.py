"""Charges to Prometheus text, a block of columns at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from costwire_focus.exposition import COPY_LABEL, END, FAMILY, HEADER
from costwire_focus.exposition.labels import label_names

_VALUE_COLUMN = "BilledCost"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_MOST_BYTES = 1 << 30
"""What may become a longer text is rendered in halves: an Arrow array holds up to 2 GiB."""

_LONGEST_RUN = 1 << 20


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
        return HEADER

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
        longest = 2 * charges.nbytes + charges.num_rows * sum(
            len(x) + 4 for x in self._labels.values()
        )
        if longest > _MOST_BYTES and charges.num_rows > 1:
            half = charges.num_rows // 2
            halves = charges.slice(0, half), charges.slice(half)
            return pa.py_buffer(b"".join(map(self.render, halves)))
        self.samples += charges.num_rows
        columns = dict(zip(charges.column_names, map(_flat, charges.columns), strict=True))
        cells = {
            label: _escaped(column)
            for name, label in self._labels.items()
            if (column := columns.get(name)) is not None and column.null_count < len(column)
        }
        value = pa.nulls(charges.num_rows, pa.string())
        value = pc.fill_null(columns.get(_VALUE_COLUMN, value), "NaN")
        lines = _lines(cells, value)
        # Over the lines: parts may lack columns or order them otherwise, the text is the same.
        copies = self._copies.count(pl.DataFrame({"line": pl.Series(lines)}))
        if copies.any():
            lines = _with_copies(lines, cells, value, copies)
        return _characters(lines)


def _lines(cells: Mapping[str, pa.Array], value: pa.Array) -> pa.Array:
    """The line of each charge, in one join of the labels' cells and the text between them."""
    pieces: list[pa.Array | str] = []
    between = FAMILY + "{"
    for label, column in cells.items():
        if column.null_count:
            pieces += [between, pc.binary_join_element_wise(f'{label}="', column, '",', "")]
            between = ""
        else:
            pieces += [f'{between}{label}="', column]
            between = '",'
    return pc.binary_join_element_wise(
        *pieces, between + "} ", value, "\n", "", null_handling="skip"
    )


def _with_copies(
    lines: pa.Array, cells: Mapping[str, pa.Array], value: pa.Array, copies: NDArray[np.int64]
) -> pa.Array:
    """The lines, those of copies with the number of each in a label of its own."""
    chosen = np.flatnonzero(copies)
    taken = pa.table([*cells.values(), value], [*cells, ""]).take(chosen)
    *columns, values = map(_flat, taken.columns)
    labels = dict(zip(cells, columns, strict=True))
    labels[COPY_LABEL] = pa.array(copies[chosen]).cast(pa.string())
    return pc.replace_with_mask(lines, pa.array(copies > 0), _lines(labels, values))


def _escaped(cells: pa.Array) -> pa.Array:
    """The cells as label values; a text that occurs often is escaped once."""
    held = _bytes_of(cells)
    escapes = [pair for pair in _ESCAPES.items() if (held == ord(pair[0])).any()]
    if not escapes:
        return cells
    encoded = cells.dictionary_encode()
    texts = encoded.dictionary
    for special, escape in escapes:
        texts = pc.replace_substring(texts, special, escape)
    return texts.take(encoded.indices)


def _flat(cells: pa.ChunkedArray) -> pa.Array:
    return cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()


def _characters(text: pa.Array) -> pa.Buffer:
    """The bytes of all texts, one after the other."""
    if text.buffers()[2] is None:
        return pa.py_buffer(b"")
    offsets = np.frombuffer(text.buffers()[1], np.int32)
    first, last = offsets[text.offset], offsets[text.offset + len(text)]
    return text.buffers()[2].slice(int(first), int(last - first))


def _bytes_of(cells: pa.Array) -> NDArray[np.uint8]:
    return np.frombuffer(_characters(cells), np.uint8)


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
        earlier = np.zeros(len(ordered), dtype=np.int64)
        for run in self._runs:
            first = np.searchsorted(run, ordered, side="left")
            known = np.flatnonzero(run[np.minimum(first, len(run) - 1)] == ordered)
            after = np.searchsorted(run, ordered[known], side="right")
            earlier[known] += after - first[known]
        counts = np.empty(len(ordered), dtype=np.int64)
        counts[order] = within + earlier
        self._add(ordered)
        return counts

    def _add(self, run: NDArray[np.uint64]) -> None:
        """Keep few sorted runs: one joins the last as long as it is no smaller than half of it.

        Joining takes three times a run's memory for a moment, so runs stay below a size.
        """
        while (
            self._runs
            and len(self._runs[-1]) <= 2 * len(run)
            and len(self._runs[-1]) + len(run) <= _LONGEST_RUN
        ):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")
        if len(run):
            self._runs.append(run)

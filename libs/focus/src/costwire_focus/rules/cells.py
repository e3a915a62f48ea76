"""Reads the typed cells of a batch once: what the conditions compare, and what is unreadable."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from costwire_focus import amounts, instants
from costwire_focus.buffers import bounds_of, bytes_of
from costwire_focus.columns import ValueType, value_type
from costwire_focus.rules.arithmetic import compare_amounts
from costwire_focus.rules.buffers import never
from costwire_focus.rules.rule import FLAG, INSTANT, NEGATIVE, NOT_ZERO, NUMBER, UNSET
from costwire_focus.rules.values import INSTANT_FINER, INSTANT_FORM, NUMBER_FORM

_FOCUS_NUMBER: Final = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)(E-?[0-9]+)?$"
_LARGE: Final = 10.0 ** (amounts.MAX_INTEGER_DIGITS - 1)
_SMALL: Final = 1e-9
_SURE_BYTES: Final = 28
"""A text no longer than this, of a number above 1e-9, has at most 38 digits after the point."""


@dataclass
class Cells:
    """The derived columns of a batch, and the masks of its unreadable cells by column."""

    derived: dict[str, pl.Series] = field(default_factory=dict)
    unreadable: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


def read_cells(
    charges: pa.Table, frame: pl.DataFrame, wanted: frozenset[str], dates: instants.DateOrder | None
) -> Cells:
    """Read every amount and instant of a batch; derive only the columns in `wanted`.

    `frame` holds the same cells as `charges`, for all amounts and for ChargeCategory.
    """
    cells = Cells()
    names = [name for name in charges.column_names if value_type(name) is ValueType.AMOUNT]
    numbers = frame.select(pl.col(names).cast(pl.Float64, strict=False)).to_dict()
    for name, cast in numbers.items():
        _judge_amounts(name, charges.column(name), frame[name], cast, wanted, cells)
    cells.derived |= {name + NUMBER: cast for name, cast in numbers.items()}
    cells.derived |= _signs(numbers, wanted)
    cells.derived |= compare_amounts(frame, numbers, wanted)
    _read_instants(charges, wanted, dates, cells)
    return cells


def _signs(numbers: Mapping[str, pl.Series], wanted: frozenset[str]) -> dict[str, pl.Series]:
    """Which amounts are below zero, and which are not zero."""
    signs = {}
    for name, cast in numbers.items():
        if (negative := name + FLAG + NEGATIVE) in wanted:
            below = isinstance(smallest := cast.min(), float) and smallest < 0
            signs[negative] = cast < 0 if below else never(len(cast))
        if (not_zero := name + FLAG + NOT_ZERO) in wanted:
            signs[not_zero] = cast != 0
    return signs


def unset_cells(charges: pa.Table, wanted: frozenset[str]) -> dict[str, pl.Series]:
    """Which cells are null, of the columns for which it is in `wanted`."""
    return {
        unset: pl.Series(column.is_null()) if column.null_count else never(len(column))
        for name, column in zip(charges.column_names, charges.columns, strict=True)
        if (unset := name + FLAG + UNSET) in wanted
    }


def cells_with_nul(charges: pa.Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The columns in which a cell holds the character U+0000, and the masks of those cells."""
    for name, column in zip(charges.column_names, charges.columns, strict=True):
        if any((data := bytes_of(chunk)).size and not data.min() for chunk in column.chunks):
            mask = pc.match_substring(column, "\0").fill_null(False)
            if pc.any(mask).as_py():
                yield name, mask.to_numpy()


def _judge_amounts(
    name: str,
    column: pa.ChunkedArray,
    texts: pl.Series,
    numbers: pl.Series,
    wanted: frozenset[str],
    cells: Cells,
) -> None:
    if not _all_readable(column, numbers):
        mask = _unreadable(texts, numbers)
        if mask.any():
            cells.unreadable[name] = mask
    if (form := name + FLAG + NUMBER_FORM) in wanted:
        odd = _contains(column, b"+") or _contains(column, b"e")
        cells.derived[form] = ~texts.str.contains(_FOCUS_NUMBER) if odd else never(len(texts))


def _all_readable(column: pa.ChunkedArray, numbers: pl.Series) -> bool:
    """A look at the whole column that settles the usual case; False where a closer one is due.

    What polars reads as a double is an amount, or one of the words for infinity and NaN. Short and
    without exponent, it has no more digits than can be kept.
    """
    if numbers.null_count() != column.null_count:
        return False
    if numbers.null_count() == len(numbers):
        return True
    smallest, largest = numbers.min(), numbers.max()
    return (
        isinstance(smallest, float)
        and isinstance(largest, float)
        and -_LARGE < smallest <= largest < _LARGE
        and math.isfinite(numbers.sum())  # one NaN makes the sum NaN
        and max(_longest(chunk) for chunk in column.chunks) <= amounts.MAX_FRACTION_DIGITS
        and not _contains(column, b"E")
        and not _contains(column, b"e")
    )


def _unreadable(texts: pl.Series, numbers: pl.Series) -> NDArray[np.bool_]:
    """The cells that are no amounts, after a look at each of which a double cannot tell."""
    mask = np.zeros(len(texts), np.bool_)
    scientific = texts.str.contains("[eE]")
    unsure = (
        (numbers.is_null() & texts.is_not_null())
        | ~numbers.is_finite().fill_null(True)
        | (numbers.abs() >= _LARGE).fill_null(False)
        | ((numbers.abs() < _SMALL) & scientific).fill_null(False)
        | (texts.str.len_bytes() > _SURE_BYTES).fill_null(False)
    )
    suspects = unsure.arg_true().to_numpy()
    if len(suspects):
        _, unreadable = amounts.parse(texts.filter(unsure).to_arrow().cast(pa.string()))
        if unreadable is not None:
            mask[suspects] = unreadable.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _longest(cells: pa.Array) -> int:
    bounds = bounds_of(cells)
    return int(np.diff(bounds).max()) if len(cells) else 0


def _contains(column: pa.ChunkedArray, character: bytes) -> bool:
    return any(bool((bytes_of(chunk) == character[0]).any()) for chunk in column.chunks)


def _read_instants(
    charges: pa.Table, wanted: frozenset[str], dates: instants.DateOrder | None, cells: Cells
) -> None:
    """All columns of instants at once: they share most of their texts."""
    names = [name for name in charges.column_names if value_type(name) is ValueType.INSTANT]
    if not names:
        return
    chunks = [chunk for name in names for chunk in charges.column(name).chunks]
    read = instants.parse(pa.chunked_array(chunks, pa.string()), dates)
    values = pl.Series(pc.cast(read.values, pa.int64()))
    rows = charges.num_rows
    for position, name in enumerate(names):
        start = position * rows
        if read.unreadable is not None:
            mask = read.unreadable.slice(start, rows).to_numpy(zero_copy_only=False)
            if mask.any():
                cells.unreadable[name] = mask
        cells.derived[name + INSTANT] = values.slice(start, rows)
        for verdict, found in ((INSTANT_FORM, read.not_focus), (INSTANT_FINER, read.finer)):
            if (flagged := name + FLAG + verdict) in wanted:
                cells.derived[flagged] = (
                    never(rows) if found is None else pl.Series(found.slice(start, rows))
                )

"""Scales of amount columns: widened while digits allow, so that no amount is ever rounded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.charges.prepare import CELL, ROW
from costwire_db_handler.charges.staging import StagedParts
from costwire_focus.amounts import EXACT
from costwire_focus.repeats import plain_type
from costwire_focus.typed import DIGITS, fits

WIDEST_SCALE = 30
"""No column is widened further: a charge of the noise of doubles (`-1.38e-17` has 33 decimals) must
not take away the digits before the point that all later charges need."""


@dataclass(frozen=True)
class Fit:
    """How the amounts of a delivery fit into the columns of a table."""

    scales: dict[str, int] = field(default_factory=dict)
    """column -> the scale that its column has, or is to get."""
    unfit: dict[str, pa.Array] = field(default_factory=dict)
    """column -> the rows whose amount has more digits than it can hold."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """row -> why the database did not take it."""

    @property
    def refuses(self) -> bool:
        """Whether any row cannot be stored."""
        return bool(self.unfit or self.refused)

    def without_unfit(self, part: pa.Table) -> pa.Table:
        """The rows of a staged part that fit."""
        return part.filter(pc.invert(self._is_unfit(part))) if self.refuses else part

    def only_unfit(self, part: pa.Table) -> pa.Table:
        """The other rows."""
        return part.filter(self._is_unfit(part)) if self.refuses else part.slice(0, 0)

    def unfit_columns(self, rows: pa.ChunkedArray) -> list[str | None]:
        """For each of these rows, the first column that has not the room for its amount."""
        names = list(self.unfit)
        if not names:
            return [None] * len(rows)
        first = pc.coalesce(
            *(
                pc.if_else(pc.is_in(rows, value_set=found), pa.scalar(number), None)
                for number, found in enumerate(self.unfit.values())
            )
        )
        return [None if number is None else names[number] for number in first.to_pylist()]

    def _is_unfit(self, part: pa.Table) -> pa.ChunkedArray:
        by_database = pa.array(self.refused, pa.int64())
        everywhere = pa.concat_arrays([*self.unfit.values(), by_database])
        return pc.is_in(part.column(ROW), value_set=everywhere)


def fit(
    staged: StagedParts,
    present: Mapping[str, int],
    integer_digits: Callable[[str], int],
    refused: Mapping[int, str] | None = None,
) -> Fit:
    """Choose for each amount column the scale that loses no digit.

    Where no scale does (very large and very fine amounts in one column), the one that refuses the
    fewest charges; those are told, never rounded.

    `present`:        column -> the scale that it has in the table.
    `integer_digits`: of a column, the digits before the point that the table holds in it already.
    `refused`:        rows that the database did not take, with its words.
    """
    result = Fit(refused=refused or {})
    for column, scales in _staged_scales(staged).items():
        now = result.scales[column] = present[column]
        if scales != {now}:
            room = DIGITS - integer_digits(column)
            result.scales[column] = _best_scale(staged, column, now, room, result.unfit)
    return result


def _staged_scales(staged: StagedParts) -> dict[str, set[int]]:
    scales: dict[str, set[int]] = {}
    for schema in staged.schemas():
        for item in schema:
            kind = plain_type(item.type)
            if item.name.startswith(CELL) and pa.types.is_decimal(kind):
                scales.setdefault(item.name.removeprefix(CELL), set()).add(kind.scale)
    return scales


def _best_scale(
    staged: StagedParts, column: str, now: int, room: int, unfit: dict[str, pa.Array]
) -> int:
    """The scale that is needed and no more, so that sums have room; else what refuses fewest."""
    widest = min(room, WIDEST_SCALE)
    needed = max(now, min(widest, _needed_scale(staged, column, now)))
    best, refused = needed, _unfit_rows(staged, column, needed)
    if len(refused):
        for scale in range(now, widest + 1):
            found = _unfit_rows(staged, column, scale)
            if len(found) < len(refused):
                best, refused = scale, found
    if len(refused):
        unfit[column] = refused
    return best


def _needed_scale(staged: StagedParts, column: str, least: int) -> int:
    """The smallest scale, from `least` on, that keeps all digits after the point."""
    for part in staged.read([CELL + column]):
        if CELL + column in part.column_names:
            amounts = part.column(CELL + column)
            scales = range(least, amounts.type.scale)
            least += bisect_left(scales, True, key=partial(_is_whole, amounts))
    return least


def _is_whole(amounts: pa.ChunkedArray, scale: int) -> bool:
    return bool(pc.all(pc.equal(pc.round(amounts, scale, "towards_zero"), amounts)).as_py())


def _unfit_rows(staged: StagedParts, column: str, scale: int) -> pa.Array:
    """The rows whose amount is not exact, or too large, in this scale."""
    target = pa.decimal128(DIGITS, scale)
    rows = [pa.array([], pa.int64())]
    for part in staged.read([CELL + column, ROW]):
        if CELL + column not in part.column_names:
            continue
        amounts = part.column(CELL + column)
        try:
            pc.cast(amounts, target)
        except pa.ArrowInvalid:
            unfit = pc.invert(fits(pc.cast(amounts, EXACT), scale))
            rows += part.column(ROW).filter(unfit).chunks
    return pa.concat_arrays(rows)

"""Text charges to typed ones: the last step before a store, the same for every engine."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus import amounts, instants
from costwire_focus.columns import ValueType, value_type
from costwire_focus.own_rules import AMOUNT_DIGITS, AMOUNT_UNREADABLE, INSTANT_UNREADABLE

DIGITS = 38
"""What a DECIMAL can hold in all, on every engine."""

SCALES = (18, 24, 30, 38)
"""The scales that amounts are typed with: the first that loses no digit of a column."""

DEFAULT_SCALE = SCALES[0]

_SHOWN = 60


@dataclass(frozen=True)
class Refused:
    """A row with a cell that has no place in its column's type."""

    index: int
    column: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Typed:
    """Charges with typed columns, and the rows that could not be typed."""

    charges: pa.Table
    """Amounts as `decimal128(38, s)`, instants as `timestamp[ms]` (UTC), all else as text."""
    refused: list[Refused] = field(default_factory=list)
    """In the order of the rows; each row once."""


def typed(charges: pa.Table) -> Typed:
    """Type every column by its name.

    Scale:  the first of `SCALES` that is exact for the whole column. Where none is (amounts of
            very many digits before and after the point together), the one that refuses fewest.
    Raises: nothing for data; a row that cannot be typed is in `refused`, not in `charges`.
    """
    refused: dict[int, Refused] = {}
    columns: dict[str, pa.Array] = {}
    for name in charges.column_names:
        column = charges.column(name).combine_chunks()
        kind = value_type(name)
        if kind is ValueType.AMOUNT:
            columns[name] = _amounts(name, column, refused)
        elif kind is ValueType.INSTANT:
            columns[name] = _instants(name, column, refused)
        else:
            columns[name] = column
    table = pa.table(columns)
    if refused:
        rows = pa.array(range(charges.num_rows), pa.int64())
        table = table.filter(pc.invert(pc.is_in(rows, value_set=pa.array(list(refused)))))
    return Typed(table, [refused[index] for index in sorted(refused)])


def _instants(name: str, cells: pa.Array, refused: dict[int, Refused]) -> pa.Array:
    read = instants.parse(cells)
    if read.unreadable is not None:
        _refuse(refused, name, cells, read.unreadable, INSTANT_UNREADABLE, "is no date and time")
    return read.values


def _amounts(name: str, cells: pa.Array, refused: dict[int, Refused]) -> pa.Array:
    values, unreadable = amounts.parse(cells)
    if unreadable is not None:
        _refuse(refused, name, cells, unreadable, AMOUNT_UNREADABLE, "is no amount")
    for scale in SCALES:
        try:
            return pc.cast(values, pa.decimal128(DIGITS, scale))
        except pa.ArrowInvalid:
            continue
    unfit = {scale: _unfit(values, scale) for scale in SCALES}
    best = min(SCALES, key=lambda scale: pc.sum(unfit[scale]).as_py())
    _refuse(refused, name, cells, unfit[best], AMOUNT_DIGITS, f"has more than {DIGITS} digits")
    fitting = pc.if_else(unfit[best], pa.scalar(None, amounts.EXACT), values)
    return pc.cast(fitting, pa.decimal128(DIGITS, best))


def _unfit(values: pa.Array, scale: int) -> pa.Array:
    """The amounts that are not exact, or too large, in this scale."""
    return pc.invert(fits(values, scale))


def fits(values: pa.Array | pa.ChunkedArray, scale: int) -> pa.Array | pa.ChunkedArray:
    """Which exact amounts a `DECIMAL(38, scale)` can hold; a null fits."""
    whole = pc.equal(pc.round(values, scale), values)
    small = pc.less(pc.abs(values), pa.scalar(10 ** (DIGITS - scale), amounts.EXACT))
    return pc.fill_null(pc.and_(whole, small), True)


def _refuse(
    refused: dict[int, Refused],
    name: str,
    cells: pa.Array,
    mask: pa.Array,
    rule: str,
    reason: str,
) -> None:
    for index in pc.indices_nonzero(mask).to_pylist():
        cell = cells[index].as_py()
        refused.setdefault(index, Refused(index, name, rule, f"{name} {reason}: {cell[:_SHOWN]!r}"))

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
    """Type every column by its name; a dictionary of texts becomes one of typed values.

    Scale:  the first of `SCALES` that is exact for the whole column. Where none is (amounts of
            very many digits before and after the point together), the one that refuses fewest.
    Raises: nothing for data; a row that cannot be typed is in `refused`, not in `charges`.
    """
    refused: dict[int, Refused] = {}
    columns: dict[str, pa.Array] = {}
    for name in charges.column_names:
        column = charges.column(name).combine_chunks()
        read = _READERS.get(value_type(name))
        columns[name] = column if read is None else read(_Cells(name, column, refused))
    table = pa.table(columns)
    if refused:
        rows = pa.array(range(charges.num_rows), pa.int64())
        table = table.filter(pc.invert(pc.is_in(rows, value_set=pa.array(list(refused)))))
    return Typed(table, [refused[index] for index in sorted(refused)])


@dataclass(frozen=True)
class _Cells:
    """A column of text that is being typed; what is found of a text holds wherever it stands."""

    name: str
    column: pa.Array
    refused: dict[int, Refused]

    @property
    def texts(self) -> pa.Array:
        return self.column.dictionary if self._repeats else self.column

    def spread(self, found: pa.Array) -> pa.Array:
        """What was found of each text, for each cell."""
        return pc.take(found, self.column.indices) if self._repeats else found

    def typed(self, values: pa.Array) -> pa.Array:
        """The column, with these values in place of its texts."""
        if not self._repeats:
            return values
        return pa.DictionaryArray.from_arrays(self.column.indices, values)

    def refuse(self, unusable: pa.Array, rule: str, reason: str) -> None:
        """Leave out the rows of these texts."""
        for index in pc.indices_nonzero(self.spread(unusable)).to_pylist():
            told = f"{self.name} {reason}: {self.column[index].as_py()[:_SHOWN]!r}"
            self.refused.setdefault(index, Refused(index, self.name, rule, told))

    @property
    def _repeats(self) -> bool:
        return isinstance(self.column, pa.DictionaryArray)


def _instants(cells: _Cells) -> pa.Array:
    read = instants.parse(cells.texts)
    if read.unreadable is not None:
        cells.refuse(read.unreadable, INSTANT_UNREADABLE, "is no date and time")
    return cells.typed(read.values)


def _amounts(cells: _Cells) -> pa.Array:
    if (short := amounts.short(cells.texts)) is not None:
        return cells.typed(short)
    values, unreadable = amounts.parse(cells.texts)
    if unreadable is not None:
        cells.refuse(unreadable, AMOUNT_UNREADABLE, "is no amount")
    for scale in SCALES:
        try:
            return cells.typed(pc.cast(values, pa.decimal128(DIGITS, scale)))
        except pa.ArrowInvalid:
            continue
    unfit = {scale: pc.invert(fits(values, scale)) for scale in SCALES}
    best = min(SCALES, key=lambda scale: pc.sum(cells.spread(unfit[scale])).as_py())
    cells.refuse(unfit[best], AMOUNT_DIGITS, f"has more than {DIGITS} digits")
    fitting = pc.if_else(unfit[best], pa.scalar(None, amounts.EXACT), values)
    return cells.typed(pc.cast(fitting, pa.decimal128(DIGITS, best)))


_READERS = {ValueType.AMOUNT: _amounts, ValueType.INSTANT: _instants}


def fits(values: pa.Array | pa.ChunkedArray, scale: int) -> pa.Array | pa.ChunkedArray:
    """Which exact amounts a `DECIMAL(38, scale)` can hold; a null fits."""
    whole = pc.equal(pc.round(values, scale), values)
    small = pc.less(pc.abs(values), pa.scalar(10 ** (DIGITS - scale), amounts.EXACT))
    return pc.fill_null(pc.and_(whole, small), True)

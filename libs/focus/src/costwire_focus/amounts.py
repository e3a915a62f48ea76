"""Exact amounts: text to decimal, decimal to canonical text, and sums that never round.

Everything here works on whole columns; a value is a 256-bit decimal with 38 digits after the point,
wide enough that no amount which a store can hold (38 digits in all) loses one on the way.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal, Inexact, InvalidOperation, Overflow

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.canonical import EXACT_CONTEXT, canonical_text, exact_sum, subtract
from costwire_focus.repeats import each_once, plain

COST_COLUMNS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
NO_CURRENCY = "XXX"
"""ISO 4217's code for "no currency": where the sums of charges without BillingCurrency stand."""

READABLE = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""An amount: sign, digits with a point, exponent. (FOCUS forbids the plus sign; it is readable.)"""

MAX_INTEGER_DIGITS = 30
MAX_FRACTION_DIGITS = 38
EXACT = pa.decimal256(76, MAX_FRACTION_DIGITS)

# Amounts of so many characters, without exponent, and sums below the limit fit into half the width.
_SHORT_CHARACTERS = 20
_SHORT = pa.decimal128(38, 18)
_SHORT_LIMIT = Decimal(10) ** 20

_READABLE = re.compile(READABLE)
_LIMIT = Decimal(10) ** MAX_INTEGER_DIGITS
_ZERO = Decimal(0)

# Arrow's cast from text wraps around above 2^256 and reads past its tables at wild exponents.
# Below this length, with no exponent but a small negative one, neither can come about.
_CASTABLE_CHARACTERS = 38
_LOWER_CASE = 0x20
_UNCASTABLE_EXPONENT = "[eE]([^-]|-[7-9][0-9]|-[0-9]{3})"


def parse(cells: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Read a column of amounts.

    Shape:  text in; exact decimals out, null where the cell is null or unreadable, and the mask
            of unreadable cells (None when there are none).
    Limits: a number of more than 30 digits before the point or 38 after it counts as unreadable.
    Source: FOCUS, attribute NumericFormat.
    """
    cells = _flat(cells)
    if _is_castable(cells):
        try:
            values = pc.cast(cells, EXACT)
            if not _any(pc.greater_equal(pc.abs(values), _limit())):
                return values, None
        except pa.ArrowInvalid:
            pass
    return _parse_with_care(cells)


def short(cells: pa.Array) -> pa.Array | None:
    """Read a column of amounts that all fit into `decimal128(38, 18)`; None where one does not."""
    if not _is_short(cells):
        return None
    try:
        return pc.cast(cells, _SHORT)
    except pa.ArrowInvalid:
        return None


def values(cells: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column of text, or a dictionary of texts, as exact decimals; null where unreadable."""
    column = each_once(cells)
    return parse(column.dictionary)[0].take(column.indices)


def _summable(cells: pa.ChunkedArray) -> pa.Array:
    """A column as `values` takes it, as decimals of which the sum of any is exact."""
    if pa.types.is_dictionary(cells.type) or (found := short(_flat(cells))) is None:
        return values(cells)
    extremes = pc.min_max(found).as_py().values()
    largest = max((abs(value) for value in extremes if value is not None), default=_ZERO)
    return found if largest * len(found) < _SHORT_LIMIT else values(cells)


def _is_short(cells: pa.Array) -> bool:
    return _longest(cells) <= _SHORT_CHARACTERS and not _has_exponent(cells)


def _longest(cells: pa.Array) -> int:
    return pc.max(pc.binary_length(cells)).as_py() or 0


def _is_castable(cells: pa.Array) -> bool:
    return _longest(cells) <= _CASTABLE_CHARACTERS and not (
        _has_exponent(cells) and _any(pc.match_substring_regex(cells, _UNCASTABLE_EXPONENT))
    )


def _has_exponent(cells: pa.Array) -> bool:
    """Whether any byte that these cells' buffer holds is an E: a look that settles most columns."""
    data = np.frombuffer(cells.buffers()[2] or b"", np.uint8)
    return bool(((data | _LOWER_CASE) == ord("e")).any())


def _parse_with_care(cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Verdicts cell by cell; what Arrow may not take is respelled, once per distinct text."""
    readable = pc.match_substring_regex(cells, READABLE)
    unusual = pc.or_(
        pc.greater(pc.utf8_length(cells), MAX_INTEGER_DIGITS),
        pc.match_substring_regex(cells, "[eE]"),
    )
    cleaned = pc.if_else(readable, cells, pa.scalar(None, pa.string()))
    distinct = pc.unique(pc.filter(cells, pc.and_(readable, unusual)))
    if len(distinct):
        plain = pa.array([_plain(text) for text in distinct.to_pylist()], pa.string())
        position = pc.index_in(cleaned, value_set=distinct)
        cleaned = pc.if_else(pc.is_valid(position), pc.take(plain, position), cleaned)
    unreadable = pc.and_(pc.is_valid(cells), pc.is_null(cleaned))
    return pc.cast(cleaned, EXACT), unreadable if _any(unreadable) else None


def _plain(text: str) -> str | None:
    """The canonical text of a readable amount; None when it has more digits than can be kept."""
    value = read(text)
    return None if value is None else canonical_text(value)


def read(text: str) -> Decimal | None:
    """One amount, exactly; None when it is none, or has more digits than can be kept."""
    if not _READABLE.fullmatch(text):
        return None
    try:
        value = Decimal(text).normalize(EXACT_CONTEXT)
    except (Inexact, InvalidOperation, Overflow):
        return None
    if value == 0:
        return _ZERO
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # neither NaN nor infinity match READABLE  # noqa: S101
    fits = len(digits) + exponent <= MAX_INTEGER_DIGITS and -exponent <= MAX_FRACTION_DIGITS
    return value if fits else None


class CostSums:
    """Exact sums of the four cost columns, per currency; None stands for an absent column."""

    def __init__(self, currency: str | None = None) -> None:
        """`currency`: what charges without BillingCurrency are counted under (default `XXX`)."""
        self._without = currency or NO_CURRENCY
        self._sums: dict[str, dict[str, Decimal]] = {}

    @classmethod
    def of(cls, totals: Mapping[str, Mapping[str, Decimal]]) -> CostSums:
        """Sums that were counted elsewhere: currency -> cost column -> total."""
        sums = cls()
        sums._sums = {currency: dict(lines) for currency, lines in totals.items()}
        return sums

    def add_typed(self, charges: pa.Table) -> None:
        """Count the charges of a table whose amounts are decimals already."""
        present = [name for name in COST_COLUMNS if name in charges.column_names]
        columns = {name: each_once(charges.column(name)) for name in present}
        amounts = {
            name: pc.cast(column.dictionary, EXACT).take(column.indices)
            for name, column in columns.items()
        }
        self.add_amounts(amounts, self._currencies(charges))

    def add(self, charges: pa.Table) -> None:
        """Count the charges of a table of text columns; unreadable amounts count as null."""
        names = charges.column_names
        present = [name for name in COST_COLUMNS if name in names]
        amounts = {name: _summable(charges.column(name)) for name in present}
        self.add_amounts(amounts, self._currencies(charges))

    def _currencies(self, charges: pa.Table) -> pa.Array:
        if "BillingCurrency" not in charges.column_names:
            return pa.nulls(charges.num_rows, pa.string()).fill_null(self._without)
        return plain(charges.column("BillingCurrency")).fill_null(self._without)

    def add_amounts(self, amounts: Mapping[str, pa.Array], currencies: pa.Array) -> None:
        """Count columns of exact decimals, each beside its charge's currency."""
        for currency in pc.unique(currencies).to_pylist():
            bucket = self._sums.setdefault(currency, {})
            mine = pc.equal(currencies, currency)
            everything = pc.all(mine).as_py()
            for name, values in amounts.items():
                chosen = values if everything else pc.filter(values, mine)
                total = pc.sum(chosen).as_py()
                bucket[name] = exact_sum((bucket.get(name, _ZERO), total or _ZERO))

    def merge(self, other: CostSums) -> None:
        """Add another count to this one."""
        for currency, sums in other._sums.items():
            bucket = self._sums.setdefault(currency, {})
            for name, value in sums.items():
                bucket[name] = exact_sum((bucket.get(name, _ZERO), value))

    def minus(self, other: CostSums) -> CostSums:
        """What is in this count and not in the other one, per currency and column."""
        rest = CostSums(self._without)
        for currency, sums in self._sums.items():
            theirs = other._sums.get(currency, {})
            rest._sums[currency] = {
                name: subtract(value, theirs.get(name, _ZERO)) for name, value in sums.items()
            }
        return rest

    def only(self, currencies: Collection[str]) -> CostSums:
        """This count without what is in other currencies."""
        rest = CostSums(self._without)
        rest._sums = {each: dict(sums) for each, sums in self._sums.items() if each in currencies}
        return rest

    def currencies(self) -> list[str]:
        """The currencies counted so far, sorted."""
        return sorted(self._sums)

    def get(self, currency: str, column: str) -> Decimal | None:
        """The sum of one column in one currency; None when no table had that column."""
        return self._sums.get(currency, {}).get(column)

    def to_json(self) -> dict[str, dict[str, str | None]]:
        """`{"USD": {"BilledCost": "20.5", ...}}`; null where the column is absent."""
        return {
            currency: {
                name: canonical_text(sums[name]) if name in sums else None for name in COST_COLUMNS
            }
            for currency, sums in sorted(self._sums.items())
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CostSums) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # a running count has no fixed hash


def _flat(cells: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(cells, pa.ChunkedArray):
        return cells
    return cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _limit() -> pa.Scalar:
    return pa.scalar(_LIMIT, EXACT)

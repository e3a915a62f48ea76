"""Makes charges alike: one set of columns, and what was told of cells that do not say it."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus import instants
from costwire_focus.columns import ValueType, value_type
from costwire_focus.instants import DateOrder

CURRENCY = "BillingCurrency"


def united_columns(parts: Sequence[Sequence[str]], currency: str | None) -> list[str]:
    """The columns of all parts, each once, in the order in which they first appear."""
    names = dict.fromkeys(name for part in parts for name in part)
    if currency is not None:
        names.setdefault(CURRENCY)
    return list(names)


def conform(
    charges: pa.Table, columns: Sequence[str], currency: str | None, dates: DateOrder | None
) -> pa.Table:
    """The charges with exactly these columns; identical charges become identical rows.

    Null: a column that a part lacks is null, but BillingCurrency where one is told.
    Dates: cells such as `9/1/24` are rewritten in FOCUS's form once their order is told; every
           other cell keeps its text.
    """
    present = frozenset(charges.column_names)
    nothing = pa.nulls(charges.num_rows, pa.string())
    arrays = {name: charges.column(name) if name in present else nothing for name in columns}
    if currency is not None:
        arrays[CURRENCY] = pc.fill_null(arrays[CURRENCY], currency)
    if dates is not None:
        for name in columns:
            if value_type(name) is ValueType.INSTANT:
                arrays[name] = _rewritten(arrays[name], dates)
    return pa.table(arrays)


def _rewritten(cells: pa.Array, dates: DateOrder) -> pa.Array:
    slashed = pc.fill_null(pc.match_substring_regex(cells, instants.SLASHED), False)
    if not pc.any(slashed).as_py():
        return cells
    values = pc.cast(instants.parse(cells, dates).values, pa.timestamp("s"), safe=False)
    text = pc.strftime(values, "%Y-%m-%dT%H:%M:%SZ")
    return pc.if_else(pc.and_(slashed, pc.is_valid(text)), text, cells)

"""Broken rows to plant: what is wrong with each kind, and whether the row can still be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.amounts import COST_COLUMNS, parse
from costwire_focus.canonical import canonical_text, exact_sum, subtract
from costwire_focus.estates.draws import Draws, Ints

Amounts = dict[str, Decimal | None]


@dataclass(frozen=True)
class Defect:
    """One kind of broken row; `cell` replaces the column's text, else the bytes are broken."""

    grade: Literal["unusable", "finding"]
    column: str | None
    cell: str | None = None
    in_bytes: bool = False


DEFECTS: Mapping[str, Defect] = {
    "bad-amount": Defect("unusable", "BilledCost", "twelve"),
    "currency-sign": Defect("unusable", "BilledCost", "$1.50"),
    "thousands-separator": Defect("unusable", "ListCost", "1,234.50"),
    "decimal-comma": Defect("unusable", "ContractedCost", "12,5"),
    "not-a-number": Defect("unusable", "EffectiveCost", "NaN"),
    "infinite": Defect("unusable", "EffectiveCost", "Infinity"),
    "placeholder": Defect("unusable", "BilledCost", "N/A"),
    "too-many-digits": Defect("unusable", "BilledCost", "0." + "1" * 50),
    "bad-date": Defect("unusable", "ChargePeriodStart", "2024-02-31T25:00:00Z"),
    "short-date": Defect("unusable", "ChargePeriodEnd", "9/1/24"),
    "no-date": Defect("unusable", "BillingPeriodStart", "September"),
    "field-missing": Defect("unusable", None, in_bytes=True),
    "field-extra": Defect("unusable", None, in_bytes=True),
    "field-cut-off": Defect("unusable", None, in_bytes=True),
    "field-bare-return": Defect("unusable", None, in_bytes=True),
    "undecodable": Defect("unusable", "ChargeDescription", in_bytes=True),
    "nul": Defect("unusable", "ChargeDescription", in_bytes=True),
    "empty-cost": Defect("finding", "BilledCost"),
    "missing-value": Defect("finding", "ServiceName"),
    "unknown-value": Defect("finding", "ChargeCategory", "Usages"),
    "wrong-case": Defect("finding", "ChargeFrequency", "Usage-based"),
    "plus-sign": Defect("finding", "BilledCost", "+1.5"),
    "plus-exponent": Defect("finding", "EffectiveCost", "1.5E+2"),
    "time-without-zone": Defect("finding", "ChargePeriodStart", "2024-08-31 00:00:00"),
    "backward-period": Defect("finding", "ChargePeriodEnd", "2019-09-02T00:00:00Z"),
    "negative-price": Defect("finding", "ListUnitPrice", "-1"),
    "wrong-product": Defect("finding", "ListCost", "987654.321"),
    "bad-tags": Defect("finding", "Tags", "{not json"),
    "nested-tags": Defect("finding", "Tags", '{"team": {"name": "a"}}'),
    "repeated-tag": Defect("finding", "Tags", '{"team": "a", "team": "b"}'),
}


@dataclass(frozen=True)
class Planted:
    """A table with its defects, what they are, and the bytes still to be broken when writing."""

    charges: pa.Table
    entries: list[dict[str, Any]]
    broken: dict[int, str] = field(default_factory=dict)
    change: dict[str, Decimal] = field(default_factory=dict)  # of the sums of usable charges
    unusable: int = 0


def plant_defects(
    charges: pa.Table, names: tuple[str, ...], candidates: Ints, draws: Draws
) -> Planted:
    """Plant one row per name among the candidates, each in a row of its own."""
    if len(candidates) < len(names):
        raise ValueError(
            f"plant defects: {len(names)} are wanted, but only {len(candidates)} charges fit;"
            " make a larger estate"
        )
    if not names:
        return Planted(charges, [], change=dict.fromkeys(COST_COLUMNS, Decimal(0)))
    chosen = candidates[draws.order("defects", len(candidates))[: len(names)]]
    rows = dict(sorted(zip(chosen.tolist(), names, strict=True)))
    before = _amounts(charges, rows)
    mutable = {name: charges.column(name) for name in charges.column_names}
    for row, name in rows.items():
        defect = DEFECTS[name]
        if not defect.in_bytes and defect.column in mutable:
            mutable[defect.column] = _with_cell(mutable[defect.column], row, defect.cell)
    changed = pa.table(mutable)
    after = _amounts(changed, rows)
    lines = _lines(changed, list(rows))
    entries = [
        _entry(name, row, line, amounts)
        for (row, name), line, amounts in zip(rows.items(), lines, after, strict=True)
    ]
    usable = [DEFECTS[name].grade == "finding" for name in rows.values()]
    change = {
        column: subtract(
            exact_sum(
                one[column] or Decimal(0) for one, fits in zip(after, usable, strict=True) if fits
            ),
            exact_sum(one[column] or Decimal(0) for one in before),
        )
        for column in COST_COLUMNS
    }
    broken = {row: name for row, name in rows.items() if DEFECTS[name].in_bytes}
    return Planted(changed, entries, broken, change, usable.count(False))


def _entry(name: str, row: int, line: int, amounts: Amounts) -> dict[str, Any]:
    """What the truth says: `row` counts charges and `line` physical lines, both from 1.

    `amounts` are what the row's readable cells say; nothing where its cells cannot be told apart.
    """
    defect = DEFECTS[name]
    trusted = not name.startswith("field-")
    return {
        "defect": name,
        "grade": defect.grade,
        "row": row + 1,
        "line": line,
        "column": defect.column,
        "amounts": {
            column: canonical_text(value) if trusted and value is not None else None
            for column, value in amounts.items()
        },
    }


def _amounts(charges: pa.Table, rows: Mapping[int, str]) -> list[Amounts]:
    some = charges.take(pa.array(list(rows), pa.int64()))
    columns = [parse(some.column(name))[0].to_pylist() for name in COST_COLUMNS]
    return [dict(zip(COST_COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]


def _with_cell(cells: pa.ChunkedArray, row: int, text: str | None) -> pa.ChunkedArray:
    mask = np.zeros(len(cells), dtype=np.bool_)
    mask[row] = True
    return pc.replace_with_mask(cells, pa.array(mask), pa.array([text], pa.string()))


def _lines(charges: pa.Table, rows: list[int]) -> list[int]:
    """The physical lines at which rows start; cells may hold line breaks."""
    breaks = np.zeros(charges.num_rows, dtype=np.int64)
    for cells in charges.columns:
        breaks += pc.fill_null(pc.count_substring(cells, "\n"), 0).to_numpy()
    before = np.cumsum(breaks) - breaks
    return [int(row + 2 + before[row]) for row in rows]

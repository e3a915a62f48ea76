"""Charges that an exporter published and the tables cannot hold: for the quarantine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pyarrow as pa

from costwire_db_handler.charges.fit import Fit
from costwire_db_handler.charges.prepare import CELL, JSON_TEXT, ROW, ROWS_OF_PART
from costwire_db_handler.charges.staging import StagedParts
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text, to_text
from costwire_focus.own_rules import AMOUNT_DIGITS, STORE_REFUSED

Row = dict[str, Any]


def refused_rows(staged: StagedParts, fit: Fit) -> Iterator[Row]:
    """Rows with a cell that could not be typed, and rows that the table cannot hold.

    `line` is the number of the charge in the order in which the delivery sent them, from 1.
    """
    yield from _numbered(staged, staged.quarantine())
    if fit.refuses:
        yield from _numbered(staged, _unfit(staged, fit))


def refused_sums(staged: StagedParts, fit: Fit) -> CostSums:
    """The sums of the same charges' costs."""
    sums = CostSums()
    for cells in staged.refused():
        sums.add(pa.table({name: pa.array([cell], pa.string()) for name, cell in cells.items()}))
    if fit.refuses:
        names = [CELL + name for name in (*COST_COLUMNS, "BillingCurrency")]
        for part in staged.read([ROW, *names]):
            unfit = fit.only_unfit(part).drop_columns([ROW])
            told = [name.removeprefix(CELL) for name in unfit.column_names]
            sums.add_typed(unfit.rename_columns(told))
    return sums


def _numbered(staged: StagedParts, rows: Iterable[Row]) -> Iterator[Row]:
    sizes = staged.sizes()
    before = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
    for row in rows:
        seq, index = divmod(row["line"], ROWS_OF_PART)
        yield row | {"line": before[seq] + index + 1}


def _unfit(staged: StagedParts, fit: Fit) -> Iterator[Row]:
    for part in staged.read():
        unfit = fit.only_unfit(part)
        columns = fit.unfit_columns(unfit.column(ROW))
        for cells, column in zip(unfit.to_pylist(), columns, strict=True):
            told = json.dumps(_as_text(cells), ensure_ascii=False)
            rule, reason = _why(fit, column, cells[ROW])
            yield {
                "file": "",
                "line": cells[ROW],
                "raw": base64.b64encode(told.encode()).decode(),
                "column": column,
                "rule": rule,
                "reason": reason,
            }


def _why(fit: Fit, column: str | None, row: int) -> tuple[str, str]:
    """Rule and reason why a row is not stored."""
    if column is None:
        return STORE_REFUSED, f"the database refuses the charge: {fit.refused[row]}"
    scale = fit.scales[column]
    return AMOUNT_DIGITS, f"{column} has more digits than DECIMAL(38,{scale}) holds"


def _as_text(cells: Row) -> dict[str, str]:
    """The charge as the report may have had it: the texts of its cells that are not null."""
    found = {}
    for name, cell in cells.items():
        if name.startswith(CELL) and cell is not None:
            column = name.removeprefix(CELL)
            found[column] = _text(cells.get(JSON_TEXT + column) or cell)
    return found


def _text(cell: object) -> str:
    if isinstance(cell, Decimal):
        return canonical_text(cell)
    return to_text(cell) if isinstance(cell, datetime) else str(cell)

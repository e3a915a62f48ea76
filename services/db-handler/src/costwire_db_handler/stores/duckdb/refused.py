"""Charges that an exporter published and the tables cannot hold: for the quarantine."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.stores.duckdb.prepare import CELL, ROW
from costwire_db_handler.stores.duckdb.scales import Fit
from costwire_db_handler.stores.duckdb.staging import Staging
from costwire_focus.amounts import CostSums
from costwire_focus.typed import AMOUNT_DIGITS


@dataclass(frozen=True)
class Refused:
    """Rows for the quarantine, and the sums of their costs."""

    rows: list[dict[str, Any]]
    sums: CostSums


def refused_rows(staging: Staging, fit: Fit) -> Refused:
    """Rows with a cell that could not be typed, and rows whose amounts do not fit the table."""
    rows = staging.quarantine()
    sums = CostSums()
    for cells in staging.refused():
        sums.add(pa.table({name: pa.array([cell], pa.string()) for name, cell in cells.items()}))
    if fit.unfit:
        wanted = pa.array(list(fit.unfit), pa.int64())
        for part in staging.read():
            unfit = part.filter(pc.is_in(part.column(ROW), value_set=wanted))
            if unfit.num_rows:
                names = [name for name in unfit.column_names if name.startswith(CELL)]
                charges = unfit.select(names).rename_columns([n.removeprefix(CELL) for n in names])
                sums.add_typed(charges)
                rows += _unfit_rows(charges, unfit.column(ROW).to_pylist(), fit)
    return Refused(rows, sums)


def _unfit_rows(charges: pa.Table, numbers: list[int], fit: Fit) -> list[dict[str, Any]]:
    rows = []
    for number, cells in zip(numbers, charges.to_pylist(), strict=True):
        column = fit.unfit[number]
        text = {name: str(cell) for name, cell in cells.items() if cell is not None}
        rows.append(
            {
                "file": "",
                "line": number,
                "raw": base64.b64encode(json.dumps(text).encode()).decode(),
                "column": column,
                "rule": AMOUNT_DIGITS,
                "reason": f"{column} has more digits than DECIMAL(38,{fit.scales[column]}) holds",
            }
        )
    return rows

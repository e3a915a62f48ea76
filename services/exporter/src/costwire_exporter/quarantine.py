"""The quarantine file: one JSON object per unusable row."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pyarrow as pa

from costwire_focus.batch import Batch, Unusable
from costwire_focus.rules import Checked

Cells = dict[str, str]
_AT_ONCE = 500


class QuarantineWriter:
    """Appends rows; their bytes as base64, since they may be anything."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(
        self, batch: Batch, checked: Checked, conformed: Callable[[pa.Table], pa.Table]
    ) -> None:
        """Append the rows of a batch that cannot be used, in the order of their lines.

        `conformed`: the cells as they would have been published.
        """
        if not checked.unusable:
            return
        cut = pa.array([row.row for row in checked.unusable if row.row is not None], pa.int64())
        cells = _cells(batch.charges.take(cut), conformed)
        self._file.writelines(
            _line(row, None if row.row is None else next(cells)) for row in checked.unusable
        )


def _cells(charges: pa.Table, conformed: Callable[[pa.Table], pa.Table]) -> Iterator[Cells]:
    for first in range(0, charges.num_rows, _AT_ONCE):
        for cells in conformed(charges.slice(first, _AT_ONCE)).to_pylist():
            yield {name: cell for name, cell in cells.items() if cell is not None}


def _line(row: Unusable, cells: Cells | None) -> str:
    """`cells`: those that are not null; None of a row that could not be cut into them."""
    told = {
        "file": row.file,
        "line": row.line,
        "raw": base64.b64encode(row.raw).decode("ascii"),
        "column": row.column,
        "rule": row.rule,
        "reason": row.reason,
        "cells": cells,
    }
    return f"{json.dumps(told, ensure_ascii=False)}\n"

"""Turns unreadable cells into rows for the quarantine, with reasons that say what to do."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus import instants
from costwire_focus.batch import Batch, Unusable
from costwire_focus.columns import ValueType, value_type
from costwire_focus.rules.registry import AMOUNT_UNREADABLE, INSTANT_UNREADABLE, NUL_CHARACTER

_SHOWN: Final = 40


def unusable_rows(
    batch: Batch, unreadable: Mapping[str, NDArray[np.bool_]], nul: Mapping[str, NDArray[np.bool_]]
) -> Iterator[tuple[int, Unusable]]:
    """The rows with a bad cell, by index; a row is told once, by its first bad column."""
    bad: dict[int, tuple[str, bool]] = {}
    for name in reversed(batch.charges.column_names):
        for masks, has_nul in ((unreadable, False), (nul, True)):
            if name in masks:
                bad |= dict.fromkeys(np.flatnonzero(masks[name]).tolist(), (name, has_nul))
    for index in sorted(bad):
        name, has_nul = bad[index]
        cell = _cell(batch.charges, name, index)
        rule, reason = (NUL_CHARACTER, _nul_reason(name)) if has_nul else _explain(name, cell)
        line = batch.lines[index].as_py()
        yield index, Unusable(batch.file, line, batch.raw(index), name, rule, reason)


def _cell(charges: pa.Table, name: str, index: int) -> str:
    return str(charges.column(name)[index].as_py())


def _nul_reason(name: str) -> str:
    return f"read {name}: the cell holds the character U+0000"


def _explain(name: str, cell: str) -> tuple[str, str]:
    shown = repr(cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…")
    if value_type(name) is ValueType.AMOUNT:
        return AMOUNT_UNREADABLE, f"read {name}: {shown} is not a number that can be kept exactly"
    if re.match(instants.SLASHED, cell):
        return INSTANT_UNREADABLE, (
            f"read {name}: {shown} may have the day or the month first; "
            "say which with --dates mdy or --dates dmy"
        )
    return INSTANT_UNREADABLE, f"read {name}: {shown} is not a date and time"

"""Turns unreadable cells into rows for the quarantine, with reasons that say what to do."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus import instants
from costwire_focus.batch import Batch, Unusable
from costwire_focus.columns import ValueType, value_type
from costwire_focus.own_rules import (
    AMOUNT_UNREADABLE,
    INSTANT_UNREADABLE,
    NUL_CHARACTER,
    OUTSIDE_PERIOD,
)

_SHOWN: Final = 40

_DECIMAL_COMMA: Final = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}([. \u00a0\u202f'][0-9]{3})+),[0-9]+")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}([, \u00a0\u202f'][0-9]{3})+(\.[0-9]+)?")
_WITH_CURRENCY: Final = re.compile(r"[^0-9]*[$€£¥][^0-9]*[0-9.,]+ *|[0-9.,]+ *[$€£¥A-Z]{1,3} *")

Explanation = Callable[[str, str], tuple[str, str]]
"""Column and cell -> rule id and reason."""


Masks = Mapping[str, NDArray[np.bool_]]
"""By column: which cells of a batch are bad."""


@dataclass(frozen=True)
class BadCells:
    """What makes rows of a batch unusable, gravest last."""

    outside: Masks
    """The charge belongs to another month than the declared."""
    unreadable: Masks
    nul: Masks


def unusable_rows(
    batch: Batch, cells: BadCells, declared: Sequence[str]
) -> Iterator[tuple[int, Unusable]]:
    """The rows with a bad cell, by index; a row is told once, by its first bad column."""
    explanations: list[tuple[Masks, Explanation]] = [
        (cells.outside, partial(_explain_outside, declared)),
        (cells.unreadable, _explain_unreadable),
        (cells.nul, _explain_nul),
    ]
    bad: dict[int, tuple[str, Explanation]] = {}
    for name in reversed(batch.charges.column_names):
        for masks, explain in explanations:
            if name in masks:
                bad |= dict.fromkeys(np.flatnonzero(masks[name]).tolist(), (name, explain))
    for index in sorted(bad):
        name, explain = bad[index]
        rule, reason = explain(name, _cell(batch.charges, name, index))
        line = batch.lines[index].as_py()
        yield index, Unusable(batch.file, line, batch.raw(index), name, rule, reason, index)


def _cell(charges: pa.Table, name: str, index: int) -> str:
    return str(charges.column(name)[index].as_py())


def _explain_outside(declared: Sequence[str], name: str, cell: str) -> tuple[str, str]:
    return OUTSIDE_PERIOD, (
        f"read {name}: {cell} is not in {', '.join(declared)}, which the delivery declares; "
        "declare that month too (--period), or none"
    )


def _explain_nul(name: str, _cell: str) -> tuple[str, str]:
    return NUL_CHARACTER, f"read {name}: the cell holds the character U+0000"


def _explain_unreadable(name: str, cell: str) -> tuple[str, str]:
    shown = repr(cell if len(cell) <= _SHOWN else cell[: _SHOWN - 1] + "…")
    if value_type(name) is ValueType.AMOUNT:
        return AMOUNT_UNREADABLE, f"read {name}: {shown} {_why_no_amount(cell)}"
    if re.match(instants.SLASHED, cell):
        return INSTANT_UNREADABLE, (
            f"read {name}: {shown} may have the day or the month first; "
            "write it as 2024-09-01, or say for the report which, with --dates mdy or --dates dmy"
        )
    return INSTANT_UNREADABLE, f"read {name}: {shown} is not a date and time"


def _why_no_amount(cell: str) -> str:
    """What a cell has that FOCUS's numbers have not, and what to do."""
    cell = cell[: _SHOWN + 1]
    if _GROUPED.fullmatch(cell):
        return (
            "has a comma or a blank among its digits, for thousands or for decimals; "
            "export amounts with a decimal point and without grouping"
        )
    if _DECIMAL_COMMA.fullmatch(cell):
        return "has a decimal comma; export amounts with a decimal point"
    if _WITH_CURRENCY.fullmatch(cell):
        return "has a currency beside the number; export amounts alone"
    return "is not a number that can be kept exactly"

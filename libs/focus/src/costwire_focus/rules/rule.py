"""What a rule is: an id, a grade, a sentence, and the condition under which a charge breaks it."""

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

import polars as pl

from costwire_focus.columns import COLUMNS, ValueType


class Grade(Enum):
    """What becomes of a charge that breaks a rule."""

    UNUSABLE = "unusable"  # it goes to the quarantine
    VIOLATION = "violation"  # it is stored, and counted under the rule
    ADVICE = "advice"  # the same; the specification does not forbid it, or one row cannot tell


NUMBER: Final = "#"
"""Suffix of a column's amounts as doubles, in the frame that conditions are evaluated over."""
INSTANT: Final = "@"
"""Suffix of a column's instants, milliseconds since 1970 UTC."""
FLAG: Final = "!"
"""Begins the suffix of a verdict that is reached outside polars (`Tags!json`)."""
UNSET: Final = "unset"
"""The verdict that a cell is null."""
NEGATIVE: Final = "negative"
NOT_ZERO: Final = "not-zero"
"""Verdicts on the sign of an amount; none on a null one."""
WHOLE_ROW: Final = ""
"""The column of a verdict about several columns at once (`!blank`)."""


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule of one version of FOCUS.

    A rule without `broken` is judged on the header or on raw cells, before the others.
    Columns in `optional` count as null throughout where the report lacks them; a report that lacks
    any other column which the condition reads is not judged by the rule.
    """

    id: str
    grade: Grade
    column: str | None
    sentence: str
    broken: pl.Expr | None = None
    optional: frozenset[str] = field(default_factory=frozenset)
    compared: frozenset[str] = field(default_factory=frozenset)
    """Further columns that a verdict was reached with outside the condition."""

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names in the evaluation frame that the condition reads."""
        return frozenset() if self.broken is None else frozenset(self.broken.meta.root_names())

    @cached_property
    def is_of_kind(self) -> bool:
        """Whether verdicts and columns of few values are all that the condition reads."""
        return all(FLAG in name or _holds_few_values(name) for name in self.reads)

    @cached_property
    def needs(self) -> frozenset[str]:
        """The report's columns without which the rule cannot be judged."""
        read = frozenset(map(source_column, self.reads)) - {WHOLE_ROW}
        return (read | self.compared) - self.optional


def source_column(name: str) -> str:
    """The report's column that a column of the evaluation frame is made from."""
    return name.partition(FLAG)[0].removesuffix(NUMBER).removesuffix(INSTANT)


def _holds_few_values(name: str) -> bool:
    """Whether a column has a closed list, or holds currencies, units or billing periods."""
    if name.endswith(INSTANT):
        return name.startswith("BillingPeriod")
    column = COLUMNS.get(name)
    if column is None or column.value_type is not ValueType.TEXT:
        return False
    return column.allowed_values is not None or column.format is not None


def text(column: str) -> pl.Expr:
    """A cell as it stands in the report."""
    return pl.col(column)


def number(column: str) -> pl.Expr:
    """A cell's amount as the nearest double: for comparisons with a tolerance, never for sums."""
    return pl.col(column + NUMBER)


def instant(column: str) -> pl.Expr:
    """A cell's instant."""
    return pl.col(column + INSTANT)


def flag(column: str, verdict: str) -> pl.Expr:
    """What was found in a cell before the conditions are evaluated."""
    return pl.col(column + FLAG + verdict)


def unset(column: str) -> pl.Expr:
    """The cell is null."""
    return flag(column, UNSET)


def present(column: str) -> pl.Expr:
    """The cell is not null."""
    return ~unset(column)


def negative(column: str) -> pl.Expr:
    """The amount is below zero; null is not."""
    return flag(column, NEGATIVE)


def not_zero(column: str) -> pl.Expr:
    """The amount is other than zero; null is not."""
    return flag(column, NOT_ZERO)


def category(*values: str) -> pl.Expr:
    """ChargeCategory is one of these; a null one is none of them."""
    return _any_of("ChargeCategory", values)


def correction() -> pl.Expr:
    """The charge corrects a billing period that was already invoiced."""
    return _any_of("ChargeClass", ("Correction",))


def status(value: str) -> pl.Expr:
    """CommitmentDiscountStatus has this value."""
    return _any_of("CommitmentDiscountStatus", (value,))


def priced() -> pl.Expr:
    """Usage or Purchase, and no correction: the charges whose prices and SKUs must be told."""
    return category("Usage", "Purchase") & ~correction()


def _any_of(column: str, values: tuple[str, ...]) -> pl.Expr:
    equal = pl.col(column) == values[0]
    for value in values[1:]:
        equal = equal | (pl.col(column) == value)
    return equal.fill_null(False)

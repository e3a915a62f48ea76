"""What a query means, as a tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["scalar", "instant vector", "range vector", "string"]
How = Literal["=", "!=", "=~", "!~"]
NAME = "__name__"


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a label's value has to be; that of an absent label is empty."""

    label: str
    how: How
    text: str
    pattern: re.Pattern[str] | None = None
    """Of `=~` and `!~`."""

    def test(self) -> Callable[[str], bool]:
        """What tells whether a value fits; it remembers what it has told."""
        known: dict[str, bool] = {}

        def fits(value: str) -> bool:
            if (told := known.get(value)) is None:
                told = known[value] = self.fits(value)
            return told

        return fits

    def fits(self, value: str) -> bool:
        """Whether a value does."""
        if self.pattern is not None:
            same = self.pattern.fullmatch(value) is not None
        else:
            same = value == self.text
        return same is not self.how.startswith("!")


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, slots=True)
class String:
    """A literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """The latest sample of each series that fits."""

    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The samples of each series that fits, of the last seconds."""

    selector: Selector
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A function of arguments."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value for each group of series."""

    operator: str
    of: Expression
    labels: tuple[str, ...] = ()
    without: bool = False
    """Whether series are grouped by all labels but these."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Which series of two vectors belong together."""

    labels: tuple[str, ...] = ()
    on: bool = False
    """Whether by these labels, else by all others."""
    many: Literal["", "left", "right"] = ""
    """The side on which several may have one partner."""
    include: tuple[str, ...] = ()
    """Labels that the partner gives to them."""


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions."""

    operator: str
    left: Expression
    right: Expression
    as_number: bool = False
    """Whether a comparison gives 0 and 1, else the left values for which it holds."""
    matching: Matching = field(default=Matching())


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus before an expression."""

    of: Expression


Expression = Number | String | Selector | Range | Call | Aggregate | Binary | Negation

FUNCTIONS: dict[str, tuple[tuple[Kind, ...], Kind]] = {
    "rate": (("range vector",), "instant vector"),
    "increase": (("range vector",), "instant vector"),
    "timestamp": (("instant vector",), "instant vector"),
    "vector": (("scalar",), "instant vector"),
    "label_replace": (
        ("instant vector", "string", "string", "string", "string"),
        "instant vector",
    ),
}
"""What they take, and what they give."""
AGGREGATES = frozenset({"sum", "max", "min", "count"})
COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
SETS = frozenset({"and", "or", "unless"})


def kind_of(expression: Expression) -> Kind:
    """What it gives."""
    match expression:
        case Number():
            return "scalar"
        case String():
            return "string"
        case Range():
            return "range vector"
        case Selector() | Aggregate():
            return "instant vector"
        case Call(function):
            return FUNCTIONS[function][1]
        case Negation(of):
            return kind_of(of)
        case Binary(_, left, right):
            both = (kind_of(left), kind_of(right))
            return "scalar" if both == ("scalar", "scalar") else "instant vector"

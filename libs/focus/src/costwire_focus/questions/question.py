"""One question of the catalogue: a sentence, its SQL with named parameters, what it needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from difflib import get_close_matches
from typing import Final

from costwire_focus.columns import COLUMNS, VERSIONS, columns_of
from costwire_focus.errors import WrongQuestion
from costwire_focus.questions.parameters import Kind, Parameter, literal

RATIO_DIGITS: Final = 12
PERCENT_DECIMALS: Final = 4
SUCCESSORS: Final[Mapping[str, str]] = {"ProviderName": "ServiceProviderName"}
"""The column that is asked where a table lacks the first one, as FOCUS 1.4 does."""

_FEW: Final = 5
_TABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FROM_CHARGES: Final = re.compile(r"\b(FROM|JOIN) charges\b")
_PLACEHOLDER: Final = re.compile(r"(?<!:):([a-z][a-z_]*)(?:\.(begin|end|before))?")
_LITERAL: Final = re.compile(r"'(?:[^']|'')*'")
_WORD: Final = re.compile(r"\w+")
_PARAMETER: Final = re.compile(r"parameter (\w+): (\w+) = (.+)")
_DERIVED: Final = re.compile(r"(ratio|percent) (\w+) = (\w+) / (\w+)")
_RATIO: Final = Context(prec=RATIO_DIGITS, rounding=ROUND_HALF_EVEN)
_PERCENT: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Ratio:
    """A column of the answer that is worked out from two others, in decimal.

    Shape: a ratio has 12 significant digits, a percentage 4 decimals; both are rounded half even.
    Null:  where one of the two is null, or the denominator zero.
    """

    name: str
    numerator: str
    denominator: str
    percent: bool

    @property
    def formula(self) -> str:
        """What is divided by what."""
        return f"{self.numerator} / {self.denominator}" + (" in percent" if self.percent else "")

    def of(self, numerator: object, denominator: object) -> Decimal | None:
        """The quotient of one row's cells, which are exact numbers or null."""
        if numerator is None or denominator in (None, 0):
            return None
        over, under = (_exact(cell, self.name) for cell in (numerator, denominator))
        if not self.percent:
            return _RATIO.divide(over, under)
        quotient = _PERCENT.divide(_PERCENT.multiply(over, Decimal(100)), under)
        return quotient.quantize(Decimal(1).scaleb(-PERCENT_DECIMALS), context=_PERCENT)


@dataclass(frozen=True)
class Statement:
    """A statement for one table, and what is bound at its `?`, in order."""

    sql: str
    arguments: tuple[object, ...]


@dataclass(frozen=True)
class Question:
    """What is asked of the cost table; `sql` names its parameters, as in `:month.begin`."""

    name: str
    question: str
    sql: str
    parameters: tuple[Parameter, ...]
    ratios: tuple[Ratio, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The FOCUS columns that the table must have."""
        texts = (self.sql, *(one.default_query() or "" for one in self.parameters))
        words = _WORD.findall(_LITERAL.sub("''", " ".join(texts)))
        return tuple(sorted(set(words) & COLUMNS.keys()))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of FOCUS whose reports it can be asked of."""
        return tuple(version for version in VERSIONS if not self.lacking(columns_of(version)))

    def lacking(self, present: Collection[str]) -> list[str]:
        """The columns that are not among those of a table, spelled in any case."""
        found = _folded(present)
        return [
            name
            for name in self.columns
            if name.lower() not in found and SUCCESSORS.get(name, "").lower() not in found
        ]

    def parameter(self, name: str) -> Parameter:
        """One parameter; raises `WrongQuestion` where there is none."""
        found = {one.name: one for one in self.parameters}
        if name not in found:
            raise WrongQuestion(f"ask {self.name}: it has no parameter {near(name, found)}")
        return found[name]

    def statement(
        self, values: Mapping[str, str], *, table: str = "charges", present: Collection[str] = ()
    ) -> Statement:
        """The statement with its values, for a table that has the columns `present`."""
        return self.filled(self.sql, values, table=table, present=present)

    def filled(
        self, sql: str, values: Mapping[str, str], *, table: str, present: Collection[str] = ()
    ) -> Statement:
        """SQL of this question, or of a parameter's default, with its values.

        Raises: `WrongQuestion` for a name that no table can have.
        """
        if not _TABLE.fullmatch(table):
            raise WrongQuestion(
                f"ask {self.name}: {table!r} is no table name (lower-case letters, digits, _)"
            )
        found = _folded(present)
        for old, new in SUCCESSORS.items():
            if old.lower() not in found and new.lower() in found:
                sql = re.sub(rf"\b{old}\b", new, sql)
        sql = _FROM_CHARGES.sub(rf'\1 "{table}"', sql)
        arguments: list[object] = []

        def put(placeholder: re.Match[str]) -> str:
            parameter = self.parameter(placeholder[1])
            value = parameter.check(values[parameter.name])
            if parameter.kind is Kind.TAG:
                return literal(value)  # CrateDB takes no parameter between the brackets of a key
            arguments.append(parameter.bound(value, placeholder[2]))
            return "?"

        return Statement(_PLACEHOLDER.sub(put, sql), tuple(arguments))

    def completed(
        self, names: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> tuple[list[str], list[list[object]]]:
        """The answer with its ratios as last columns."""
        places = [
            (one, names.index(one.numerator), names.index(one.denominator)) for one in self.ratios
        ]
        told = [[*row, *(one.of(row[n], row[d]) for one, n, d in places)] for row in rows]
        return [*names, *(one.name for one in self.ratios)], told


def read(name: str, text: str) -> Question:
    """Read one file of the catalogue: a header of comments, then one SELECT."""
    header = [line[3:] for line in text.splitlines() if line.startswith("-- ")]
    sql = "\n".join(line for line in text.splitlines() if not line.startswith("-- "))
    sentence, parameters, ratios = [], [], []
    for line in header:
        if found := _PARAMETER.fullmatch(line):
            parameters.append(Parameter(found[1], Kind(found[2]), found[3]))
        elif found := _DERIVED.fullmatch(line):
            ratios.append(Ratio(found[2], found[3], found[4], found[1] == "percent"))
        else:
            sentence.append(line)
    return Question(name, " ".join(sentence), sql.strip(), tuple(parameters), tuple(ratios))


def _exact(cell: object, name: str) -> Decimal:
    if isinstance(cell, Decimal | int):
        return Decimal(cell)
    raise WrongQuestion(f"work out {name}: {cell!r} is no exact number")


def _folded(names: Collection[str]) -> set[str]:
    return {name.lower() for name in names}


def near(name: str, known: Collection[str]) -> str:
    """The name, and those that it may be a misspelling of, or all where they are few."""
    names = get_close_matches(name, known, 3, 0.5) or (sorted(known) if len(known) <= _FEW else [])
    return f"{name!r}" + (f"; did you mean {' or '.join(names)}?" if names else "")

"""Sums of costs in groups: what is grouped by, which charges count, and the SQL that asks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain

from costwire_db_handler.answers.conditions import read_instant
from costwire_db_handler.answers.questions import MOST_ROWS, Page, Scope
from costwire_db_handler.answers.speech import (
    Fragment,
    Relation,
    Speech,
    TableColumn,
    joined,
    listed,
)
from costwire_db_handler.errors import BadQuestion
from costwire_focus.amounts import NO_CURRENCY
from costwire_focus.canonical import exact_sum, to_text
from costwire_focus.columns import ValueType
from costwire_focus.manifest import MONTH as BILLING_MONTH

MONTH = "month"
DAY = "day"
_TAG = re.compile(
    r"(?P<column>[^.\[]+)(?:\.(?P<key>.+)|\[(?P<quote>['\"])(?P<quoted>.+)(?P=quote)\])"
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_CHARGE_START = "ChargePeriodStart"

Months = Mapping[str, str | None]
"""Billing period as the table's rows name it -> the month that it is; None where it is none."""
Group = tuple[str | None, ...]


@dataclass(frozen=True)
class Dimension:
    """What sums are grouped by."""

    name: str
    sql: Fragment
    is_instant: bool = False
    is_text: bool = True

    def told(self, cell: object) -> str | None:
        """A value as answers tell it."""
        return instant_text(cell) if self.is_instant else None if cell is None else str(cell)


def instant_text(cell: object) -> str | None:
    """An instant as engines give it, a time in UTC or milliseconds, as FOCUS writes it."""
    if isinstance(cell, int):
        return to_text(_EPOCH + timedelta(milliseconds=cell))
    if isinstance(cell, datetime):
        return to_text(cell)
    return None if cell is None else str(cell)


def dimensions(speech: Speech, names: Sequence[str], months: Months) -> list[Dimension]:
    """What `by` names: a column, a tag, the billing month, the day of a charge.

    Raises: `BadQuestion`.
    """
    found = [_dimension(speech, name, months) for name in names]
    return list({each.name: each for each in found}.values())


def _dimension(speech: Speech, name: str, months: Months) -> Dimension:
    if name.lower() == MONTH:
        return Dimension(MONTH, month_of_charge(months))
    if name.lower() == DAY:
        return Dimension(DAY, Fragment(speech.day(speech.column(_CHARGE_START))), is_text=False)
    tag = _tag(speech, name)
    if tag is not None:
        column, key = tag
        return Dimension(f"{column.name}.{key}", speech.tag(column, key))
    column = speech.column(name.strip('"'))
    if column.kind is ValueType.TAGS:
        raise BadQuestion(f"by {name}: name one of its tags, such as {column.name}.env")
    if column.kind is ValueType.AMOUNT:
        raise BadQuestion(f"by {name}: it is an amount; group by what charges have in common")
    if column.kind is ValueType.INSTANT:
        return Dimension(column.name, Fragment(column.sql), is_instant=True, is_text=False)
    return Dimension(column.name, Fragment(speech.text(column)))


def _tag(speech: Speech, name: str) -> tuple[TableColumn, str] | None:
    found = _TAG.fullmatch(name)
    if found is None or name in speech.columns:
        return None
    owner = speech.find(found["column"])
    if owner is None or owner.kind is not ValueType.TAGS:
        return None
    return owner, found["key"] or found["quoted"]


def month_of_charge(months: Months) -> Fragment:
    """The month of a charge's billing period; null where it has none."""
    known = [(period, month) for period, month in sorted(months.items()) if month is not None]
    if not known:
        return Fragment("CAST(NULL AS VARCHAR)")
    cases = " ".join("WHEN ? THEN CAST(? AS VARCHAR)" for _ in known)
    return Fragment(f'CASE "_period" {cases} END', tuple(chain.from_iterable(known)))


def condition(speech: Speech, scope: Scope, months: Months) -> Fragment:
    """Which charges count; raises `BadQuestion`."""
    pieces = [scope.condition.sql(speech)]
    for bound, is_begin in ((scope.begin, True), (scope.end, False)):
        if bound:
            pieces.append(_bound(speech, bound, months, is_begin=is_begin))
    if scope.currencies:
        pieces.append(speech.one_of(Fragment(currency(speech)), scope.currencies))
    return joined(pieces, " AND ")


def _bound(speech: Speech, bound: str, months: Months, *, is_begin: bool) -> Fragment:
    """A month bounds billing periods, any other time the beginning of charge periods."""
    if BILLING_MONTH.fullmatch(bound):
        within = [
            period
            for period, month in months.items()
            if month is not None and (month >= bound if is_begin else month < bound)
        ]
        return speech.one_of(Fragment('"_period"'), within)
    moment = speech.instant(read_instant(bound))
    start = speech.column(_CHARGE_START).sql
    return Fragment(f"{start} {'>=' if is_begin else '<'} {moment.text}", moment.arguments)


def needs_months(scope: Scope, names: Sequence[str]) -> bool:
    """Whether the months of the billing periods have to be known."""
    asked = {name.lower() for name in names}
    return MONTH in asked or any(map(BILLING_MONTH.fullmatch, (scope.begin, scope.end)))


def currency(speech: Speech) -> str:
    """The billing currency of a charge, as an expression."""
    if "BillingCurrency" not in speech.columns:
        return f"'{NO_CURRENCY}'"
    return f"coalesce({speech.text(speech.columns['BillingCurrency'])}, '{NO_CURRENCY}')"


class Sums:
    """A statement that sums costs in groups, and the reading of its rows."""

    def __init__(
        self,
        speech: Speech,
        groups: Sequence[Dimension],
        metrics: Sequence[str],
    ) -> None:
        """The groups are these dimensions, after them the currency."""
        self._speech = speech
        self._groups = [*groups, Dimension("currency", Fragment(currency(speech)))]
        self._dimensions = [each.sql for each in self._groups]
        columns = speech.columns
        self._sums = {name: list(speech.sums(columns[name])) for name in metrics if name in columns}
        self._pieces = list(chain.from_iterable(self._sums.values()))
        self._metrics = list(metrics)
        self._names = [f"g{n}" for n in range(len(self._groups))]
        self._numbers = ", ".join(str(n + 1) for n in range(len(self._groups)))

    def statement(self, relation: Relation, where: Fragment, page: Page | None = None) -> Fragment:
        """The groups of a relation; of a page the largest come first, in each currency.

        Without a page there is one more than `MOST_ROWS` where there are more.
        """
        sums = self._pieces
        told = [f"{self._speech.exactly(each)} AS s{n}" for n, each in enumerate(sums)]
        if page is not None and sums:
            told.append(f"{sums[0]} AS largest")
        keys = self._named(self._names)
        selected = ", ".join([keys.text, "count(*) AS charges", *told])
        text = (
            f"SELECT {selected} FROM {relation.wanted_by(selected, where.text)} "
            f"WHERE {where.text} GROUP BY {self._numbers}"
        )
        if page is None:
            text += f" LIMIT {MOST_ROWS + 1:d}"
        else:
            text += f" ORDER BY {self._order()} LIMIT {page.limit + 1:d} OFFSET {page.offset:d}"
        return Fragment(text, (*keys.arguments, *where.arguments))

    def narrowed(
        self, relation: Relation, where: Fragment, kept: int, wanted: Fragment
    ) -> Fragment:
        """The groups that are wanted; all others together, but for the first so many dimensions.

        `wanted` calls the dimensions `"_g0"`, `"_g1"`, ...; the last column tells whether it holds.
        At most thrice `MOST_ROWS` rows are answered.
        """
        keys = [f'"_{name}"' for name in self._names]
        told = [
            key if number < kept or key == keys[-1] else f'CASE WHEN "_wanted" THEN {key} END'
            for number, key in enumerate(keys)
        ]
        sums = ", ".join(["count(*)", *map(self._speech.exactly, self._pieces)])
        named = self._named(keys)
        return Fragment(
            f'SELECT {", ".join(told)}, {sums}, "_wanted" FROM ('
            f'SELECT *, {wanted.text} AS "_wanted" FROM ('
            f"SELECT *, {named.text} FROM {relation.wanted_by(named.text, sums, where.text)} "
            f"WHERE {where.text}) AS grouped) AS narrowed "
            f'GROUP BY {self._numbers}, "_wanted" LIMIT {3 * MOST_ROWS:d}',
            (*wanted.arguments, *named.arguments, *where.arguments),
        )

    def _named(self, names: Sequence[str]) -> Fragment:
        """The dimensions, each by its name."""
        pairs = zip(self._dimensions, names, strict=True)
        return listed([each.inside("", f" AS {name}") for each, name in pairs])

    def _order(self) -> str:
        *groups, code = self._names
        largest = ["largest DESC NULLS LAST"] if self._sums else []
        return ", ".join([code, *largest, *(f"{name} NULLS LAST" for name in groups)])

    def read(self, row: Sequence[object]) -> Total:
        """A row of the statement."""
        count = len(self._dimensions)
        cells = zip(self._groups, row[:count], strict=True)
        *group, code = (dimension.told(cell) for dimension, cell in cells)
        at, sums = count + 1, {}
        for name in self._metrics:
            pieces = self._sums.get(name, [])
            found = [cell for cell in row[at : at + len(pieces)] if cell is not None]
            sums[name] = exact_sum(Decimal(str(cell)) for cell in found) if found else None
            at += len(pieces)
        return Total(tuple(group), code or NO_CURRENCY, int(str(row[count])), sums)


@dataclass(frozen=True)
class Total:
    """The sums of one group in one currency."""

    group: Group
    currency: str
    charges: int
    sums: Mapping[str, Decimal | None]
    """By metric; None where every charge's is null."""


def by_currency(totals: Sequence[Total]) -> list[Total]:
    """The sums of each currency over all groups."""
    currencies = sorted({each.currency for each in totals})
    return [summed([t for t in totals if t.currency == code], (), code) for code in currencies]


def summed(totals: Sequence[Total], group: Group, currency: str) -> Total:
    """Several groups as one."""
    sums = {name: added(each.sums[name] for each in totals) for name in totals[0].sums}
    return Total(group, currency, sum(each.charges for each in totals), sums)


def added(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of those that there are; None when there is none."""
    present = [amount for amount in amounts if amount is not None]
    return exact_sum(present) if present else None

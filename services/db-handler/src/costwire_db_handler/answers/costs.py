"""`/costs`: what costs were, grouped, as of any moment, each currency by itself; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from costwire_db_handler.answers import grouping
from costwire_db_handler.answers.grouping import (
    Dimension,
    Months,
    Sums,
    Total,
    added,
    by_currency,
    summed,
)
from costwire_db_handler.answers.moments import Moment
from costwire_db_handler.answers.questions import MOST_ROWS, Page, Parameters, Scope
from costwire_db_handler.answers.rates import Converter, Rate
from costwire_db_handler.answers.versions import Versions, months
from costwire_db_handler.errors import BadQuestion

T = TypeVar("T")
PARAMETERS = (
    *("table", "by", "from", "to", "metric", "filter", "as_of", "currency", "in"),
    *("limit", "offset"),
)


@dataclass(frozen=True)
class CostsQuestion:
    """What is asked."""

    scope: Scope
    by: list[str]
    metrics: list[str]
    as_of: str
    target: str | None
    page: Page

    @classmethod
    def read(cls, given: Sequence[tuple[str, str]]) -> CostsQuestion:
        """Read a query string; raises `BadQuestion`."""
        told = Parameters(given, PARAMETERS)
        return cls(
            told.scope(),
            told.dimensions(),
            told.metrics(),
            told.text("as_of"),
            told.target(),
            told.page(),
        )


@dataclass(frozen=True)
class Converted:
    """Sums in the currency that was asked for."""

    currency: str
    rows: list[Mapping[str, Decimal | None]]
    """By metric, for each row of the answer."""
    total: Mapping[str, Decimal | None]
    rates: list[Rate]


@dataclass(frozen=True)
class CostsAnswer:
    """What is answered."""

    table: str
    moment: Moment
    by: list[str]
    metrics: list[str]
    rows: list[Total]
    totals: list[Total]
    """Of each currency, over all pages."""
    next_offset: int | None
    converted: Converted | None = None


def costs(
    versions: Versions, question: CostsQuestion, now: datetime, rates: Sequence[Rate] = ()
) -> CostsAnswer:
    """Answer a question; raises `BadQuestion`, `HistoryGone`, `UnknownDelivery`."""
    moment = versions.history.moment(question.as_of, now)
    asked = _Asked(versions, question, moment.state)
    answer = _answer(asked, question, moment, rates)
    versions.require_kept(moment.state)
    return answer


def _answer(
    asked: _Asked, question: CostsQuestion, moment: Moment, rates: Sequence[Rate]
) -> CostsAnswer:
    if question.target is None:
        rows, totals = asked.page(question.page), None
        if len(rows) <= question.page.limit and not question.page.offset:
            totals = by_currency(rows)  # all of them are there
        rows, following = _cut(rows, question.page)
        totals = asked.totals() if totals is None else totals
        return CostsAnswer(
            asked.table, moment, asked.names, question.metrics, rows, totals, following
        )
    return asked.converted(moment, Converter(question.target, rates))


class _Asked:
    """A question in the words of an engine."""

    def __init__(self, versions: Versions, question: CostsQuestion, state: int) -> None:
        speech, scope = versions.speech, question.scope
        self.table = speech.table
        self._question = question
        self._versions = versions
        self._relation = speech.visible(state)
        with_months = question.target or grouping.needs_months(scope, question.by)
        self._months: Months = months(versions, state) if with_months else {}
        self._dimensions = grouping.dimensions(speech, question.by, self._months)
        self.names = [each.name for each in self._dimensions]
        self._where = grouping.condition(speech, scope, self._months)

    def page(self, page: Page) -> list[Total]:
        """The rows of a page, and one more where there is one."""
        return self._read(self._dimensions, page)

    def totals(self) -> list[Total]:
        """The sums of each currency."""
        return sorted(self._read([], None), key=lambda total: total.currency)

    def _read(self, groups: Sequence[Dimension], page: Page | None) -> list[Total]:
        sums = Sums(self._versions.speech, groups, self._question.metrics)
        statement = sums.statement(self._relation, self._where, page)
        return [sums.read(row) for row in self._versions.rows(statement)]

    def converted(self, moment: Moment, converter: Converter) -> CostsAnswer:
        """The answer with sums in one currency beside: each month by its own rate."""
        by_month = Dimension(grouping.MONTH, grouping.month_of_charge(self._months))
        most = Page(MOST_ROWS)
        parts = self._read([*self._dimensions, by_month], most)
        if len(parts) > most.limit:
            raise BadQuestion(
                f"in {converter.target}: more than {most.limit:,} groups and months; "
                "ask for fewer dimensions, or a narrower filter"
            )
        metrics = self._question.metrics
        of_groups: dict[tuple[str, ...], list[Total]] = defaultdict(list)
        for part in parts:
            key = (part.currency, *(_sortable(cell) for cell in part.group[:-1]))
            of_groups[key].append(part)
        groups = [_Converting.of(pieces, metrics, converter) for pieces in of_groups.values()]
        groups.sort(key=lambda each: each.order(metrics[0]))
        page = self._question.page
        shown, following = _cut(groups[page.offset : page.offset + page.limit + 1], page)
        told = Converted(
            converter.target,
            [each.sums for each in shown],
            {name: added(each.sums[name] for each in groups) for name in metrics},
            converter.used(),
        )
        totals = by_currency([each.total for each in groups])
        rows = [each.total for each in shown]
        return CostsAnswer(self.table, moment, self.names, metrics, rows, totals, following, told)


@dataclass(frozen=True)
class _Converting:
    """A group with its sums in another currency."""

    total: Total
    sums: Mapping[str, Decimal | None]

    @classmethod
    def of(
        cls, months: Sequence[Total], metrics: Sequence[str], converter: Converter
    ) -> _Converting:
        """From the sums of each of its months."""
        first = months[0]

        def in_target(month: Total, name: str) -> Decimal | None:
            amount = month.sums[name]
            if amount is None:
                return None
            return converter.convert(amount, month.currency, month.group[-1])

        return cls(
            summed(months, first.group[:-1], first.currency),
            {name: added(in_target(month, name) for month in months) for name in metrics},
        )

    def order(self, metric: str) -> tuple[object, ...]:
        """As the engines order groups."""
        amount = self.total.sums[metric]
        texts = [(cell is None, cell or "") for cell in self.total.group]
        largest_first = Decimal(0) if amount is None else amount.copy_negate()
        return self.total.currency, amount is None, largest_first, texts


def _sortable(cell: str | None) -> str:
    return "" if cell is None else f"={cell}"


def _cut(rows: list[T], page: Page) -> tuple[list[T], int | None]:
    """A page's rows without the one too many, and where the next page begins."""
    if len(rows) <= page.limit:
        return rows, None
    return rows[: page.limit], page.offset + page.limit

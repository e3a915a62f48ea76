"""`/changes`: what changed between two moments and why, in sums that add up to the last digit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from costwire_db_handler.answers import grouping
from costwire_db_handler.answers.changed import ChangedColumns, Kind, explained
from costwire_db_handler.answers.grouping import (
    Dimension,
    Group,
    Months,
    Sums,
    Total,
    by_currency,
    summed,
)
from costwire_db_handler.answers.moments import Moment
from costwire_db_handler.answers.questions import MOST_ROWS, Page, Parameters, Scope
from costwire_db_handler.answers.speech import Fragment, Speech, joined
from costwire_db_handler.answers.versions import Versions, months
from costwire_db_handler.errors import BadQuestion, Unbalanced
from costwire_focus.canonical import exact_sum, subtract

PARAMETERS = ("table", "by", "from", "to", "metric", "filter", "currency", "limit", "offset")
_ZERO = Decimal(0)


@dataclass(frozen=True)
class ChangesQuestion:
    """What is asked."""

    scope: Scope
    by: list[str]
    metrics: list[str]
    begin: str
    end: str
    page: Page

    @classmethod
    def read(cls, given: Sequence[tuple[str, str]]) -> ChangesQuestion:
        """Read a query string, in which `from` and `to` are moments; raises `BadQuestion`."""
        told = Parameters(given, PARAMETERS)
        scope = told.scope()
        if not scope.begin:
            raise BadQuestion(
                "changes: say since when with from= (a commit number, a delivery's id, or a time)"
            )
        plain = Scope(scope.table, scope.condition, currencies=scope.currencies)
        return cls(plain, told.dimensions(), told.metrics(), scope.begin, scope.end, told.page())


@dataclass(frozen=True)
class Part:
    """What one kind of change did to a group."""

    added: int
    removed: int
    differences: Mapping[str, Decimal]
    """By metric."""
    columns: Mapping[str, int]
    """In how many of its charges a column differs: of corrected and of re-dimensioned ones."""


@dataclass(frozen=True)
class ChangedGroup:
    """A group, before and after."""

    group: Group
    currency: str
    before: Mapping[str, Decimal]
    after: Mapping[str, Decimal]
    parts: Mapping[Kind, Part]

    def difference(self, metric: str) -> Decimal:
        """What a sum has changed by."""
        return _difference(self.parts, metric)


@dataclass(frozen=True)
class Balance:
    """A currency's sums as counted at both moments."""

    currency: str
    before: Mapping[str, Decimal]
    after: Mapping[str, Decimal]
    parts: Mapping[Kind, Part]
    """Over all groups."""


@dataclass(frozen=True)
class ChangesAnswer:
    """What is answered."""

    table: str
    begin: Moment
    end: Moment
    by: list[str]
    metrics: list[str]
    rows: list[ChangedGroup]
    balances: list[Balance]
    next_offset: int | None


def changes(versions: Versions, question: ChangesQuestion, now: datetime) -> ChangesAnswer:
    """Answer a question.

    Raises: `BadQuestion`, `HistoryGone`, `UnknownDelivery`; `Unbalanced` where the differences do
    not add up, so that no wrong answer is given.
    """
    history = versions.history
    begin, end = history.moment(question.begin, now), history.moment(question.end, now)
    answer = _Comparison(versions, question, begin, end).answer()
    versions.require_kept(min(begin.state, end.state))
    return answer


_Key = tuple[Group, str]


@dataclass(frozen=True)
class _Counted:
    """Sums as charges add up to them, apart from what changed."""

    before: Mapping[str, Total]
    """By currency."""
    after: Mapping[str, Total]
    groups: Mapping[_Key, Total]
    """Of the later state."""


class _Comparison:
    """Two states of a table, compared."""

    def __init__(
        self, versions: Versions, question: ChangesQuestion, begin: Moment, end: Moment
    ) -> None:
        speech = versions.speech
        self._versions, self._question, self._begin, self._end = versions, question, begin, end
        self._metrics = question.metrics
        known: Months = {}
        if grouping.needs_months(question.scope, question.by):
            known = {**months(versions, begin.state), **months(versions, end.state)}
        self._dimensions = grouping.dimensions(speech, question.by, known)
        self._where = grouping.condition(speech, question.scope, known)

    def answer(self) -> ChangesAnswer:
        """Compare, check, and cut a page."""
        parts = self._parts()
        page, order = self._question.page, sorted(parts, key=lambda key: self._order(key, parts))
        shown = order[page.offset : page.offset + page.limit]
        following = page.offset + page.limit
        counted = self._counted(shown)
        balances = self._balances(parts, counted)
        return ChangesAnswer(
            self._versions.speech.table,
            self._begin,
            self._end,
            [each.name for each in self._dimensions],
            self._metrics,
            [self._group(key, parts[key], counted.groups.get(key)) for key in shown],
            balances,
            following if following < len(order) else None,
        )

    def _parts(self) -> Mapping[_Key, dict[Kind, Part]]:
        """What changed, by group and kind."""
        columns = ChangedColumns(self._versions.speech, self._dimensions, self._metrics)
        states = self._begin.state, self._end.state
        found: dict[_Key, dict[Kind, Part]] = defaultdict(dict)
        with self._versions.changed(columns, self._where, *states) as changed:
            for each in explained(changed, columns):
                part = Part(each.added, each.removed, each.differences, each.columns)
                found[each.group, each.currency][each.kind] = part
        return {
            key: {kind: kinds[kind] for kind in Kind if kind in kinds}
            for key, kinds in found.items()
        }

    def _order(self, key: _Key, parts: Mapping[_Key, Mapping[Kind, Part]]) -> tuple[object, ...]:
        """The largest difference first, in each currency."""
        group, code = key
        size = _difference(parts[key], self._metrics[0]).copy_abs()
        return code, size.copy_negate(), [(cell is None, cell or "") for cell in group]

    def _balances(
        self, parts: Mapping[_Key, Mapping[Kind, Part]], counted: _Counted
    ) -> list[Balance]:
        """Whether the differences are those of the sums; raises `Unbalanced`."""
        balances = []
        for code in sorted({*counted.before, *counted.after, *(code for _, code in parts)}):
            mine = [kinds for (_, each), kinds in parts.items() if each == code]
            balance = Balance(
                code,
                self._present(counted.before.get(code)),
                self._present(counted.after.get(code)),
                {kind: added for kind in Kind if (added := _added(mine, kind, self._metrics))},
            )
            for name in self._metrics:
                told = _difference(balance.parts, name)
                if told != subtract(balance.after[name], balance.before[name]):
                    raise Unbalanced(
                        f"changes: the differences of {name} in {code} add up to {told}, not to "
                        f"that of the sums; nothing was answered"
                    )
            balances.append(balance)
        return balances

    def _counted(self, shown: Sequence[_Key]) -> _Counted:
        """The sums of both states, and those of these groups in the later one."""
        speech = self._versions.speech
        flags = [Dimension(flag, Fragment(f'"{flag}"')) for flag in ("_first", "_second")]
        sums = Sums(speech, [*flags, *self._dimensions], self._metrics)
        relation = speech.either(self._begin.state, self._end.state)
        statement = sums.narrowed(relation, self._where, len(flags), self._like(shown))
        before, after = [], []
        groups: dict[_Key, list[Total]] = defaultdict(list)
        for row in self._versions.rows(statement):
            is_first, is_second, *_, is_wanted = row
            total = sums.read(row)
            if is_first:
                before.append(total)
            if is_second:
                after.append(total)
            if is_wanted:
                groups[total.group[len(flags) :], total.currency].append(total)
        if len(groups) > MOST_ROWS:
            raise BadQuestion(
                f"changes: more than {MOST_ROWS:,} groups are like those of this page; ask for "
                "fewer dimensions, or a smaller limit"
            )
        return _Counted(
            {total.currency: total for total in by_currency(before)},
            {total.currency: total for total in by_currency(after)},
            {key: summed(pieces, *key) for key, pieces in groups.items()},
        )

    def _like(self, shown: Sequence[_Key]) -> Fragment:
        """The condition of groups of the later state like these; `_g0` and `_g1` are the flags."""
        if not shown:
            return Fragment("false")
        pieces = [Fragment('"_g1"')]
        for place, dimension in enumerate(self._dimensions):
            if dimension.is_text:
                values = {group[place] for group, _ in shown}
                name = Fragment(f'"_g{place + 2}"')
                pieces.append(_one_of(self._versions.speech, name, values))
        return joined(pieces, " AND ")

    def _group(self, key: _Key, parts: Mapping[Kind, Part], after: Total | None) -> ChangedGroup:
        group, code = key
        sums = self._present(after)
        before = {name: subtract(sums[name], _difference(parts, name)) for name in self._metrics}
        return ChangedGroup(group, code, before, sums, parts)

    def _present(self, total: Total | None) -> Mapping[str, Decimal]:
        """Sums, zero where there is nothing to add up."""
        sums = {} if total is None else total.sums
        return {name: sums.get(name) or _ZERO for name in self._metrics}


def _one_of(speech: Speech, name: Fragment, values: Collection[str | None]) -> Fragment:
    """The condition of the groups that have one of these values."""
    among = speech.one_of(name, sorted(value for value in values if value is not None))
    if None not in values:
        return among
    return joined([among, name.inside("", " IS NULL")], " OR ")


def _difference(parts: Mapping[Kind, Part], metric: str) -> Decimal:
    return exact_sum(part.differences[metric] for part in parts.values())


def _added(
    groups: Sequence[Mapping[Kind, Part]], kind: Kind, metrics: Sequence[str]
) -> Part | None:
    """What one kind did to several groups together."""
    parts = [kinds[kind] for kinds in groups if kind in kinds]
    if not parts:
        return None
    columns: Counter[str] = Counter()
    for part in parts:
        columns.update(part.columns)
    return Part(
        sum(part.added for part in parts),
        sum(part.removed for part in parts),
        {name: exact_sum(part.differences[name] for part in parts) for name in metrics},
        columns,
    )

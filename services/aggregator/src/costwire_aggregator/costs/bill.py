"""Answers of the database handler's `/costs`, read and put together. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from costwire_aggregator.costs.amounts import METRICS, Amounts, Sums, read_amount, total
from costwire_aggregator.costs.errors import BillTooLarge, BillUnsound, HandlerRefused
from costwire_aggregator.costs.model import AsOf, Bill, Period, Resource, Said
from costwire_aggregator.costs.questions import COLUMNS, RESOURCE


class _AsOf(msgspec.Struct):
    state: int
    commit: int | None = None
    at: str | None = None


class _Total(msgspec.Struct):
    charges: int
    sums: dict[str, str | None]


class _Row(msgspec.Struct):
    by: dict[str, str | None]
    currency: str
    charges: int
    sums: dict[str, str | None]


class _Answer(msgspec.Struct, rename="camel"):
    as_of: _AsOf
    by: list[str]
    rows: list[_Row]
    totals: dict[str, _Total]
    next: str | None = None


class Line(NamedTuple):
    """One group of an answer; null and empty texts are None."""

    group: tuple[str | None, ...]
    currency: str
    charges: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    as_of: AsOf
    lines: Sequence[Line]
    totals: Amounts
    """Over all pages."""
    charges: int
    """As many, over all pages."""
    is_last: bool


_decode = msgspec.json.Decoder(_Answer).decode


def read_page(body: bytes) -> Page:
    """Raises: `HandlerRefused` where it is no answer of `/costs`."""
    try:
        answer = _decode(body)
        return Page(
            as_of=AsOf(answer.as_of.state, answer.as_of.commit, answer.as_of.at),
            lines=[_line(answer.by, row) for row in answer.rows],
            totals={code: _sums(one.sums) for code, one in answer.totals.items()},
            charges=sum(one.charges for one in answer.totals.values()),
            is_last=answer.next is None,
        )
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
        raise HandlerRefused(
            f"read the answer of /costs: it is none of a database handler ({error}); is this its "
            "address?"
        ) from error


def _line(names: Sequence[str], row: _Row) -> Line:
    group = tuple((row.by[name] or "").strip() or None for name in names)
    return Line(group, row.currency, row.charges, _sums(row.sums))


def _sums(told_sums: Mapping[str, str | None]) -> Sums:
    return tuple(read_amount(told_sums[metric]) for metric in METRICS)


class BillInParts:
    """A bill in the making: its charges by resource, and what tags say of these."""

    def __init__(self, table: str, period: Period, columns: Sequence[str], most: int) -> None:
        """`columns`: those of `COLUMNS` that charges are grouped by. `most`: groups of them."""
        self._table, self._period = table, period
        self._columns = columns
        self._left = self._most = most
        self._first: Page | None = None
        self._charges = 0
        self._without: list[Amounts] = []
        self._amounts: dict[str, list[Amounts]] = defaultdict(list)
        self._said: dict[str, set[Said]] = defaultdict(set)
        self._tags: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._texts: dict[str | None, str | None] = {}

    def add_charges(self, page: Page) -> None:
        """A page of charges by these columns. Raises: `BillTooLarge`, `HandlerRefused`."""
        self._first = self._first or page
        self._take(page, len(self._columns))
        for line in page.lines:
            texts = dict(zip(self._columns, line.group, strict=True))
            amounts, resource = {line.currency: line.sums}, texts.get(RESOURCE)
            self._charges += line.charges
            if resource is None:
                self._without.append(amounts)
                continue
            self._amounts[resource].append(amounts)
            said = Said(*(self._once(texts.get(column)) for column in COLUMNS[1:]))
            self._said[resource].add(said)

    def add_tags(self, page: Page, keys: Sequence[str]) -> None:
        """A page of them by their resource and these tags; raises the same."""
        self._take(page, 1 + len(keys))
        for line in page.lines:
            resource, *values = line.group
            for key, value in zip(keys, values, strict=True):
                if resource is not None and value is not None:
                    self._tags[resource][key].add(value)

    def whole(self) -> Bill:
        """The bill, once a page was added. Raises: `BillUnsound`."""
        assert self._first is not None, "add a page first"  # noqa: S101
        resources = [self._resource(id, parts) for id, parts in self._amounts.items()]
        bill = Bill(
            self._table,
            self._period,
            self._first.as_of,
            resources,
            total(self._without),
            self._first.totals,
        )
        self._check(bill, self._first.charges)
        return bill

    def _take(self, page: Page, dimensions: int) -> None:
        if any(len(line.group) != dimensions for line in page.lines):
            raise HandlerRefused("read the answer of /costs: it is grouped otherwise than asked")
        self._left -= len(page.lines)
        if self._left < 0:
            raise BillTooLarge(
                f"read {self._table} of {self._period.month}: it has more than {self._most:,} "
                "resources, names and tags of clusters; the costs of so many are not joined"
            )

    def _once(self, text: str | None) -> str | None:
        """One and the same text for all that are equal: accounts and regions are few."""
        return self._texts.setdefault(text, text)

    def _resource(self, id: str, parts: Sequence[Amounts]) -> Resource:
        said = [*self._said[id]]
        if len(said) > 1:
            said.sort(key=lambda one: [text or "" for text in one])
        tags = {key: frozenset(values) for key, values in self._tags.get(id, {}).items()}
        return Resource(id, total(parts), said, tags)

    def _check(self, bill: Bill, charges: int) -> None:
        act, then = f"read {self._table} of {self._period.month}", "ask again, or report it"
        found = total([bill.without_resource, *(one.amounts for one in bill.resources)])
        currencies = sorted(found.keys() | bill.totals.keys())
        if wrong := [one for one in currencies if found.get(one) != bill.totals.get(one)]:
            raise BillUnsound(
                f"{act}: its parts do not add up to its totals in {', '.join(wrong)}; {then}"
            )
        if self._charges != charges:
            raise BillUnsound(
                f"{act}: it has {self._charges:,} charges, and says {charges:,}; {then}"
            )

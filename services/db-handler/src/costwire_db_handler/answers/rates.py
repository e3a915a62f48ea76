"""Exchange rates: what one unit of a currency is in another, month by month; pure.

A sum is converted with the rate of the month of its billing period. Once a finished month's rate
has been used in an answer it is frozen: what was told stays true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from costwire_db_handler.answers.questions import CURRENCY
from costwire_db_handler.answers.tabular import read_lines
from costwire_db_handler.errors import BadQuestion, BadRates, RateFrozen
from costwire_focus import amounts
from costwire_focus.canonical import EXACT_CONTEXT, canonical_text, to_text
from costwire_focus.manifest import MONTH as BILLING_MONTH

FIELDS = ("month", "from", "to", "rate", "source")
MOST_RATES = 10_000
_MOST_SOURCE = 1_000
_ONE = Decimal(1)


class Pair(NamedTuple):
    """What a rate is for."""

    month: str
    base: str
    target: str


@dataclass(frozen=True)
class Rate:
    """One unit of `pair.base` is `rate` units of `pair.target`."""

    pair: Pair
    rate: Decimal
    source: str
    """Who says so."""
    frozen: datetime | None = None
    """Since when it cannot be changed."""

    def told(self) -> dict[str, str | None]:
        """As answers tell it."""
        return {
            "month": self.pair.month,
            "from": self.pair.base,
            "to": self.pair.target,
            "rate": canonical_text(self.rate),
            "source": self.source,
            "frozen": None if self.frozen is None else to_text(self.frozen),
        }


class Rates(Protocol):
    """Where rates are kept."""

    def list(self) -> Sequence[Rate]:
        """All rates, in order."""

    def put(self, rates: Sequence[Rate]) -> int:
        """Keep rates, instead of earlier ones; how many changed. Raises `RateFrozen`."""

    def freeze(self, rates: Sequence[Rate]) -> bool:
        """Freeze rates that were used; False where one has become another since."""


def read_rates(body: bytes) -> Sequence[Rate]:
    """Rates from a CSV text with the columns month, from, to, rate, source.

    Raises: `BadRates` with the line.
    """
    found: dict[Pair, Rate] = {}
    for line, row in read_lines(body, FIELDS, "the rates", BadRates, most=MOST_RATES):
        rate = _read(row, line)
        if found.setdefault(rate.pair, rate) != rate:
            raise BadRates(f"read the rates: line {line} says otherwise than one before", line=line)
    return list(found.values())


def _read(row: Mapping[str, str], line: int) -> Rate:
    month, base, target, rate, source = (row[name] for name in FIELDS)

    def wrong(what: str) -> BadRates:
        return BadRates(f"read the rates: line {line}: {what}", line=line)

    if not BILLING_MONTH.fullmatch(month):
        raise wrong(f"{month!r} is no month; write it like 2024-09")
    for code in (base, target):
        if not CURRENCY.fullmatch(code):
            raise wrong(f"{code!r} is no currency; write it like USD")
    if base == target:
        raise wrong(f"{base} is converted to itself")
    value = amounts.read(rate)
    if value is None or value <= 0:
        raise wrong(f"{rate!r} is no rate; it is a number above zero")
    if not source or len(source) > _MOST_SOURCE:
        raise wrong("say in `source` whose rate it is")
    return Rate(Pair(month, base, target), value, source)


def merged(known: Mapping[Pair, Rate], brought: Iterable[Rate]) -> list[Rate]:
    """Which of the rates that were brought are to be written; raises `RateFrozen`."""
    changed = []
    for rate in brought:
        before = known.get(rate.pair)
        if before is not None and before.frozen is not None:
            if before.rate != rate.rate:
                raise RateFrozen(
                    f"{rate.pair.base} to {rate.pair.target} of {rate.pair.month}: "
                    f"{canonical_text(before.rate)} has been used in answers, and is frozen since "
                    f"{to_text(before.frozen)}"
                )
            continue
        if before is None or differ(before, rate):
            changed.append(rate)
    return changed


def differ(one: Rate, other: Rate) -> bool:
    """Whether two rates of a pair say other things, whenever they were frozen."""
    return (one.rate, one.source) != (other.rate, other.source)


class Converter:
    """Converts sums into one currency, and notes which rates it took."""

    def __init__(self, target: str, known: Iterable[Rate]) -> None:
        self.target = target
        self._known = {rate.pair: rate for rate in known if rate.pair.target == target}
        self._used: dict[Pair, Rate] = {}

    def convert(self, amount: Decimal, currency: str, month: str | None) -> Decimal:
        """An amount of a month in the target currency, exactly; raises `BadQuestion`."""
        if currency == self.target:
            return amount
        if month is None:
            raise BadQuestion(
                f"in {self.target}: some charges in {currency} have no billing period, so no month "
                "whose rate could be taken; leave them out with filter=BillingPeriodStart IS NOT "
                "NULL"
            )
        rate = self._known.get(Pair(month, currency, self.target))
        if rate is None:
            raise BadQuestion(
                f"in {self.target}: there is no rate from {currency} to {self.target} for {month}; "
                "add it with POST /rates or `costwire rates set FILE`",
                month=month,
                currency=currency,
            )
        self._used[rate.pair] = rate
        return EXACT_CONTEXT.multiply(amount, rate.rate)

    def used(self) -> list[Rate]:
        """The rates that were taken, in order."""
        return [self._used[pair] for pair in sorted(self._used)]


def to_freeze(used: Sequence[Rate], now: datetime) -> list[Rate]:
    """Of rates that were used those of finished months, frozen from now on."""
    this_month = f"{now:%Y-%m}"
    return [
        replace(rate, frozen=now)
        for rate in used
        if rate.frozen is None and rate.pair.month < this_month
    ]

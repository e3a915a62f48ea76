"""Parameters of questions: their kinds, what is bound for them, and defaults that a table tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final

from costwire_focus.canonical import canonical_text, to_text
from costwire_focus.errors import WrongQuestion

EARLIEST_ZONE: Final = timedelta(hours=14)
"""How long before a month begins in UTC it begins in the first of the world's time zones."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_BACK: Final = re.compile(r"(\w+?)(?:-([0-9]+))?")
_AMOUNT: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?")
_MOST_NUMBER: Final = 100_000
_MOST_TEXT: Final = 8_192
_NEWEST: Final = "newest"
_COMMONEST: Final = re.compile(r"commonest (.+?)(?: where (.+))?")


class Kind(Enum):
    """How the text of a value is read."""

    MONTH = "month"  # the billing periods that begin in a month, in any time zone
    TEXT = "text"
    TAG = "tag"  # the key of a tag; it stands in the statement as a literal
    NUMBER = "number"  # a whole number, zero or more
    AMOUNT = "amount"  # an exact decimal


@dataclass(frozen=True)
class Parameter:
    """A value that a question wants; `default` is a value, or says how the table tells it."""

    name: str
    kind: Kind
    default: str

    def default_query(self) -> str | None:
        """The statement that the default is found with, None where none is needed.

        Its answer is one cell, in a row or none; it may hold parameters that stand before this one.
        """
        if self.kind is Kind.MONTH and self.default.partition("-")[0] == _NEWEST:
            return "SELECT max(BillingPeriodStart) AS newest FROM charges"
        found = _COMMONEST.fullmatch(self.default)
        if found is None:
            return None
        what, condition = found[1], f" AND {found[2]}" if found[2] else ""
        return (
            f"SELECT {what} AS commonest FROM charges WHERE {what} IS NOT NULL{condition} "  # noqa: S608
            "GROUP BY 1 ORDER BY count(*) DESC NULLS LAST, 1 ASC NULLS LAST LIMIT 1"
        )

    def default_value(self, told: object, values: Mapping[str, str]) -> str:
        """The default as a text; `told` is what `default_query` gave, `values` those before it.

        Raises: `WrongQuestion` where the table has nothing to take it from.
        """
        if self.default_query() is not None and told is None:
            raise WrongQuestion(
                f"find the default of {self.name}: the table has none ({self.default}); "
                f"say --param {self.name}=..."
            )
        if self.kind is Kind.MONTH and (found := _BACK.fullmatch(self.default)):
            base, months = found[1], int(found[2] or 0)
            if base == _NEWEST:
                return _moved(_month_that_begins(told), -months)
            return _moved(values[base], -months)
        return self.default if self.default_query() is None else str(told)

    def check(self, value: str) -> str:
        """The value in its usual spelling; raises `WrongQuestion`, which tells how to write it."""
        if self.kind is Kind.MONTH and not _MONTH.fullmatch(value):
            raise self._wrong(value, "a month such as 2024-09")
        if self.kind is Kind.NUMBER:
            digits = value.replace("_", "")
            if not (digits.isascii() and digits.isdigit() and int(digits) <= _MOST_NUMBER):
                raise self._wrong(value, f"a whole number up to {_MOST_NUMBER:,}")
            return str(int(digits))
        if self.kind is Kind.AMOUNT:
            if not _AMOUNT.fullmatch(value):
                raise self._wrong(value, "an amount such as 1250.75, with 18 decimals at most")
            return canonical_text(Decimal(value))
        if len(value) > _MOST_TEXT or not value:
            raise self._wrong(value[:40], f"a text of 1 to {_MOST_TEXT:,} letters")
        if self.kind is Kind.TAG and not value.isprintable():
            raise self._wrong(
                value[:40], "the key of a tag; control characters cannot be asked for"
            )
        return value

    def _wrong(self, value: str, what: str) -> WrongQuestion:
        return WrongQuestion(f"read --param {self.name}: {value!r} is not {what}")

    def bound(self, value: str, part: str) -> object:
        """What is bound in the statement; `part` of a month: `begin`, `end`, `before`."""
        if self.kind is Kind.MONTH:
            month = _moved(value, {"begin": 0, "end": 1, "before": -1}[part])
            return to_text(_first_instant(month) - EARLIEST_ZONE)
        return int(value) if self.kind is Kind.NUMBER else value


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _first_instant(month: str) -> datetime:
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)


def _month_that_begins(told: object) -> str:
    """The month of a billing period's start, which SQL tells in milliseconds."""
    if not isinstance(told, int):
        raise WrongQuestion(f"find the newest billing month: {told!r} is no instant")
    return f"{_EPOCH + timedelta(milliseconds=told) + EARLIEST_ZONE:%Y-%m}"


def _moved(month: str, by: int) -> str:
    year, number = (int(part) for part in month.split("-"))
    count = year * 12 + number - 1 + by
    return f"{max(count // 12, 1):04d}-{count % 12 + 1:02d}"

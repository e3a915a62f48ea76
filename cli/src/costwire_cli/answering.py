"""Answers of the handler that come in pages: asked to their end, and written as they come."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from costwire_cli.amounts import decimal
from costwire_focus.canonical import exact_sum

Json = dict[str, Any]
Params = Mapping[str, str]
Ask = Callable[[Params], Json]
PAGE_ROWS = 10_000
SHOWN = 50
"""How many groups of a currency a table has where nothing else is asked."""

_FIRST_ROWS = 1_000
_CURRENCY = re.compile(r"[A-Z][A-Z0-9_]{1,9}")
_AGO = re.compile(r"-([0-9]{1,5})d")


def moment(text: str | None, now: datetime | None = None) -> str:
    """A time as the handler reads it; `today`, `yesterday` and `-7d` are days in UTC.

    >>> moment("yesterday", datetime(2024, 10, 1, tzinfo=UTC)), moment("12")
    ('2024-09-30', '12')
    """
    told, now = (text or "").strip(), now or datetime.now(UTC)
    days = {"today": 0, "yesterday": 1}.get(told.lower())
    if ago := _AGO.fullmatch(told):
        days = int(ago[1])
    return told if days is None else f"{(now - timedelta(days=days)).date()}"


def scope(args: Namespace) -> dict[str, str]:
    """Which charges are asked for, and how they are told."""
    names = ("table", "by", "metric", "filter", "currency")
    told = {name: getattr(args, name, None) for name in names}
    return {name: value for name, value in told.items() if value}


def period(args: Namespace) -> dict[str, str]:
    """Which time is asked for, and as of when."""
    told = {name: moment(getattr(args, name)) for name in ("from", "to", "as_of")}
    return {name: value for name, value in told.items() if value}


class Rows:
    """The rows of an answer, asked for page by page while they are read."""

    def __init__(self, ask: Ask, params: Params, most: int | None = None) -> None:
        """Ask for the first page; in all no more than `most` rows where that is given."""
        self._ask = ask
        self._most = most
        self.first = ask({**params, "limit": str(min(most or PAGE_ROWS, PAGE_ROWS))})
        """The first page; what it tells beside its rows holds for all of them."""
        self.complete = False
        """Once all were read: whether there are no more."""

    def __iter__(self) -> Iterator[Json]:
        page, left = self.first, self._most
        while True:
            found = page["rows"][:left]
            yield from found
            left = None if left is None else left - len(found)
            self.complete = page["next"] is None and len(found) == len(page["rows"])
            if page["next"] is None or left == 0:
                return
            page = self._ask(_following(page))


def write_document(rows: Rows) -> None:
    """One document of the form of a page, a line for each row."""
    around = {name: told for name, told in rows.first.items() if name not in ("rows", "next")}
    head = json.dumps(around, ensure_ascii=False, indent=2).removesuffix("\n}")
    sys.stdout.write(f'{head},\n  "rows": [')
    before, after = "\n    ", "]"
    for row in rows:
        sys.stdout.write(before + json.dumps(row, ensure_ascii=False))
        before, after = ",\n    ", "\n  ]"
    sys.stdout.write(f'{after},\n  "complete": {json.dumps(rows.complete)}\n}}\n')


@dataclass(frozen=True)
class Block:
    """What a table tells of one currency."""

    currency: str
    rows: Sequence[Json]
    """The groups that are shown."""
    more: bool
    """Whether there are others."""
    total: Json
    """Over all groups, also those that are not shown."""
    converted: Mapping[str, Decimal | None] | None = None
    """The same in the currency that was asked for."""


def blocks(ask: Ask, params: Params, most: int) -> tuple[Json, list[Block]]:
    """Ask for as many groups of each currency; the first page, and the groups."""
    first = ask({**params, "limit": str(max(most, _FIRST_ROWS))})
    seen = max((row["currency"] for row in first["rows"]), default="")
    found = []
    for code, total in first["totals"].items():
        page = first
        # The groups are in the order of their currencies: from the last one on some may lack.
        if first["next"] is not None and code >= seen and _CURRENCY.fullmatch(code):
            others = {n: v for n, v in _following(first).items() if n != "offset"}
            page = ask({**others, "currency": code, "limit": str(most)})
        rows = [row for row in page["rows"] if row["currency"] == code]
        more = len(rows) > most or (page["next"] is not None and code >= seen)
        converted = None
        if "in" in page:
            converted = _converted(page, rows, alone=page is not first)
        found.append(Block(code, rows[:most], more, total, converted))
    return first, found


def _converted(page: Json, rows: Sequence[Json], *, alone: bool) -> dict[str, Decimal | None]:
    """The sums of one currency in the one asked for; `alone`: the page has no other."""
    if alone:
        return {name: decimal(told) for name, told in page["in"]["total"].items()}
    return {name: added(row["converted"][name] for row in rows) for name in page["metrics"]}


def added(amounts: Iterator[str | None]) -> Decimal | None:
    """The sum of amounts; null where there is none."""
    present = [Decimal(told) for told in amounts if told is not None]
    return exact_sum(present) if present else None


def _following(page: Json) -> dict[str, str]:
    """The parameters of the next page: those of its address."""
    return dict(parse_qsl(urlsplit(page["next"]).query))


def moment_in_words(told: Json) -> str:
    """Which state it is, and since when readers saw it."""
    if told["commit"] is None:
        return "before the first delivery" if not told["state"] else f"state {told['state']}"
    at = f", {told['at']}" if told.get("at") else ""
    return f"delivery {told['commit']} ({told['delivery'][:12]}{at})"

"""Quarantined rows: their fields, their money, and taking them in pieces of bounded size."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any, Literal

from costwire_focus import repairs
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY, read
from costwire_focus.canonical import canonical_text, exact_sum, subtract
from costwire_focus.own_rules import AMOUNT_UNREADABLE, NUL_CHARACTER

NEEDED = ("file", "line", "raw", "column", "rule", "reason")
"""What every exporter tells of a row."""
FIELDS = (*NEEDED, "cells")
"""`cells`: those that are not null, by column; None of a row that could not be cut into them."""
LONG_FIELDS = ("file", "raw", "reason", "cells")
"""Those that make a row large."""
Row = dict[str, Any]
Origin = Literal["exporter", "handler"]
"""Which side quarantined a row."""

_PIECE_BYTES = 8 << 20
_OF_HANDLER = "h"
"""What the numbers of rows begin with that the handler quarantined."""
_UNREADABLE = (AMOUNT_UNREADABLE, NUL_CHARACTER)
"""Rules that say of a cell that it cannot be read."""
_NUMBER = re.compile(rf"({_OF_HANDLER})?([1-9][0-9]{{0,17}})")


def row_number(origin: str, number: int) -> str:
    """How a row of a delivery is called; it never changes.

    >>> row_number("exporter", 0), row_number("handler", 4)
    ('1', 'h5')
    """
    return f"{_OF_HANDLER if origin == 'handler' else ''}{number + 1}"


def row_key(named: str) -> tuple[Origin, int] | None:
    """Which side quarantined the row of a number, and as the how manieth; None of no number.

    >>> row_key("1"), row_key("h5"), row_key("5h")
    (('exporter', 0), ('handler', 4), None)
    """
    found = _NUMBER.fullmatch(named)
    if found is None:
        return None
    return "handler" if found[1] else "exporter", int(found[2]) - 1


def pieces(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Rows in pieces of at most so many, or fewer where they are long."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        piece.append(row)
        size += sum(_bytes(row.get(name)) for name in LONG_FIELDS)
        if len(piece) >= most or size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _bytes(value: str | Mapping[str, str] | None) -> int:
    if value is None:
        return 0
    return len((value if isinstance(value, str) else json.dumps(value)).encode())


def fitting(sizes: Sequence[int]) -> int:
    """How many of the first of some rows, whose bytes these are, make a page: one at least."""
    return max(1, sum(total <= _PIECE_BYTES for total in accumulate(sizes)))


def written(row: Row) -> list[Any]:
    """A row as it is kept: `FIELDS`, the cells as JSON."""
    cells = row.get("cells")
    return [*(row[name] for name in NEEDED), None if cells is None else _json(cells)]


def told(origin: str, number: int, fields: Sequence[Any]) -> Row:
    """A row as it is told, with its number; `fields`: as they are kept."""
    row = dict(zip(FIELDS, fields, strict=True))
    if row["cells"] is not None:
        row["cells"] = json.loads(row["cells"])
    elif origin == "handler" and row["raw"]:
        # What was published had cells, and nothing else.
        row["cells"] = json.loads(base64.b64decode(row["raw"]))
    return {"row": row_number(origin, number), **row}


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)


def is_of_handler(row: Row) -> bool:
    """Whether the handler quarantined a row, and not the exporter."""
    return str(row["row"]).startswith(_OF_HANDLER)


def cells_of(row: Row, columns: Sequence[str]) -> Mapping[str, str] | None:
    """The cells of a row that was cut into them; None of one that could not be.

    Exporters of earlier versions told none. Where a row broke a rule of a column it had as many as
    the header, so they are cut again.
    """
    known: Mapping[str, str] | None = row["cells"]
    if known is None and row["column"] is not None and row["raw"]:
        return repairs.cut(base64.b64decode(row["raw"]), columns)
    return known


@dataclass(frozen=True)
class Money:
    """The costs of one row, in its currency; what is null or no amount is in none."""

    currency: str
    costs: Mapping[str, Decimal]

    @classmethod
    def of(cls, cells: Mapping[str, str | None]) -> Money:
        """What the cells of a row say."""
        amounts = {name: read(cells.get(name) or "") for name in COST_COLUMNS}
        return cls(
            cells.get("BillingCurrency") or NO_CURRENCY,
            {name: amount for name, amount in amounts.items() if amount is not None},
        )

    @classmethod
    def from_json(cls, text: str) -> Money:
        """What `to_json` wrote."""
        currency, costs = json.loads(text)
        return cls(currency, {name: Decimal(amount) for name, amount in costs.items()})

    def to_json(self) -> str:
        """The exact amounts as text."""
        costs = {name: canonical_text(amount) for name, amount in self.costs.items()}
        return _json([self.currency, costs])


Totals = dict[str, dict[str, Decimal]]
"""currency -> cost column -> exact sum"""


def total(money: Iterable[Money]) -> Totals:
    """The sums of the costs of several rows; those without any name no currency."""
    totals: Totals = {}
    for each in filter(lambda each: each.costs, money):
        lines = totals.setdefault(each.currency, {})
        for name, amount in each.costs.items():
            lines[name] = exact_sum((lines.get(name, Decimal(0)), amount))
    return totals


def plus(left: Mapping[str, Mapping[str, Decimal]], right: Totals, *, sign: int = 1) -> Totals:
    """Sums added to others, or with `sign=-1` taken from them."""
    zero = Decimal(0)
    result: Totals = {currency: dict(lines) for currency, lines in left.items()}
    for currency, lines in right.items():
        mine = result.setdefault(currency, {})
        for name, amount in lines.items():
            known = mine.get(name, zero)
            mine[name] = exact_sum((known, amount)) if sign > 0 else subtract(known, amount)
    return result


@dataclass(frozen=True)
class Repaired:
    """What a replay made of a quarantined row."""

    row: str
    content: str
    """The identity of the charge that it became."""
    was: Money
    """What it was counted with in the quarantine."""
    now: Money
    rule: str
    column: str | None
    is_cut: bool
    """Whether its money was known."""


@dataclass(frozen=True)
class RuleCount:
    """How many rows of a delivery broke a rule in a column."""

    rule: str
    column: str | None
    rows: int
    unknown: int
    """Of these, the ones whose money is not known."""

    @classmethod
    def of(cls, rule: str, column: str | None, rows: int, uncut: int) -> RuleCount:
        """`uncut`: could not be cut into cells. Nor is money known where BilledCost is not."""
        is_unknown = column == "BilledCost" and rule in _UNREADABLE
        return cls(rule, column, rows, rows if is_unknown else uncut)

"""The parameters that questions about costs share, read from a query string; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.errors import BadQuestion
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.manifest import TABLE_NAME

DEFAULT_TABLE = "charges"
DEFAULT_LIMIT = 1_000
MOST_ROWS = 100_000
MOST_DIMENSIONS = 8
CURRENCY = re.compile(r"[A-Z][A-Z0-9_]{1,9}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_PIECE = re.compile(r"(?:[^,\"'\[]|\"[^\"]*\"|'[^']*'|\[[^\]]*\])+")


@dataclass(frozen=True)
class Scope:
    """Which charges are asked for."""

    table: str = DEFAULT_TABLE
    condition: Condition = field(default_factory=lambda: Condition.read(""))
    begin: str = ""
    """A billing month, or a time from which charge periods begin; empty: no bound."""
    end: str = ""
    """The first billing month, or time, that is not asked for."""
    currencies: tuple[str, ...] = ()
    """Billing currencies; none: all."""


@dataclass(frozen=True)
class Page:
    """Which rows of an answer."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0


class Parameters:
    """A query string, of which every parameter must be known."""

    def __init__(self, given: Sequence[tuple[str, str]], known: Sequence[str]) -> None:
        """Raises `BadQuestion` for a parameter that is unknown, or is given twice."""
        self._values: dict[str, str] = {}
        for name, value in given:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise BadQuestion(f"there is no parameter {name!r}; {hint}")
            if name in self._values:
                raise BadQuestion(f"the parameter {name!r} is given twice")
            self._values[name] = value.strip()

    def text(self, name: str) -> str:
        """A parameter, or an empty text."""
        return self._values.get(name, "")

    def table(self) -> str:
        """The table that is asked."""
        table = self.text("table").lower() or DEFAULT_TABLE
        if not TABLE_NAME.fullmatch(table):
            raise BadQuestion(f"{table!r} is no name of a table (letters, digits and _)")
        return table

    def scope(self) -> Scope:
        """Which charges are asked for."""
        return Scope(
            self.table(),
            Condition.read(self.text("filter")),
            self.text("from"),
            self.text("to"),
            self._currencies("currency"),
        )

    def page(self) -> Page:
        """Which rows of the answer."""
        limit = self._whole("limit", DEFAULT_LIMIT)
        if not 1 <= limit <= MOST_ROWS:
            raise BadQuestion(f"limit is between 1 and {MOST_ROWS:,}")
        return Page(limit, self._whole("offset", 0))

    def dimensions(self) -> list[str]:
        """What is grouped by: `ServiceName,Tags.env,month`."""
        text = self.text("by")
        if _PIECE.sub("", text).strip(", "):
            raise BadQuestion(f"by {text!r}: a quote or a bracket in it is not closed")
        names = [piece.strip() for piece in _PIECE.findall(text)]
        names = [name for name in names if name]
        if len(names) > MOST_DIMENSIONS:
            raise BadQuestion(f"by: at most {MOST_DIMENSIONS} dimensions")
        return list(dict.fromkeys(names))

    def metrics(self) -> list[str]:
        """The cost columns that are summed; `BilledCost` where none is named."""
        known = {name.lower(): name for name in COST_COLUMNS}
        asked = [each.strip() for each in self.text("metric").split(",") if each.strip()]
        for name in asked:
            if name.lower() not in known:
                raise BadQuestion(
                    f"metric {name!r}: it is one of {', '.join(COST_COLUMNS)}, which are in the "
                    "billing currency"
                )
        return list(dict.fromkeys(known[name.lower()] for name in asked)) or [COST_COLUMNS[0]]

    def target(self) -> str | None:
        """The currency that sums are converted to."""
        found = self._currencies("in")
        if len(found) > 1:
            raise BadQuestion("in: name one currency")
        return found[0] if found else None

    def _currencies(self, name: str) -> tuple[str, ...]:
        codes = [each.strip().upper() for each in self.text(name).split(",") if each.strip()]
        for code in codes:
            if not CURRENCY.fullmatch(code):
                raise BadQuestion(f"{name}: {code!r} is no currency; write it like USD")
        return tuple(dict.fromkeys(codes))

    def _whole(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not _WHOLE.fullmatch(text):
            raise BadQuestion(f"{name}: {text!r} is no whole number")
        return int(text)

"""Bills of a soak: files that move on, each state kept beside a journal of what was done."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.recompute import Recomputation
from tests.support.reports import LONG_AGO, charges, write_report, write_text

_SERVICES = ("Compute", "Storage", "Network", "Database", "Support")
_PERIODS = {
    "2024-09-01T00:00:00Z": "2024-10-01T00:00:00Z",
    "2024-10-01T00:00:00Z": "2024-11-01T00:00:00Z",
}
_SECONDS_BETWEEN = 60.0
_SHARE = 0.05
KINDS = {
    "correct": 40,
    "unreadable": 10,
    "month": 10,
    "again": 10,
    "respelt": 10,
    "back": 7,
    "late": 7,
    "shrunk": 10,
    "undo": 7,
    "empty": 3,
}
"""What can become of a bill, and how often."""

Row = dict[str, str]
Months = Mapping[str, Sequence[Row]]


class Journal:
    """What was done, in order, as a file, and what must have come of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.path = folder / "journal.jsonl"
        self.books = Recomputation(folder)

    def delivered(self, source: Path, generation: float) -> int:
        """Keep a copy of a source's file; gives the number of the delivery."""
        number = len(self.books.deliveries)
        copy = self.path.with_name(f"{number:06}.csv")
        shutil.copyfile(source, copy)
        self._write(
            {"do": "deliver", "source": str(source), "file": copy.name, "generation": generation}
        )
        return number

    def decided(self, act: str, number: int) -> None:
        """A held delivery was accepted or rejected."""
        self._write({"do": act, "number": number})

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.books.follow(line)


class Bill:
    """One source: its file, and how that goes on."""

    def __init__(
        self, path: Path, journal: Journal, dice: random.Random, charges_per_month: int
    ) -> None:
        self.path = path
        self._journal = journal
        self._dice = dice
        self._count = charges_per_month
        self._steps = 0
        self._names = 0
        self._months: Months = {period: [] for period in _PERIODS}
        self._before: Months | None = None
        self._shown = ""
        self._months = self._moved_on(_PERIODS)

    def deliver(self, kind: str) -> int:
        """Write the next state of this kind; gives the number of its delivery."""
        self._steps += 1
        at = LONG_AGO + _SECONDS_BETWEEN * self._steps
        if kind == "back" and self._before is None:
            kind = "correct"
        if kind == "late":
            at -= 1.5 * _SECONDS_BETWEEN
            self._write(self._moved_on(_PERIODS), at)
        elif kind in ("again", "undo"):
            text = self._shown if kind == "undo" else self.path.read_text("utf-8")
            write_text(self.path, text, at=at)
        elif kind == "empty":
            write_report(self.path, [], at=at)
        elif kind == "shrunk":
            self._write({name: rows[::2] for name, rows in self._months.items()}, at)
        elif kind == "respelt":
            self._write(_respelt(self._shuffled()), at)
        else:
            self._move_on(kind, at)
        number = self._journal.delivered(self.path, at)
        if self._journal.books.deliveries[number].state in ("committed", "unchanged"):
            self._shown = self.path.read_text("utf-8")
        return number

    def accepted(self) -> None:
        """What was shrunk is what readers see."""
        self._before, self._shown = None, self.path.read_text("utf-8")
        self._months = {name: rows[::2] for name, rows in self._months.items()}

    def _move_on(self, kind: str, at: float) -> None:
        before = self._months
        if kind == "back" and self._before is not None:
            self._months, self._before = self._before, None
            self._write(self._months, at)
            return
        touched = [self._dice.choice(list(_PERIODS))] if kind == "month" else list(_PERIODS)
        moved = self._moved_on(touched)
        self._before, self._months = before, {**before, **moved}
        unreadable = [_unreadable(rows[0]) for rows in moved.values()] * (kind == "unreadable")
        self._write(moved, at, unreadable)

    def _moved_on(self, touched: Sequence[str] | Mapping[str, str]) -> Months:
        """These months with some charges corrected, some withdrawn, some new, some twice."""
        return {period: self._next(period, self._months[period]) for period in touched}

    def _next(self, period: str, rows: Sequence[Row]) -> list[Row]:
        few = int(self._count * _SHARE)
        kept = [dict(row) for row in rows]
        self._dice.shuffle(kept)
        del kept[: min(few, len(kept) // 10)]
        for row in kept[:few]:
            row["BilledCost"] = row["BilledCost"].rstrip("0") + str(self._dice.randint(1, 9))
            if len(row["BilledCost"]) > 18:
                row["BilledCost"] = "7.25"
        kept += [dict(row) for row in kept[-2:]]
        return kept + [self._new(period) for _ in range(self._count - len(kept))]

    def _new(self, period: str) -> Row:
        self._names += 1
        (row,) = charges({})
        return row | {
            "BilledCost": f"{self._dice.randint(0, 99)}.{self._dice.randint(0, 10**9):09}",
            "EffectiveCost": self._dice.choice(("", "0.10", "-3.000000001", "12E-3")),
            "BillingPeriodStart": period,
            "BillingPeriodEnd": _PERIODS[period],
            "ChargePeriodStart": period,
            "ChargePeriodEnd": f"{period[:8]}02T00:00:00Z",
            "ServiceName": self._dice.choice(_SERVICES),
            "ResourceId": f"disk-{self._names}",
            "x_Source": str(self.path),
        }

    def _shuffled(self) -> Months:
        return {
            name: self._dice.sample(list(rows), len(rows)) for name, rows in self._months.items()
        }

    def _write(self, months: Months, at: float, more: Sequence[Row] = ()) -> None:
        rows = [row for rows in months.values() for row in rows]
        write_report(self.path, [*rows, *more], at=at)


def _respelt(months: Months) -> Months:
    """The same amounts with more digits than they need."""
    return {
        name: [{**row, "BilledCost": row["BilledCost"] + "00"} for row in rows]
        for name, rows in months.items()
    }


def _unreadable(row: Row) -> Row:
    return {**row, "BilledCost": "a lot"}

"""What a ledger and `/costs` must say, computed from the source files alone.

Nothing of Costwire is used here, nor anything of what tests share: `csv` reads the files, `decimal`
adds, and the rules are those of docs/ledger.md, written a second time. By hand, from the journal
that a soak leaves in its folder:

    python tests/support/recompute.py FOLDER/journal.jsonl

A line of the journal is `{"do": "deliver", "source": ..., "file": ..., "generation": ...}` (seconds
since 1970), or `{"do": "accept" | "reject", "number": ...}` for the delivery of that number, which
counts them from 0.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from pathlib import Path
from typing import Any

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_WITHDRAWN_SHARE = Decimal("0.20")
_SMALL_PERIOD = 20

Charge = tuple[tuple[str, str | Decimal], ...]
"""The cells of a charge that are not null, by name."""
Charges = Counter[Charge]


@dataclass
class Delivery:
    """A file that was delivered, and what the ledger must tell of it."""

    source: str
    generation: float
    months: dict[str, Charges]
    read: int
    quarantined: int
    state: str = ""
    added: int = 0
    removed: int = 0
    corrected: int = 0

    @property
    def charges(self) -> Charges:
        """All that can be stored of it."""
        return sum(self.months.values(), Counter())

    def expected(self) -> dict[str, Any]:
        """The members of its entry that this script has an opinion on."""
        stored = self.charges
        return {
            "state": self.state,
            "read": self.read,
            "quarantined": self.quarantined,
            "stored": stored.total(),
            "added": self.added,
            "removed": self.removed,
            "corrected": self.corrected,
            "sums": {name: _text(total) for name, total in sums(stored).items()},
        }


@dataclass
class Recomputation:
    """Goes through a journal line by line."""

    folder: Path
    deliveries: list[Delivery] = field(default_factory=list)
    visible: dict[tuple[str, str], Charges] = field(default_factory=dict)
    """(source, billing period) -> what readers see"""
    _applied: dict[tuple[str, str], float] = field(default_factory=dict)

    def follow(self, line: Mapping[str, Any]) -> None:
        """Take the next line in."""
        if line["do"] == "deliver":
            self._deliver(read(self.folder / line["file"], line["source"], line["generation"]))
        elif line["do"] == "accept":
            accepted = self.deliveries[line["number"]]
            accepted.state = "committed"
            self._apply(accepted)
            self._overtake(accepted, whole=False)
        else:
            self.deliveries[line["number"]].state = "rejected"

    def of(self, source: str) -> Charges:
        """What readers see of a source."""
        return sum((each for (name, _), each in self.visible.items() if name == source), Counter())

    def costs(self) -> dict[tuple[str, str, str], tuple[int, dict[str, str]]]:
        """(source, service, month) -> how many charges, and their sums, as `/costs` groups them."""
        groups: dict[tuple[str, str, str], Charges] = {}
        for (source, period), charges in self.visible.items():
            for charge, count in charges.items():
                service = str(dict(charge)["ServiceName"])
                groups.setdefault((source, service, period[:7]), Counter())[charge] += count
        return {
            group: (charges.total(), {name: _text(each) for name, each in sums(charges).items()})
            for group, charges in groups.items()
        }

    def _deliver(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        mine = {name for name in self._applied if name[0] == delivery.source}
        scope = {(delivery.source, month) for month in delivery.months} or mine
        newer = {name for name in scope & mine if delivery.generation < self._applied[name]}
        if newer and newer == scope & mine:
            delivery.state = "superseded"
        elif newer or (mine and not delivery.charges) or self._shrinks(delivery):
            delivery.state = "held"
            self._overtake(delivery, whole=True)
        else:
            self._apply(delivery)
            changed = delivery.added or delivery.removed
            delivery.state = "committed" if changed else "unchanged"
            self._overtake(delivery, whole=False)

    def _shrinks(self, delivery: Delivery) -> bool:
        """Whether more than a fifth would be withdrawn, of all or of one billing period."""
        before = withdrawn = 0
        for month, charges in delivery.months.items():
            shown = self.visible.get((delivery.source, month), Counter())
            gone = (shown - charges).total() - _corrected(shown, charges)
            before, withdrawn = before + shown.total(), withdrawn + gone
            if shown.total() > _SMALL_PERIOD and gone > _WITHDRAWN_SHARE * shown.total():
                return True
        return withdrawn > _WITHDRAWN_SHARE * before

    def _overtake(self, newer: Delivery, *, whole: bool) -> None:
        for held in self.deliveries:
            if held is newer or held.state != "held" or held.source != newer.source:
                continue
            if held.generation > newer.generation:
                continue
            theirs, ours = set(held.months), set(newer.months)
            if theirs <= ours or (not whole and theirs & ours):
                held.state = "superseded"

    def _apply(self, delivery: Delivery) -> None:
        delivery.added = delivery.removed = delivery.corrected = 0
        for month, charges in delivery.months.items():
            name = (delivery.source, month)
            shown = self.visible.get(name, Counter())
            delivery.added += (charges - shown).total()
            delivery.removed += (shown - charges).total()
            delivery.corrected += _corrected(shown, charges)
            self.visible[name] = charges
            self._applied[name] = delivery.generation


def read(path: Path, source: str, generation: float) -> Delivery:
    """Read a file; a row of a wrong length, or with an amount that is none, is quarantined."""
    months: dict[str, Charges] = {}
    quarantined = rows = 0
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        names = next(lines)
        for cells in lines:
            rows += 1
            charge = _charge(names, cells)
            if charge is None:
                quarantined += 1
            else:
                period = str(dict(charge)["BillingPeriodStart"])
                months.setdefault(period, Counter())[charge] += 1
    return Delivery(source, generation, months, rows, quarantined)


def sums(charges: Charges) -> dict[str, Decimal]:
    """The exact sum of each cost; null adds nothing."""
    totals = dict.fromkeys(COSTS, Decimal(0))
    for charge, count in charges.items():
        for name, cell in charge:
            if name in totals:
                part = _EXACT.multiply(Decimal(cell), Decimal(count))
                totals[name] = _EXACT.add(totals[name], part)
    return totals


def _charge(names: list[str], cells: list[str]) -> Charge | None:
    if len(cells) != len(names):
        return None
    charge: list[tuple[str, str | Decimal]] = []
    for name, cell in zip(names, cells, strict=True):
        if cell and name in COSTS:
            try:
                charge.append((name, Decimal(cell)))
            except InvalidOperation:
                return None
        elif cell:
            charge.append((name, cell))
    return tuple(sorted(charge, key=lambda pair: pair[0]))


def _corrected(before: Charges, after: Charges) -> int:
    """How many charges that went have one of other amounts that came."""
    gone, came = _dimensions(before - after), _dimensions(after - before)
    return (gone & came).total()


def _dimensions(charges: Charges) -> Counter[Charge]:
    found: Counter[Charge] = Counter()
    for charge, count in charges.items():
        found[tuple(pair for pair in charge if pair[0] not in COSTS)] += count
    return found


def _text(amount: Decimal) -> str:
    """Plain digits without an exponent, and without zeros at the end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _told(journal: Path, lines: Iterable[str]) -> dict[str, Any]:
    books = Recomputation(journal.parent)
    for line in lines:
        books.follow(json.loads(line))
    return {
        "deliveries": [
            {"source": each.source, "generation": each.generation, **each.expected()}
            for each in books.deliveries
        ],
        "costs": [
            {"by": group, "charges": count, "sums": totals}
            for group, (count, totals) in sorted(books.costs().items())
        ],
    }


if __name__ == "__main__":
    path = Path(sys.argv[1])
    with path.open(encoding="utf-8") as journal:
        json.dump(_told(path, journal), sys.stdout, indent=1)

"""Reports as CSV files, and their figures by Python's own csv and decimal."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact
from pathlib import Path

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
EXACT = Context(prec=200, traps=[Inexact])
LONG_AGO = 1_733_911_200.0
"""2024-12-11T10:00:00Z"""

CHARGE = {
    "BilledCost": "1.5",
    "EffectiveCost": "1.25",
    "ListCost": "2",
    "ContractedCost": "1.5",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2024-09-01T00:00:00Z",
    "BillingPeriodEnd": "2024-10-01T00:00:00Z",
    "ChargePeriodStart": "2024-09-01T00:00:00Z",
    "ChargePeriodEnd": "2024-09-02T00:00:00Z",
    "ChargeCategory": "Usage",
    "ServiceName": "Storage",
    "RegionId": "eu-1",
    "ResourceId": "disk-1",
}

Row = Mapping[str, str]


def charges(*changes: Row) -> list[dict[str, str]]:
    """Rows of a report, each told by what differs from an ordinary charge."""
    return [{**CHARGE, **change} for change in changes]


def numbered(count: int, **changes: str) -> list[dict[str, str]]:
    """So many charges, each of its own resource and cost."""
    return charges(
        *(
            {"ResourceId": f"disk-{number}", "BilledCost": f"{number}.{number:03d}"} | changes
            for number in range(1, count + 1)
        )
    )


def write_report(path: Path, rows: Sequence[Row], *, at: float = LONG_AGO) -> Path:
    """Write rows as a CSV file of this age; a file that was there is replaced at once."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(CHARGE)
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return write_text(path, text.getvalue(), at=at)


def write_text(path: Path, text: str, *, at: float = LONG_AGO) -> Path:
    """Write a file of this age; one that was there is replaced at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8", newline="")
    os.utime(draft, (at, at))
    return draft.replace(path)


def read_rows(path: Path) -> list[dict[str, str | None]]:
    """The rows of a CSV file; an empty cell and NULL are None."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        return [{name: _cell(value) for name, value in row.items()} for row in csv.DictReader(text)]


def _cell(text: str | None) -> str | None:
    return None if text in ("", "NULL", "null", None) else text


def amount(cell: str | None) -> Decimal:
    """A cell as an amount; null adds nothing."""
    return Decimal(cell) if cell else Decimal(0)


def total(cells: Iterable[str | None]) -> Decimal:
    """The exact sum of cells."""
    found = Decimal(0)
    for cell in cells:
        found = EXACT.add(found, amount(cell))
    return found


def sums(rows: Iterable[Mapping[str, str | None]]) -> dict[str, dict[str, Decimal]]:
    """The four exact sums for each currency."""
    found: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        mine = found.setdefault(
            row.get("BillingCurrency") or "XXX", dict.fromkeys(COSTS, Decimal(0))
        )
        for name in COSTS:
            mine[name] = EXACT.add(mine[name], amount(row.get(name)))
    return found


def stored_sums(entry: Mapping[str, object]) -> dict[str, dict[str, Decimal]]:
    """The sums that a ledger's entry tells as stored; an absent column counts as 0."""
    told = entry["sums"]
    assert isinstance(told, dict)
    return {
        currency: {
            name: Decimal(line["stored"]) if line else Decimal(0) for name, line in lines.items()
        }
        for currency, lines in told.items()
    }


def multiset(rows: Iterable[Sequence[object]]) -> Counter[tuple[object, ...]]:
    """Rows and how often each occurs."""
    return Counter(tuple(row) for row in rows)

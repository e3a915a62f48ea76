"""Builders of valid deliveries; a test states only what it is about."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text, exact_sum
from costwire_focus.instants import parse
from costwire_focus.manifest import (
    BillingPeriod,
    Changes,
    ColumnLabel,
    CostSum,
    Exposition,
    FindingCount,
    Manifest,
    ManifestTimes,
    Mode,
    RowCounts,
    Scope,
)
from costwire_focus.versions import detect

Charge = Mapping[str, str | None]

NOW = datetime(2024, 12, 11, 10, tzinfo=UTC)
SEPTEMBER = {
    "BillingPeriodStart": "2024-09-01T00:00:00Z",
    "BillingPeriodEnd": "2024-10-01T00:00:00Z",
}
OCTOBER = {
    "BillingPeriodStart": "2024-10-01T00:00:00Z",
    "BillingPeriodEnd": "2024-11-01T00:00:00Z",
}
CHARGE = {
    "BilledCost": "1.5",
    "EffectiveCost": "1.25",
    "ListCost": "2",
    "ContractedCost": "1.5",
    "BillingCurrency": "USD",
    **SEPTEMBER,
    "ChargePeriodStart": "2024-09-01T00:00:00Z",
    "ChargePeriodEnd": "2024-09-02T00:00:00Z",
    "ServiceName": "Storage",
    "ResourceId": "disk-1",
}


def clock() -> datetime:
    """A clock that stands still."""
    return NOW


def a_charge(**changes: str | None) -> dict[str, str | None]:
    """A whole charge of September, with what a test changes of it."""
    return {**CHARGE, **changes}


def charges(number: int, **changes: str | None) -> list[dict[str, str | None]]:
    """So many charges that differ in their resource and cost."""
    return [
        a_charge(**{"ResourceId": f"disk-{i}", "BilledCost": f"{i}.25", **changes})
        for i in range(1, number + 1)
    ]


def rows_of_csv(text: str) -> list[dict[str, str | None]]:
    """The rows of a CSV text; empty cells and `NULL` are null."""
    nothing = {"", "NULL"}
    return [
        {name: None if cell in nothing else cell for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text))
    ]


def as_table(rows: Sequence[Charge], names: Sequence[str] | None = None) -> pa.Table:
    """Charges as columns of text."""
    found = names or list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in found}
    return pa.table(columns)


def part_body(part: pa.Table) -> bytes:
    """A part as it travels: an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, part.schema) as writer:
        writer.write_table(part)
    return bytes(sink.getvalue())


def an_unusable_row(line: int = 2, **changes: Any) -> dict[str, Any]:
    """A row of the exporter's quarantine."""
    return {
        "file": "bill.csv",
        "line": line,
        "raw": base64.b64encode(b"abc,USD").decode(),
        "column": "BilledCost",
        "rule": "CW-AmountUnreadable",
        "reason": "BilledCost is no amount: 'abc'",
        "cells": None,
    } | changes


def without_numbers(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Quarantined rows as they were sent: the handler has given each one a number."""
    return [{name: value for name, value in row.items() if name != "row"} for row in rows]


def a_broken_row(line: int = 2, **changes: str | None) -> dict[str, Any]:
    """A quarantined row that was cut into cells: a charge with what a test changes of it."""
    cells = {name: cell for name, cell in a_charge(**changes).items() if cell is not None}
    raw = base64.b64encode(",".join(cells.values()).encode()).decode()
    return an_unusable_row(line, raw=raw, cells=cells)


def a_torn_row(line: int = 2, raw: bytes = b"1.5,1.25,2") -> dict[str, Any]:
    """A quarantined row with fewer cells than the header."""
    text = base64.b64encode(raw).decode()
    rule = "CW-FieldCount"
    return an_unusable_row(line, raw=text, column=None, rule=rule, reason="3 cells", cells=None)


@dataclass(frozen=True)
class Report:
    """What a scraper has of a delivery: its manifest, its parts, its quarantine."""

    manifest: Manifest
    parts: list[pa.Table]
    quarantine: list[dict[str, Any]] = field(default_factory=list)

    def but(self, **changes: Any) -> Report:
        """The same with another manifest: the fields that differ."""
        return replace(self, manifest=self.manifest.model_copy(update=changes))

    def of(self, source: str) -> Report:
        """The same content under the name of another source."""
        return self.but(source=source)

    def generated(self, **later: float) -> Report:
        """The same content, made and read so much later (as `timedelta` takes it)."""
        change = timedelta(**later)
        times = ManifestTimes(read=self.manifest.times.read + change)
        return self.but(generation=self.manifest.generation + change, times=times)

    def read_again(self, **later: float) -> Report:
        """The same file, read so much later."""
        return self.but(times=ManifestTimes(read=self.manifest.times.read + timedelta(**later)))


@dataclass(frozen=True)
class Changed:
    """A report that is told by what it changes of another one."""

    report: Report
    added: pa.Table
    removed: pa.Table


def as_changes(report: Report, before: Report) -> Changed:
    """What a report changes of another one with the same columns, copies counted."""
    names = [column.name for column in report.manifest.columns]
    now, then = (
        Counter(
            tuple(row[name] for name in names) for part in each.parts for row in part.to_pylist()
        )
        for each in (report, before)
    )
    added, removed = (
        as_table([dict(zip(names, row, strict=True)) for row in found.elements()], names)
        for found in (now - then, then - now)
    )
    told = {
        kind: report.manifest.exposition.model_copy(update={"samples": found.num_rows})
        for kind, found in (("added", added), ("removed", removed))
    }
    return Changed(report.but(changes=Changes(since=before.manifest.id, **told)), added, removed)


def a_report(
    rows: Sequence[Charge],
    *,
    columns: Sequence[str] | None = None,
    source: str = "aws",
    table: str = "charges",
    mode: Mode = "replace",
    declared: list[str] | None = None,
    quarantine: Iterable[dict[str, Any]] = (),
    quarantined_cost: str = "0",
    part_rows: int = 400,
    findings: Mapping[str, int] | None = None,
) -> Report:
    """A report of these charges, cut into parts; `columns` where there is no row to tell them."""
    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    charged = as_table(rows, names)
    unusable = list(quarantine)
    content = json.dumps([names, list(map(dict, rows)), mode, declared, unusable], sort_keys=True)
    manifest = Manifest(
        id=hashlib.sha256(content.encode()).hexdigest(),
        table=table,
        source=source,
        mode=mode,
        generation=NOW,
        focus_version=detect(names),
        columns=[ColumnLabel(name=name, label=name) for name in names],
        scope=Scope(declared=declared, billing_periods=_periods(charged)),
        rows=RowCounts(
            read=len(rows) + len(unusable), published=len(rows), quarantined=len(unusable)
        ),
        sums=_sums(charged, unusable, Decimal(quarantined_cost)),
        findings={
            rule: FindingCount(count=count, message=rule)
            for rule, count in (findings or {}).items()
        },
        exposition=Exposition(samples=len(rows), bytes=0, sha256="0" * 64, renderer=1),
        times=ManifestTimes(read=NOW),
    )
    parts = [charged.slice(at, part_rows) for at in range(0, len(rows), part_rows)]
    return Report(manifest, parts, unusable)


def _sums(
    charged: pa.Table, unusable: Sequence[Mapping[str, Any]], quarantined: Decimal
) -> dict[str, dict[str, CostSum | None]]:
    published, aside = CostSums(), CostSums()
    published.add(charged)
    for row in unusable:
        if row.get("cells"):
            aside.add(as_table([row["cells"]], charged.column_names))
    return {
        currency: {
            name: None
            if name not in charged.column_names
            else _cost_sum(
                published.get(currency, name) or Decimal(0),
                exact_sum(
                    (
                        aside.get(currency, name) or Decimal(0),
                        quarantined if name == "BilledCost" else Decimal(0),
                    )
                ),
            )
            for name in COST_COLUMNS
        }
        for currency in sorted({*published.currencies(), *aside.currencies()})
    }


def _cost_sum(published: Decimal, aside: Decimal) -> CostSum:
    read = canonical_text(exact_sum((published, aside)))
    return CostSum(
        read=read, published=canonical_text(published), quarantined=canonical_text(aside)
    )


def _periods(charged: pa.Table) -> list[BillingPeriod]:
    names = ("BillingPeriodStart", "BillingPeriodEnd")
    nothing = pa.nulls(charged.num_rows, pa.string())
    sides = [
        parse(charged.column(name) if name in charged.column_names else nothing).values.to_pylist()
        for name in names
    ]
    return [
        BillingPeriod(start=_aware(start), end=_aware(end))
        for start, end in dict.fromkeys(zip(*sides, strict=True))
    ]


def _aware(instant: datetime | None) -> datetime | None:
    return instant and instant.replace(tzinfo=UTC)

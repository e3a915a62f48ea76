"""Reading a part as a whole, so that a test can say what should have come of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from costwire_focus.amounts import CostSums
from costwire_focus.canonical import exact_sum
from costwire_focus.readers import Report, open_report
from costwire_focus.reconcile import disagreement

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Seen:
    """Everything that a reader gave."""

    names: list[str]
    rows: list[Row]
    lines: list[int]
    raw: list[bytes]
    unusable: list[tuple[int, bytes, str]]
    remarks: dict[str, str]
    disagreement: str | None


def _seen(report: Report) -> Seen:
    rows: list[Row] = []
    lines: list[int] = []
    raw: list[bytes] = []
    unusable: list[tuple[int, bytes, str]] = []
    uncut = []
    sums = CostSums()
    for batch in report.batches():
        columns = [batch.charges.column(name).to_pylist() for name in report.names]
        rows += zip(*columns, strict=True)
        lines += batch.lines.to_pylist()
        raw += [batch.raw(index) for index in range(batch.charges.num_rows)]
        unusable += [(row.line, row.raw, row.rule) for row in batch.unusable]
        uncut += batch.unusable
        sums.add(batch.charges)
    billed = exact_sum(
        cost
        for currency in sums.currencies()
        if (cost := sums.get(currency, "BilledCost")) is not None
    )
    said = disagreement(len(rows) + len(uncut), billed, uncut, report.recount())
    return Seen(report.names, rows, lines, raw, unusable, report.remarks, said)


@pytest.fixture(scope="session")
def read() -> Callable[..., Seen]:
    """Reads bytes as one part; `batch_bytes` as for `open_report`."""

    def read_part(data: bytes, **options: Any) -> Seen:
        return _seen(open_report(io.BytesIO(data), "part", **options))

    return read_part

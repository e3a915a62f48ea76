"""An estate as files: relative paths and bytes, the truth about them last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from costwire_focus.estates.calendar import Month
from costwire_focus.estates.daily import daily
from costwire_focus.estates.estate import Estate
from costwire_focus.estates.report import Report, generate

TRUTH = "truth.json"
_DELIVERED = timedelta(hours=6)


@dataclass(frozen=True)
class DailyFile:
    """A file of a month that is delivered day by day."""

    name: str
    chunks: Iterator[bytes]
    written: datetime | None
    """When its provider wrote it: each day's later than that of the day before."""


def files(estate: Estate) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each file's path below the target folder and its bytes; `truth.json` is the last one."""
    reports: list[dict[str, Any]] = []
    for report in generate(estate):
        reports.append(report.truth)
        name, chunks = report.name, report.chunks()
        del report  # before the next one is made: two of them would double the memory
        yield name, chunks
    yield TRUTH, _truth(estate, reports)


def daily_files(estate: Estate, days: int = 30, *, whole: bool = False) -> Iterator[DailyFile]:
    """Each report of an estate as it is delivered daily: `day-01/aws/2024-09.csv` and so on.

    Reports follow one another, each with all of its days; `truth.json` is the last file.
    """
    reports: list[dict[str, Any]] = []
    for report in generate(estate):
        for state in daily(report, estate.seed, days, whole=whole):
            day = state.truth["delivery"]["day"]
            name = f"day-{day:02d}/{state.name}"
            reports.append(state.truth | {"file": name})
            yield DailyFile(name, state.chunks(), _written(state, day))
    yield DailyFile(TRUTH, _truth(estate, reports), None)


def _written(report: Report, day: int) -> datetime:
    """The morning after."""
    return Month(report.month).start + timedelta(days=day) + _DELIVERED


def _truth(estate: Estate, reports: list[dict[str, Any]]) -> Iterator[bytes]:
    truth = {"seed": estate.seed, "rows": estate.rows, "reports": reports}
    return iter([json.dumps(truth, indent=1, ensure_ascii=False).encode() + b"\n"])

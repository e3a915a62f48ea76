"""Faults: how often a run tries each, and the table of what came of them.

A test of faults has the mark `faults`, asks `times` how often to try, and ends with `record_fault`.
`make faults` runs all of them in full; every other run is a sample of each.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import pytest

T = TypeVar("T")
FULL = os.environ.get("COSTWIRE_TEST_FAULTS") == "full"
_LINE = "line of the fault table"
_FIGURES = "figures beside the fault table"
_MARKED = "marked faults"
_HEADER = ("fault", "times", "outcome", "rows lost", "rows doubled")


def times(sampled: int, full: int) -> int:
    """How often a fault is tried in this run."""
    return full if FULL else sampled


def lost_and_doubled(expected: Counter[T], found: Counter[T]) -> tuple[int, int]:
    """How many rows are missing, and how many are there that should not be, as multisets."""
    return (expected - found).total(), (found - expected).total()


Reports = Mapping[str, Sequence[pytest.TestReport | pytest.CollectReport]]
"""What pytest reported, by outcome."""

RecordFigures = Callable[[str, Sequence[str]], None]
"""Has a title and lines printed after the table."""


class RecordFault(Protocol):
    """Writes a line of the table; the test fails where a row is lost or doubled."""

    def __call__(
        self, fault: str, *, times: int, outcome: str, lost: int, doubled: int
    ) -> None: ...


@pytest.fixture
def record_fault(request: pytest.FixtureRequest) -> RecordFault:
    """A line of the table: the fault, how often it was tried, and how that ended."""

    def record(fault: str, *, times: int, outcome: str, lost: int, doubled: int) -> None:
        line = [fault, str(times), outcome, str(lost), str(doubled)]
        request.node.user_properties.append((_LINE, line))
        assert (lost, doubled) == (0, 0), f"{fault}: {lost} rows lost, {doubled} doubled"

    return record


@pytest.fixture
def record_figures(request: pytest.FixtureRequest) -> RecordFigures:
    """Lines for whoever reads the end of the run."""

    def record(title: str, lines: Sequence[str]) -> None:
        request.node.user_properties.append((_FIGURES, [title, *lines]))

    return record


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let reports tell whether a test is of faults: their keywords hold names of folders, too."""
    if item.get_closest_marker("faults"):
        item.user_properties.append((_MARKED, True))


def lines_of(reports: Reports) -> list[list[str]]:
    """The table's lines: what tests recorded, and the tests of faults that failed before."""
    failed = [
        [report.nodeid, "", "FAILED", "?", "?"]
        for report in _of_tests(reports, "failed", "error")
        if (_MARKED, True) in map(tuple, report.user_properties)
    ]
    return sorted(_recorded(reports, _LINE)) + sorted(failed)


def _of_tests(reports: Reports, *outcomes: str) -> Iterator[pytest.TestReport]:
    """Reports of tests alone: a file that could not be collected has one, too."""
    for outcome in outcomes:
        for report in reports.get(outcome, []):
            if isinstance(report, pytest.TestReport):
                yield report


def _recorded(reports: Reports, kind: str) -> list[list[str]]:
    return [
        [*map(str, told)]
        for report in _of_tests(reports, "passed", "failed")
        if report.when == "call"
        for name, told in report.user_properties
        if name == kind and isinstance(told, (list, tuple))
    ]


def as_markdown(lines: list[list[str]]) -> list[str]:
    """The table, its columns as wide as their cells."""
    rows = [list(_HEADER), *([cell.replace("|", "\\|") for cell in line] for line in lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADER))]
    rows.insert(1, ["-" * width for width in widths])
    return [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table once all processes have run their tests."""
    lines = lines_of(terminalreporter.stats)
    if lines:
        terminalreporter.section(f"faults ({'in full' if FULL else 'a sample'})")
        terminalreporter.write_line("\n".join(as_markdown(lines)))
    for title, *told in _recorded(terminalreporter.stats, _FIGURES):
        terminalreporter.section(title)
        terminalreporter.write_line("\n".join(told))

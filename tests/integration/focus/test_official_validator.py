"""Costwire's verdicts beside those of the official validator, where it is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.breaker import BREAKS, ROWS_BROKEN
from tests.support.needs import lack
from tests.support.official import Official, Tally, broken_files, compare, packs, read_csv
from tests.support.official_defects import reason

from costwire_focus.estates import Estate, generate, write_csv

ROWS = 80


@pytest.fixture
def official() -> Official:
    """The official validator that COSTWIRE_TEST_FOCUS_VALIDATOR names."""
    command = os.environ.get("COSTWIRE_TEST_FOCUS_VALIDATOR")
    if not command:
        lack("focus-validator", "name its command with COSTWIRE_TEST_FOCUS_VALIDATOR")
    return Official(Path(command))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A right report of FOCUS 1.2."""
    estate = Estate(seed=7, rows=ROWS, rows_per_file=ROWS, clouds=("azure",), focus_version="1.2")
    path = tmp_path / "azure.csv"
    with path.open("wb") as sink:
        write_csv(next(iter(generate(estate))).charges, sink)
    return path


@pytest.mark.timeout(900)
def test_every_difference_from_the_official_validator_has_its_reason(
    official: Official, report: Path, tmp_path: Path
) -> None:
    tallies: dict[str, Tally] = {}
    compare(official, broken_files(report, tmp_path, packs(BREAKS)[:3], ROWS), tallies)
    assert len(tallies) > 250
    assert {rule for rule, tally in tallies.items() if tally.differs and not reason(rule)} == set()


def test_the_breaker_has_a_hundred_ways_each_with_its_own_effect(report: Path) -> None:
    names, rows = read_csv(report, ROWS)
    assert len(BREAKS) >= 100
    assert len({one.name for one in BREAKS}) == len(BREAKS)
    before = [dict(row) for row in rows]
    for one in BREAKS:
        left, broken = one(names, rows, set())
        changed = sum(old != new for old, new in zip(rows, broken, strict=True))
        assert (len(names) - len(left), changed) in {(0, ROWS_BROKEN), (1, ROWS)}, one.name
    assert rows == before


def test_every_way_is_in_one_pack_and_no_pack_touches_a_column_twice() -> None:
    groups = packs(BREAKS)
    assert sorted(one.name for group in groups for one in group) == sorted(
        one.name for one in BREAKS
    )
    for group in groups:
        touched = [name for one in group for name in (*one.cells, *([one.drops] * bool(one.drops)))]
        assert len(touched) == len(set(touched))

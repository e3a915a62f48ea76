"""Costwire's verdicts beside those of the official validator, where it is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.breaker import BREAKS, ROWS_BROKEN
from tests.support.broken_files import packs, read_csv, right_report
from tests.support.needs import lack
from tests.support.official import Official, Tallies, broken_case, compare, differences
from tests.support.official_defects import DEFECTS, OURS, has_reason

FEW_WAYS = 12


@pytest.fixture
def official() -> Official:
    """The official validator that COSTWIRE_TEST_FOCUS_VALIDATOR names."""
    command = os.environ.get("COSTWIRE_TEST_FOCUS_VALIDATOR")
    if not command:
        lack("focus-validator", "name its command with COSTWIRE_TEST_FOCUS_VALIDATOR")
    return Official(Path(command))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return right_report("azure", tmp_path)


@pytest.mark.timeout(900)
def test_every_difference_from_the_official_validator_has_its_reason(
    official: Official, report: Path, tmp_path: Path
) -> None:
    groups = [group for group in packs(BREAKS) if len(group) >= FEW_WAYS]
    case = broken_case(report, tmp_path / "broken", groups)
    shipped: Tallies = {}
    compare(official, case, (), shipped)
    seen = differences(shipped).keys()
    assert [difference for difference in seen if not has_reason(difference)] == []
    mended: Tallies = {}
    compare(official, case, DEFECTS, mended)
    assert differences(mended).keys() - OURS == set()
    assert len(mended) > 250
    assert len(seen - differences(mended).keys()) > 25


def test_the_breaker_has_a_hundred_ways_each_with_its_own_effect(report: Path) -> None:
    names, rows = read_csv(report)
    assert len(BREAKS) >= 100
    assert len({one.name for one in BREAKS}) == len(BREAKS)
    before = [dict(row) for row in rows]
    for one in BREAKS:
        left, broken = one(names, rows, set())
        changed = sum(old != new for old, new in zip(rows, broken, strict=True))
        assert (len(names) - len(left), changed) in {(0, ROWS_BROKEN), (1, len(rows))}, one.name
    assert rows == before


def test_every_way_is_in_one_pack_and_no_pack_touches_a_column_twice() -> None:
    groups = packs(BREAKS)
    assert sorted(one.name for group in groups for one in group) == sorted(
        one.name for one in BREAKS
    )
    for group in groups:
        touched = [name for one in group for name in (*one.cells, *([one.drops] * bool(one.drops)))]
        assert len(touched) == len(set(touched))

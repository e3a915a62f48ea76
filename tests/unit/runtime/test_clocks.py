"""A time that orders things never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from costwire_runtime.clocks import later_than, utc_now

NOON = datetime(2024, 12, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_clock_that_goes_on_is_believed() -> None:
    assert later_than(NOON, NOON + DAY) == NOON + DAY


def test_clock_that_was_set_back_goes_on_by_steps() -> None:
    first = later_than(NOON, NOON - DAY)
    assert NOON < first < later_than(first, NOON - DAY) < NOON + timedelta(seconds=1)


def test_first_time_is_the_clocks_own() -> None:
    assert later_than(None, NOON) == NOON
    assert utc_now().tzinfo is UTC

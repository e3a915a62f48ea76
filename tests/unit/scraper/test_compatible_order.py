"""Readings of an exporter that tells no generation are ordered by when they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from costwire_scraper.compatible.reader import Order


def test_later_reading_is_the_newer_state_when_the_clock_was_set_back() -> None:
    noon = datetime(2024, 12, 11, 12, tzinfo=UTC)
    order = Order(iter([noon, noon - timedelta(days=1), noon]).__next__)
    readings = [order.next() for _ in range(3)]
    assert readings == sorted(set(readings))

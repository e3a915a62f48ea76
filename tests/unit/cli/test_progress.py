"""How far a delivery is, in words."""

from __future__ import annotations

import pytest

from costwire_cli.progress import Pace, clock


def test_pace_tells_speed_and_time_left() -> None:
    assert Pace(10.0).text(rows=50_000, done=25, total=100, now=35.0) == (
        "25%, 50,000 rows, 2,000 rows/s, 1:15 left"
    )


@pytest.mark.parametrize("done", [0, 100])
def test_pace_without_a_rest_tells_speed_alone(done: int) -> None:
    assert Pace(0.0).text(rows=10, done=done, total=100, now=5.0) == "10 rows, 2 rows/s"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (3_600, "60:00")])
def test_clock_shows_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text

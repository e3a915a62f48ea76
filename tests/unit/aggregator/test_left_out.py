"""What documents leave out: told in short, and logged where it is something else than before."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from costwire_aggregator.left_out import LeftOutLog, left_out_text

NAMELESS, NO_NUMBER = ("kube_pod_info", "it has no name"), ("up", "its value is no number")


def test_most_is_told_first_with_its_count_and_reason() -> None:
    assert left_out_text(Counter({NAMELESS: 1, NO_NUMBER: 3})) == (
        "up (3: its value is no number); kube_pod_info (1: it has no name)"
    )
    assert left_out_text(Counter()) == ""


def test_text_is_bounded() -> None:
    text = left_out_text(Counter({(f"metric_{number}", "why"): 1 for number in range(50)}))
    assert text.endswith("; and 40 more")
    assert len(text) < 500


class Story:
    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 1_000.0
        self.log = LeftOutLog(lambda: self.now)
        self._caplog = caplog
        caplog.set_level(logging.INFO)

    def lines(self, left_out: Counter[tuple[str, str]], after: float = 61, face: str = "x") -> int:
        """How many lines a fold so many seconds later brings."""
        self.now += after
        before = len(self._caplog.records)
        self.log.on_fold(face, left_out)
        return len(self._caplog.records) - before


def test_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    story = Story(caplog)
    assert story.lines(Counter()) == 0
    assert story.lines(Counter({NAMELESS: 1})) == 1
    assert story.lines(Counter({NAMELESS: 2})) == 0
    assert story.lines(Counter({NAMELESS: 2, NO_NUMBER: 1})) == 1
    assert story.lines(Counter()) == 1
    assert vars(caplog.records[1])["which"].startswith("kube_pod_info (2: it has no name)")


def test_what_flutters_is_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    story = Story(caplog)
    told = [story.lines(Counter({NAMELESS: 1} if turn % 2 else {}), after=7) for turn in range(60)]
    assert sum(told) <= 60 * 7 / 60 + 1


def test_each_face_has_lines_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    story = Story(caplog)
    assert [story.lines(Counter({NAMELESS: 1}), face=face) for face in "xy"] == [1, 1]

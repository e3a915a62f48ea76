"""Which samples a query means."""

from __future__ import annotations

import pytest
from tests.unit.simulator.asking import NOW, Exposed


def test_a_sample_is_the_latest_for_five_minutes() -> None:
    one = Exposed("a 1")
    one.scrape(NOW)
    assert one.ask("a", NOW + 300) == {(("__name__", "a"),): 1}
    assert one.ask("a", NOW + 300.001) == {}
    assert one.ask("a", NOW - 0.001) == {}


def test_a_series_that_is_not_told_any_more_is_gone_at_once() -> None:
    one = Exposed()
    one.scrape(NOW - 15, "a 1", "b 2")
    one.scrape(NOW, "b 3")
    assert one.ask("a") == {}
    assert one.ask("b") == {(("__name__", "b"),): 3}
    assert one.ask("a", NOW - 1) == {(("__name__", "a"),): 1}


def test_a_target_that_is_down_tells_that_alone() -> None:
    one = Exposed("a 1")
    one.scrape(NOW - 15)
    one.upstream.scrape(NOW, down={"/text"})
    assert one.ask('{job="j"}') == {(("__name__", "up"),): 0}
    one.scrape(NOW + 15)
    assert sorted(one.ask('{job="j"}', NOW + 15).values()) == [1, 1]


def test_a_target_that_tells_nonsense_is_down() -> None:
    one = Exposed("a 1")
    one.scrape(NOW, "a is one")
    assert one.ask('{job="j"}') == {(("__name__", "up"),): 0}


def test_a_range_has_the_samples_of_a_series_that_comes_and_goes() -> None:
    one = Exposed()
    for step, lines in enumerate((("a 0",), ("b 0", "a 10"), ("b 1",), ("a 30", "c 0"))):
        one.scrape(NOW - 45 + step * 15, *lines)
    assert one.ask("increase(a[45s])") == {(): 30}


def test_old_scrapes_are_gone() -> None:
    one = Exposed("a_total 1", keep=3)
    for step in range(10):
        one.scrape(NOW - 135 + step * 15)
    assert one.ask("a_total", NOW - 31) == {}
    assert one.ask("a_total", NOW - 30) != {}


def test_time_goes_on() -> None:
    one = Exposed("a 1")
    one.scrape(NOW)
    with pytest.raises(ValueError, match="not after"):
        one.scrape(NOW)

"""Targets, scraped and asked about."""

from __future__ import annotations

import threading

import pytest
from tests.unit.simulator.asking import NOW, Exposed

from costwire_simulator.targets import Target
from costwire_simulator.upstream.upstream import Upstream


def test_each_target_has_a_series_that_says_that_it_is_up() -> None:
    targets = [Target("c", f"/{n}", {"job": "j", "instance": n}, lambda _: b"a 1\n") for n in "xy"]
    upstream = Upstream(targets)
    upstream.scrape(NOW, down={"/y"})
    assert b'"instance":"x","job":"j"},"value":[1760000000,"1"]' in upstream.answer("up", NOW).body
    assert b'"instance":"y","job":"j"},"value":[1760000000,"0"]' in upstream.answer("up", NOW).body


def test_texts_are_asked_for_as_of_the_time_of_the_scrape() -> None:
    target = Target("c", "/", {"job": "j", "instance": "i"}, lambda at: f"now {at}\n".encode())
    upstream = Upstream([target])
    upstream.catch_up(NOW, 15, 3)
    assert b'"1759999970"' in upstream.answer("now", NOW - 30).body
    assert b'"1760000000"' in upstream.answer("now", NOW).body


def test_the_same_question_of_the_same_time_has_the_same_bytes_until_the_next_scrape() -> None:
    one = Exposed("a 1")
    one.scrape(NOW)
    first = one.upstream.answer("a", NOW + 20)
    assert one.upstream.answer("a", NOW + 20) is first
    one.scrape(NOW + 15, "a 2")
    assert one.ask("a", NOW + 20) == {(("__name__", "a"),): 2}


def test_one_that_is_pinned_answers_as_of_its_last_scrape() -> None:
    one = Exposed("a 1", pinned=True)
    one.scrape(NOW)
    first = one.upstream.answer("timestamp(a)", NOW)
    assert one.upstream.answer("timestamp(a)", NOW + 3_600) is first
    assert one.ask("timestamp(a)", NOW + 3_600) == {(): NOW}


def test_errors_are_not_kept_for_answers() -> None:
    one = Exposed("a 1")
    assert one.refusal("a +")[0] == 400
    assert one.refusal("a +")[0] == 400


def test_kept_answers_have_a_bound() -> None:
    one = Exposed("a 1", cache_bytes=250)
    one.scrape(NOW)
    first = one.upstream.answer("a", NOW)
    assert one.upstream.answer("a", NOW) is first
    one.upstream.answer("a + 0", NOW)
    assert one.upstream.answer("a", NOW) is not first
    assert one.upstream.answer("a", NOW) == first


@pytest.mark.parametrize("seconds", [0.05])
def test_a_question_waits_no_longer_than_it_may(seconds: float) -> None:
    holds, may_go = threading.Event(), threading.Event()

    class Slow(Exposed):
        def hold(self) -> None:
            with self.upstream._guard:
                holds.set()
                may_go.wait(10)

    one = Slow("a 1")
    holder = threading.Thread(target=one.hold)
    holder.start()
    try:
        assert holds.wait(10)
        assert one.upstream.answer("a", NOW, timeout_seconds=seconds).status == 503
    finally:
        may_go.set()
        holder.join()

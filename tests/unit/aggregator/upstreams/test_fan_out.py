"""All are asked at once, and whatever one does, all that the others told is there in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Self

import pytest
from tests.unit.aggregator.told import AT, of_target, question

from costwire_aggregator.http_client import Allowance, BodyTooLarge
from costwire_aggregator.questions import Question
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.client import AskError, Late, Unreachable, Wrong
from costwire_aggregator.upstreams.fan_out import FanOut
from costwire_aggregator.upstreams.outcomes import State, Told
from costwire_aggregator.upstreams.settings import UpstreamSettings

QUESTIONS = [question("nodes"), question("pods")]


class Upstream:
    """Answers after a while, or fails."""

    def __init__(
        self, name: str, seconds: float = 0, fault: AskError | None = None, size: int = 0
    ) -> None:
        self.settings = UpstreamSettings(name=name, url="http://x", priority=3)
        self.asked: list[tuple[float, float]] = []
        self.cancelled = 0
        self._seconds, self._fault, self._size = seconds, fault, size

    async def ask(
        self, asked: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        self.asked.append((at, deadline))
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._fault is not None:
            raise self._fault
        try:
            allowance.take(self._size)
        except BodyTooLarge as error:
            raise Wrong(str(error)) from error
        return Vector({asked.name: [of_target()], "unasked": [of_target()]}, spoilt=2)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None: ...


def gathered(
    *upstreams: Upstream, asked: Sequence[Question] = QUESTIONS, allowance: Allowance | None = None
) -> list[Told]:
    async def run() -> list[Told]:
        async with FanOut(upstreams) as fan_out:
            return await fan_out.gather(
                lambda settings: asked,
                AT,
                asyncio.get_running_loop().time() + 8,
                allowance or Allowance(0),
            )

    return asyncio.run(run())


def test_all_questions_are_asked_at_once_as_of_one_time() -> None:
    upstreams = [Upstream(name, seconds=0.2) for name in "abcde"]
    began = time.monotonic()
    gathered(*upstreams)
    assert time.monotonic() - began < 1.5, "one after the other they take 2 s"
    asked = {question for upstream in upstreams for question in upstream.asked}
    assert len({at for at, _ in asked}) == 1
    assert len({deadline for _, deadline in asked}) == 1


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Late("slow"), State.LATE),
        (Unreachable("gone"), State.UNREACHABLE),
        (Wrong("no"), State.FAILED),
    ],
)
def test_upstream_that_fails_costs_what_it_would_have_told(fault: AskError, state: State) -> None:
    a, b = gathered(Upstream("a"), Upstream("b", fault=fault))
    assert [outcome.state for outcome in a.outcomes] == [State.PARTIAL] * 2
    assert [(outcome.state, outcome.reason) for outcome in b.outcomes] == [
        (state, f"nodes: {fault}"),
        (state, f"pods: {fault}"),
    ]


def test_fault_of_ours_costs_its_question_alone() -> None:
    broken = Upstream("b", fault=ZeroDivisionError("ours"))  # type: ignore[arg-type]
    a, b = gathered(Upstream("a"), broken)
    assert {outcome.state for outcome in a.outcomes} == {State.PARTIAL}
    assert {outcome.state for outcome in b.outcomes} == {State.FAILED}
    assert "ours" not in b.outcomes[0].reason


def test_series_that_nobody_asked_for_are_counted_and_left_out() -> None:
    (told,) = gathered(Upstream("a"), asked=QUESTIONS[:1])
    assert [*told.families()] == ["nodes"]
    assert told.outcomes[0].spoilt == 2 + 1


def test_upstream_that_is_asked_nothing_tells_nothing() -> None:
    assert gathered(Upstream("a"), asked=[]) == []


def test_questions_end_with_the_one_who_asked() -> None:
    upstreams = [Upstream(name, seconds=60) for name in "ab"]

    async def run() -> None:
        async with FanOut(upstreams) as fan_out:
            asking = asyncio.ensure_future(
                fan_out.gather(lambda settings: QUESTIONS, AT, 1e9, Allowance(1))
            )
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(run())
    assert [upstream.cancelled for upstream in upstreams] == [2, 2]


def test_upstream_without_end_leaves_half_to_the_others() -> None:
    endless, other = Upstream("endless", size=30), Upstream("other", size=25, seconds=0.05)
    asked = [Question(name, name, frozenset({name})) for name in "ab"]
    told = gathered(endless, other, asked=asked, allowance=Allowance(100))
    failed = [[outcome.state is State.FAILED for outcome in one.outcomes] for one in told]
    assert failed == [[False, True], [False, False]]
    assert "the upstream's answers are larger than 50 bytes" in told[0].outcomes[1].reason


def test_only_upstream_may_have_all() -> None:
    (told,) = gathered(Upstream("a", size=50), allowance=Allowance(50 * len(QUESTIONS)))
    assert State.FAILED not in {outcome.state for outcome in told.outcomes}

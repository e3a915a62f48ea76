"""Readiness: known as soon as one upstream answers, and telling no names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest
from tests.unit.aggregator.told import outcome, question, told

from costwire_aggregator.readiness import Readiness
from costwire_aggregator.upstreams.outcomes import State, Told

ALIVE = question("alive")


class Upstreams:
    """Of each what becomes of asking it; they are asked together, and `asked` says how often."""

    def __init__(self, *states: State) -> None:
        self.states = states
        self.asked = 0
        self.hangs = False
        self.now = 1_000.0
        self.readiness = Readiness(self._ask, clock=lambda: self.now)

    async def _ask(self) -> Sequence[Told]:
        self.asked += 1
        all_told = [
            told(f"secret-{number}", outcome(ALIVE, state))
            for number, state in enumerate(self.states)
        ]
        for one in all_told:
            self.readiness.on_outcome(one.upstream, one.outcomes[0])
        if self.hangs:
            await asyncio.sleep(3600)
        return all_told

    async def why_not(self) -> str | None:
        async with asyncio.timeout(10):
            return await self.readiness.why_not()


def test_one_that_answers_is_enough_while_another_one_hangs() -> None:
    async def story() -> None:
        upstreams = Upstreams(State.ANSWERED)
        upstreams.hangs = True
        assert await upstreams.why_not() is None
        await upstreams.readiness.close()

    asyncio.run(story())


def test_those_that_are_slower_are_not_broken_off() -> None:
    ended = []

    async def ask() -> Sequence[Told]:
        quick, slow = (told(name, outcome(ALIVE)) for name in ("quick", "slow"))
        readiness.on_outcome(quick.upstream, quick.outcomes[0])
        await asyncio.sleep(0.01)
        ended.append(slow.upstream)
        return [quick, slow]

    async def story() -> None:
        assert await readiness.why_not() is None
        assert not ended
        await asyncio.sleep(0.1)
        await readiness.close()

    readiness = Readiness(ask)
    asyncio.run(story())
    assert ended == ["slow"]


def test_silent_upstreams_are_counted_and_not_named(caplog: pytest.LogCaptureFixture) -> None:
    upstreams = Upstreams(State.LATE, State.UNREACHABLE, State.LATE)
    with caplog.at_level(logging.WARNING):
        why_not = asyncio.run(upstreams.why_not())
    assert why_not == "no upstream answers: 2 late, 1 unreachable; the log names them"
    (record,) = caplog.records
    assert "secret-1: alive: why" in vars(record)["reason"]


def test_log_has_a_line_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    upstreams = Upstreams(State.LATE)

    async def story() -> list[str]:
        for states in ((State.LATE,), (State.LATE,), (State.ANSWERED,), (State.ANSWERED,)):
            upstreams.states = states
            await upstreams.why_not()
            upstreams.now += 60
        return [record.message for record in caplog.records]

    with caplog.at_level(logging.INFO):
        assert asyncio.run(story()) == ["no upstream answers", "an upstream answers again"]


def test_what_was_answered_lately_asks_nobody() -> None:
    upstreams = Upstreams(State.FAILED)
    upstreams.readiness.on_outcome("north", outcome(ALIVE, State.PARTIAL))
    assert asyncio.run(upstreams.why_not()) is None
    assert upstreams.asked == 0


def test_probes_at_one_time_ask_once_and_all_get_the_answer() -> None:
    upstreams = Upstreams(State.FAILED)

    async def story() -> set[str | None]:
        return {*await asyncio.gather(*(upstreams.why_not() for _ in range(20)))}

    assert asyncio.run(story()) == {"no upstream answers: 1 failed; the log names them"}
    assert upstreams.asked == 1


def test_answer_does_not_hold_for_ever() -> None:
    upstreams = Upstreams(State.ANSWERED)

    async def story() -> list[bool]:
        first = await upstreams.why_not()
        upstreams.states = (State.LATE,)
        upstreams.now += 60
        return [first is None, await upstreams.why_not() is None]

    assert asyncio.run(story()) == [True, False]

"""Snapshots: those that are paged through stay, few of them, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.aggregator.held_work import settled

from costwire_aggregator.aggregator import TopologyAnswer
from costwire_aggregator.completeness import Completeness
from costwire_aggregator.topology.model import Topology
from costwire_aggregator.web.snapshots import Snapshots

A, B, C, D = (TopologyAnswer(Topology(), Completeness(at, [])) for at in range(4))


def found(snapshots: Snapshots, *answers: TopologyAnswer) -> list[bool]:
    """Whether each is there, the same object; to look is to read on in it."""
    return [snapshots.find(answer.snapshot) is answer for answer in answers]


def ran(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(within())


def test_what_is_kept_is_found_and_nothing_else_is() -> None:
    async def story() -> None:
        snapshots = Snapshots()
        snapshots.keep(A)
        assert found(snapshots, A, A, B) == [True, True, False]

    ran(story)


def test_of_more_than_there_is_room_for_the_one_used_longest_ago_goes() -> None:
    async def story() -> None:
        snapshots = Snapshots(most=2)
        for answer in (A, B):
            snapshots.keep(answer)
            assert found(snapshots, answer) == [True]
        assert found(snapshots, A) == [True]
        snapshots.keep(C)
        assert found(snapshots, A, B, C) == [True, False, True]

    ran(story)


def test_first_pages_alone_push_out_nobody_who_reads_on() -> None:
    async def story() -> None:
        snapshots = Snapshots(most=2)
        snapshots.keep(A)
        assert found(snapshots, A) == [True]
        snapshots.keep(A)
        for answer in (B, C, D):
            snapshots.keep(answer)
        assert found(snapshots, A, B, C, D) == [True, False, False, True]

    ran(story)


async def passed(patched: pytest.MonkeyPatch, seconds: float) -> None:
    """Have so much time pass by the loop's clock."""
    loop = asyncio.get_running_loop()
    then = loop.time() + seconds
    patched.setattr(loop, "time", lambda: then)
    await settled()


def test_what_nobody_uses_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        snapshots = Snapshots(seconds=2.0)
        snapshots.keep(A)
        await passed(monkeypatch, 2.1)
        assert found(snapshots, A) == [False]

    ran(story)


def test_what_is_used_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        snapshots = Snapshots(seconds=2.0)
        snapshots.keep(A)
        snapshots.keep(B)
        await passed(monkeypatch, 1.2)
        snapshots.keep(A)
        snapshots.find(B.snapshot)
        await passed(monkeypatch, 1.2)
        assert found(snapshots, A, B) == [True, True]

    ran(story)

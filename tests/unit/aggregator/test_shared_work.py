"""Work is done once for all who wait, kept a while, and ends when nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from costwire_aggregator.shared_work import SharedWork


class Works:
    """Counts its runs; each waits for its turn, and gives its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.fault: Exception | None = None
        self.may_end = asyncio.Event()
        self.time = 0.0

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fault is not None:
            raise self.fault
        return number

    def shared(self) -> SharedWork[int]:
        return SharedWork(self, fresh_seconds=5, stale_seconds=30, clock=lambda: self.time)


def in_a_loop(test: Callable[[Works], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await test(Works())

    asyncio.run(run())


async def result_of(shared: SharedWork[int]) -> int:
    return (await shared.result()).result


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_all_who_wait_share_one_run() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        waiting = [asyncio.ensure_future(result_of(shared)) for _ in range(20)]
        await settled()
        works.may_end.set()
        assert await asyncio.gather(*waiting) == [1] * 20
        assert works.begun == 1

    in_a_loop(test)


def test_fresh_result_is_given_again() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        works.may_end.set()
        await shared.result()
        works.time = 4.9
        assert (await result_of(shared), works.begun) == (1, 1)

    in_a_loop(test)


def test_stale_result_is_given_at_once_while_a_new_one_is_made() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        works.may_end.set()
        await shared.result()
        works.may_end.clear()
        works.time = 6
        assert [await result_of(shared) for _ in range(3)] == [1, 1, 1]
        works.may_end.set()
        await settled()
        assert (await result_of(shared), works.begun) == (2, 2)

    in_a_loop(test)


def test_result_that_is_too_old_is_waited_for() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        works.may_end.set()
        await shared.result()
        works.time = 30
        assert await result_of(shared) == 2

    in_a_loop(test)


def test_fault_is_told_to_all_who_wait_and_not_kept() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        works.fault = OSError("broken")
        waiting = [asyncio.ensure_future(result_of(shared)) for _ in range(3)]
        await settled()
        works.may_end.set()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(error) for error in told] == ["broken"] * 3
        works.fault = None
        assert await result_of(shared) == 2

    in_a_loop(test)


def test_fault_of_a_new_result_leaves_the_stale_one() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        works.may_end.set()
        await shared.result()
        works.time, works.fault = 6, OSError("broken")
        assert await result_of(shared) == 1
        await settled()
        assert await result_of(shared) == 1

    in_a_loop(test)


def test_work_that_nobody_waits_for_is_cancelled() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        waiting = [asyncio.ensure_future(result_of(shared)) for _ in range(2)]
        await settled()
        waiting[0].cancel()
        await settled()
        assert works.cancelled == 0
        waiting[1].cancel()
        await settled()
        assert works.cancelled == 1
        works.may_end.set()
        assert await result_of(shared) == 2

    in_a_loop(test)


def test_who_comes_while_work_is_cancelled_gets_a_run_of_its_own() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        first = asyncio.ensure_future(result_of(shared))
        await settled()
        first.cancel()
        await asyncio.sleep(0)
        works.may_end.set()
        assert await result_of(shared) == 2

    in_a_loop(test)


def test_close_ends_what_runs() -> None:
    async def test(works: Works) -> None:
        shared = works.shared()
        waiting: Awaitable[int] = asyncio.ensure_future(result_of(shared))
        await settled()
        await shared.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert works.cancelled == 1

    in_a_loop(test)

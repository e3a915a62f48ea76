"""Work is done once for all who wait, kept a while, and ends when nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from tests.unit.aggregator.held_work import HeldWork, settled

from costwire_aggregator import shared_work
from costwire_aggregator.shared_work import KeyedWork, SharedWork


class Works(HeldWork):
    """Each run gives its number."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    async def __call__(self) -> int:
        number = self.begun + 1
        await self.until_it_may_end()
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


def test_close_waits_no_longer_than_it_has_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_work, "_ENDING_SECONDS", 0.05)

    async def test(works: Works) -> None:
        may_end = asyncio.Event()

        async def stubborn() -> int:
            while not may_end.is_set():
                try:
                    await may_end.wait()
                except asyncio.CancelledError:
                    continue
            return 1

        shared = SharedWork(stubborn, fresh_seconds=5, stale_seconds=30)
        waiting = asyncio.ensure_future(result_of(shared))
        await settled()
        await shared.close()
        assert not waiting.done()
        may_end.set()
        assert await waiting == 1

    in_a_loop(test)


def test_result_is_never_older_than_it_may_be_fresh_or_stale() -> None:
    async def test(works: Works) -> None:
        shared = SharedWork(works, fresh_seconds=5, stale_seconds=0, clock=lambda: works.time)
        works.may_end.set()
        told = []
        for works.time in (0.0, 4.9, 5.0, 9.9, 10.0):
            made = await shared.result()
            told.append((made.result, made.at))
        assert told == [(1, 0.0), (1, 0.0), (2, 5.0), (2, 5.0), (3, 10.0)]

    in_a_loop(test)


# With keys.


class Desk:
    """Work for each key, as far as it may end; counts its runs."""

    def __init__(self, *, most: int = 2) -> None:
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.faulty: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}
        self.time = 0.0
        self.keyed: KeyedWork[str, str] = KeyedWork(
            self.work, most=most, fresh_seconds=5, stale_seconds=30, clock=lambda: self.time
        )

    async def work(self, key: str) -> str:
        self.begun.append(key)
        try:
            if key in self.held:
                await self.held[key].wait()
            if key in self.faulty:
                raise OSError(f"{key} is broken")
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        return f"{key}{self.begun.count(key)}"

    async def results(self, keys: str) -> list[str]:
        return [(await self.keyed.result(key)).result for key in keys]

    def started(self, key: str) -> asyncio.Future[list[str]]:
        return asyncio.ensure_future(self.results(key))


def at_a_desk(test: Callable[[Desk], Coroutine[Any, Any, None]], *, most: int = 2) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await test(Desk(most=most))

    asyncio.run(run())


def test_results_of_the_keys_asked_for_last_are_kept() -> None:
    async def test(desk: Desk) -> None:
        assert await desk.results("abab") == ["a1", "b1", "a1", "b1"]
        assert await desk.results("ac") == ["a1", "c1"]
        assert await desk.results("ac") == ["a1", "c1"], "b was asked for longest ago"
        assert await desk.results("b") == ["b2"]
        assert await desk.results("c") == ["c1"], "a was asked for longest ago"

    at_a_desk(test)


def test_all_who_wait_for_a_key_share_one_run() -> None:
    async def test(desk: Desk) -> None:
        desk.held["a"] = asyncio.Event()
        waiting = [desk.started("a") for _ in range(20)]
        other = desk.started("b")
        await settled()
        assert other.done(), "nobody waits for another key"
        desk.held["a"].set()
        assert await asyncio.gather(*waiting) == [["a1"]] * 20
        assert desk.begun == ["a", "b"]

    at_a_desk(test)


def test_what_runs_is_never_forgotten() -> None:
    async def test(desk: Desk) -> None:
        desk.held["a"] = asyncio.Event()
        first = desk.started("a")
        await settled()
        await desk.results("bcde")
        second = desk.started("a")
        await settled()
        desk.held["a"].set()
        assert (await first, await second) == (["a1"], ["a1"])
        assert desk.cancelled == []

    at_a_desk(test)


def kept(desk: Desk) -> int:
    """How many keys it still knows."""
    return len(desk.keyed._by_key)


def test_no_more_is_kept_than_may_be_however_many_ran_at_once() -> None:
    async def test(desk: Desk) -> None:
        desk.held = {key: asyncio.Event() for key in "abcdefgh"}
        waiting = [desk.started(key) for key in desk.held]
        await settled()
        assert kept(desk) == 8
        for event in desk.held.values():
            event.set()
        await asyncio.gather(*waiting)
        assert kept(desk) == 2

    at_a_desk(test)


def test_fault_is_told_to_all_who_wait_for_its_key_and_takes_no_place() -> None:
    async def test(desk: Desk) -> None:
        desk.faulty, desk.held["x"] = {"x", "y", "z"}, asyncio.Event()
        await desk.results("a")
        waiting = [desk.started("x") for _ in range(3)]
        await settled()
        desk.held["x"].set()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(error) for error in told] == ["x is broken"] * 3
        for key in "xyz":
            with pytest.raises(OSError, match="is broken"):
                await desk.results(key)
        assert kept(desk) == 1
        assert await desk.results("a") == ["a1"]
        desk.faulty.clear()
        assert await desk.results("x") == ["x3"]

    at_a_desk(test)


def test_key_that_nobody_waits_for_any_more_is_cancelled_and_forgotten() -> None:
    async def test(desk: Desk) -> None:
        desk.held["a"] = asyncio.Event()
        waiting = [desk.started("a") for _ in range(2)]
        await settled()
        waiting[0].cancel()
        await settled()
        assert desk.cancelled == []
        waiting[1].cancel()
        await settled()
        assert (desk.cancelled, kept(desk)) == (["a"], 0)
        desk.held["a"].set()
        assert await desk.results("a") == ["a2"]

    at_a_desk(test)


def test_stale_result_of_a_key_is_given_while_a_new_one_is_made() -> None:
    async def test(desk: Desk) -> None:
        await desk.results("ab")
        desk.time = 6
        assert await desk.results("a") == ["a1"]
        await settled()
        assert await desk.results("ab") == ["a2", "b1"]

    at_a_desk(test)


def test_close_ends_the_runs_of_all_keys() -> None:
    async def test(desk: Desk) -> None:
        desk.held = {key: asyncio.Event() for key in "abc"}
        waiting = [desk.started(key) for key in desk.held]
        await settled()
        await desk.keyed.close()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in told)
        assert desk.cancelled == ["a", "b", "c"]

    at_a_desk(test)

"""Work that many wait for and that is done once; its result is kept for a while.

A result that is fresh is given at once; one that is stale is given at once too, while a new one is
made; an older one is waited for. Work that nobody waits for any more is cancelled.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
_Clock = Callable[[], float]
_ENDING_SECONDS = 5.0
"""How long work may take to end once it is cancelled."""


@dataclass(frozen=True, slots=True)
class Made(Generic[Result]):
    """A result."""

    result: Result
    at: float
    """When it was made, by the clock."""


@dataclass(slots=True)
class _Run(Generic[Result]):
    task: asyncio.Task[Made[Result]]
    waiting: int = 0


class SharedWork(Generic[Result]):
    """One kind of work."""

    def __init__(
        self,
        work: Callable[[], Awaitable[Result]],
        *,
        fresh_seconds: float,
        stale_seconds: float,
        clock: _Clock = time.monotonic,
    ) -> None:
        """`stale_seconds`: how long after its making a result is given at all."""
        self._work = work
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = max(fresh_seconds, stale_seconds)
        self._clock = clock
        self._made: Made[Result] | None = None
        self._run: _Run[Result] | None = None

    async def result(self) -> Made[Result]:
        """The result; whatever the work raises, each that waits for it is told."""
        made = self._made
        age = math.inf if made is None else self._clock() - made.at
        if made is None or age >= self._stale_seconds:
            return await self._waited_for()
        if age >= self._fresh_seconds:
            self._started()
        return made

    @property
    def is_running(self) -> bool:
        """Whether a result is being made."""
        return self._run is not None

    @property
    def is_kept(self) -> bool:
        """Whether there is a result."""
        return self._made is not None

    async def close(self) -> None:
        """Cancel what runs."""
        if (run := self._run) is not None:
            run.task.cancel()
            await asyncio.wait([run.task], timeout=_ENDING_SECONDS)

    async def _waited_for(self) -> Made[Result]:
        run = self._started()
        run.waiting += 1
        try:
            return await asyncio.shield(run.task)
        finally:
            run.waiting -= 1
            if not run.waiting and not run.task.done():
                self._run = None
                run.task.cancel()

    def _started(self) -> _Run[Result]:
        if self._run is None:
            self._run = _Run(asyncio.ensure_future(self._made_anew()))
            self._run.task.add_done_callback(self._ended)
        return self._run

    async def _made_anew(self) -> Made[Result]:
        result = await self._work()
        self._made = Made(result, self._clock())
        return self._made

    def _ended(self, task: asyncio.Task[Made[Result]]) -> None:
        if self._run is not None and self._run.task is task:
            self._run = None
        if not task.cancelled():
            task.exception()  # those that wait are told; where nobody does, the next one asks anew


class KeyedWork(Generic[Key, Result]):
    """The same for work that has a key; the results of the keys asked for last are kept."""

    def __init__(
        self,
        work: Callable[[Key], Awaitable[Result]],
        *,
        most: int,
        fresh_seconds: float,
        stale_seconds: float,
        clock: _Clock = time.monotonic,
    ) -> None:
        """`most`: keys whose results are kept."""
        self._work = work
        self._most = most
        self._ages = {"fresh_seconds": fresh_seconds, "stale_seconds": stale_seconds}
        self._clock = clock
        self._by_key: OrderedDict[Key, SharedWork[Result]] = OrderedDict()

    async def result(self, key: Key) -> Made[Result]:
        """The result of a key."""
        shared = self._by_key.pop(key, None)
        if shared is None:
            shared = SharedWork(partial(self._work, key), clock=self._clock, **self._ages)
        self._forget(self._most - 1)
        self._by_key[key] = shared
        try:
            return await shared.result()
        finally:
            self._forget(self._most)

    async def close(self) -> None:
        """Cancel what runs."""
        for shared in [*self._by_key.values()]:
            await shared.close()

    def _forget(self, most: int) -> None:
        """What came to nothing, and beyond `most` keys the results asked for longest ago."""
        idle = [(key, shared) for key, shared in self._by_key.items() if not shared.is_running]
        for key, shared in idle:
            if not shared.is_kept or len(self._by_key) > most:
                del self._by_key[key]

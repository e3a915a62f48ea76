"""Work for a request ends when its client leaves, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message
from tests.unit.aggregator.held_work import settled

from costwire_aggregator.web import leaving
from costwire_aggregator.web.leaving import while_wanted


class Client:
    """Sends its request, and stays until it leaves."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.fault: Exception | None = None
        self.listeners = 0
        self._messages: list[Message] = [
            {"type": "http.request", "body": b"half", "more_body": True},
            {"type": "http.request", "body": b"of it"},
        ]

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        self.listeners += 1
        try:
            await self.leaves.wait()
        finally:
            self.listeners -= 1
        if self.fault is not None:
            raise self.fault
        return {"type": "http.disconnect"}

    def wants(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        request = Request({"type": "http", "method": "GET", "headers": []}, self.receive)
        return asyncio.ensure_future(while_wanted(request, work))


class Work:
    """Goes on until it may end, and says how it ended."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.may_be_cancelled = asyncio.Event()
        self.may_be_cancelled.set()
        self.ended = ""

    async def __call__(self) -> str:
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            await self.may_be_cancelled.wait()
            self.ended = "cancelled"
            raise
        self.ended = "done"
        return "result"


def with_a_client(test: Callable[[Client, Work], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await test(Client(), Work())
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not others, "nothing is left behind"

    asyncio.run(run())


def test_result_is_given_to_a_client_that_stays() -> None:
    async def test(client: Client, work: Work) -> None:
        asked = client.wants(work())
        await settled()
        assert client.listeners == 1, "its request is read to the end, and then its leaving waited"
        work.may_end.set()
        assert await asked == "result"
        await settled()
        assert client.listeners == 0

    with_a_client(test)


def test_work_is_cancelled_when_the_client_leaves() -> None:
    async def test(client: Client, work: Work) -> None:
        work.may_be_cancelled.clear()
        asked = client.wants(work())
        await settled()
        client.leaves.set()
        asyncio.get_running_loop().call_later(0.02, work.may_be_cancelled.set)
        with pytest.raises(ClientDisconnect):
            await asked
        assert work.ended == "cancelled", "it has ended before the request does"

    with_a_client(test)


def test_work_of_a_client_that_has_left_already_is_cancelled() -> None:
    async def test(client: Client, work: Work) -> None:
        client.leaves.set()
        with pytest.raises(ClientDisconnect):
            await client.wants(work())

    with_a_client(test)


def test_result_that_is_there_as_the_client_leaves_is_given() -> None:
    async def test(client: Client, work: Work) -> None:
        asked = client.wants(work())
        await settled()
        work.may_end.set()
        client.leaves.set()
        assert await asked == "result"

    with_a_client(test)


def test_fault_of_the_work_is_raised() -> None:
    async def test(client: Client, work: Work) -> None:
        async def broken() -> None:
            raise OSError("broken")

        with pytest.raises(OSError, match="broken"):
            await client.wants(broken())
        await settled()

    with_a_client(test)


def test_fault_in_listening_is_no_leaving() -> None:
    async def test(client: Client, work: Work) -> None:
        client.fault = RuntimeError("the server is confused")
        client.leaves.set()
        with pytest.raises(RuntimeError, match="confused"):
            await client.wants(work())
        assert work.ended in ("", "cancelled")

    with_a_client(test)


def test_work_ends_when_the_request_is_cancelled() -> None:
    async def test(client: Client, work: Work) -> None:
        asked = client.wants(work())
        await settled()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await settled()
        assert (work.ended, client.listeners) == ("cancelled", 0)

    with_a_client(test)


def test_work_that_will_not_end_is_waited_for_no_longer_than_it_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaving, "_ENDING_SECONDS", 0.05)

    async def test(client: Client, work: Work) -> None:
        work.may_be_cancelled.clear()
        asked = client.wants(work())
        await settled()
        client.leaves.set()
        with pytest.raises(ClientDisconnect):
            await asked
        assert work.ended == ""
        work.may_be_cancelled.set()
        await settled()
        assert work.ended == "cancelled"

    with_a_client(test)

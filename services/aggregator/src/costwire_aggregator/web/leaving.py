"""Work for one request, which ends when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")
_ENDING_SECONDS = 5.0
"""How long work may take to end once it is cancelled."""


async def while_wanted(request: Request, work: Awaitable[Result]) -> Result:
    """The work's result. Raises: `ClientDisconnect` once the client has left and the work ended."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        leaving.result()
        raise ClientDisconnect
    finally:
        leaving.cancel()
        if working.cancel():
            await asyncio.wait((working,), timeout=_ENDING_SECONDS)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

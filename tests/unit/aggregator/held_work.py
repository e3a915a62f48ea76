"""Work of which a test says when it ends, and how."""

from __future__ import annotations

import asyncio


class HeldWork:
    """Goes on until it may end, and counts how often it began, and was cancelled."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.fault: Exception | None = None
        """Is raised in the end."""
        self.may_end = asyncio.Event()

    async def until_it_may_end(self) -> None:
        """One run."""
        self.begun += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fault is not None:
            raise self.fault


async def settled() -> None:
    """Let all go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)

"""What the endpoints share: store, gathered uploads, settings and clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from starlette.requests import Request

from costwire_db_handler.audit import AuditLog
from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.gather import Gatherer
from costwire_db_handler.ledger import Clock
from costwire_db_handler.metrics import HandlerMetrics
from costwire_db_handler.retention import Retention
from costwire_db_handler.settings import Settings
from costwire_db_handler.signing_in import SigningIn
from costwire_db_handler.stores import Store

_AT_ONCE = 2
_WAIT_SECONDS = 45.0


class Turns:
    """Lets few large bodies be in memory at the same time; the others wait before they are read."""

    def __init__(self, at_once: int = _AT_ONCE, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._free = anyio.Semaphore(at_once)
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A turn; raises `StoreBusy` when none comes."""
        try:
            with anyio.fail_after(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise StoreBusy("read the body: others have been at it for too long") from None
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True)
class Handler:
    """A running database handler."""

    settings: Settings
    store: Store
    gatherer: Gatherer
    metrics: HandlerMetrics
    clock: Clock
    turns: Turns
    retention: Retention
    audit: AuditLog
    signing_in: SigningIn

    @asynccontextmanager
    async def taking_in(self) -> AsyncIterator[None]:
        """A turn to take a large body in, kept from memory by no statement of a user."""
        async with self.turns.one():
            with self.store.receiving():
                yield


def handler_of(request: Request) -> Handler:
    """The handler that a request is for; there once the lifespan has started."""
    handler: Handler = request.app.state.handler
    return handler

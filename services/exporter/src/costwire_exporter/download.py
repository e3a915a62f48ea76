"""Answers that stream a file of a delivery, which stays on disk until the last byte is sent."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

Blocks = Iterator[bytes]


class Download(StreamingResponse):
    """Blocks read in a thread, sent to a client that must take each one within a time."""

    def __init__(
        self,
        blocks: Callable[[], Blocks],
        pin: AbstractContextManager[Any],
        *,
        headers: Mapping[str, str],
        send_seconds: float,
    ) -> None:
        """`pin` is held until the answer has ended; `blocks` is called once, to begin it."""
        super().__init__(iter(()), headers=headers)
        self._blocks = blocks
        self._pin = pin
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._pin:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the blocks; a client that stands still is cut off."""
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await self._send(send, start)
        with closing(self._blocks()) as blocks:  # type: ignore[type-var]  # a generator
            while (block := await to_thread.run_sync(next, blocks, None)) is not None:
                body = {"type": "http.response.body", "body": block, "more_body": True}
                await self._send(send, body)
        await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, message: dict[str, Any]) -> None:
        try:
            with anyio.fail_after(self._send_seconds):
                await send(message)
        except TimeoutError:
            raise ClientDisconnect from None

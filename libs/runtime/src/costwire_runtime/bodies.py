"""Request bodies and work under a limit: of bytes, and of time."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.requests import Request

from costwire_runtime.problems import AnswerTimedOut, BadRequest, RequestTimedOut, TooLarge
from costwire_runtime.request_limits import BODY_BYTES_PER_SECOND, RequestLimits


async def read_body(request: Request, limit_bytes: int, advice: str = "") -> bytes:
    """The whole body; `TooLarge`, with an advice, once it is clear that it exceeds the limit."""
    chunks = [chunk async for chunk in body_chunks(request, limit_bytes, advice)]
    return b"".join(chunks)


async def body_chunks(request: Request, limit_bytes: int, advice: str = "") -> AsyncIterator[bytes]:
    """The body as it arrives, under a limit; the service's limits say how slowly it may come."""
    limits: RequestLimits = request.app.state.limits
    idle_seconds = limits.body_pause_seconds
    declared = request.headers.get("Content-Length", "0")
    if not declared.isdecimal():
        raise BadRequest(f"read the body: Content-Length {declared!r} is no number of bytes")
    if int(declared) > limit_bytes:
        raise _too_large(limit_bytes, advice)
    received, began = 0, time.monotonic()
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(idle_seconds):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise RequestTimedOut(
                f"read the body: nothing arrived for {idle_seconds:g} s after {received} bytes",
                headers={"Connection": "close"},
            ) from None
        if chunk is None:
            return
        received += len(chunk)
        if received > limit_bytes:
            raise _too_large(limit_bytes, advice)
        seconds = time.monotonic() - began
        if seconds > idle_seconds + received / BODY_BYTES_PER_SECOND:
            raise RequestTimedOut(
                f"read the body: {received} bytes in {seconds:.0f} s are too few",
                headers={"Connection": "close"},
            )
        if chunk:
            yield chunk


@asynccontextmanager
async def time_limit(seconds: float, act: str) -> AsyncIterator[None]:
    """Cancel what is awaited inside after `seconds`, and answer 504 naming the act."""
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise AnswerTimedOut(f"{act}: not finished after {seconds:g} s")


def _too_large(limit_bytes: int, advice: str) -> TooLarge:
    # The rest of the body is not read, so the connection can't carry another request.
    return TooLarge(
        f"read the body: it is larger than {limit_bytes} bytes{advice and f'; {advice}'}",
        headers={"Connection": "close"},
        limitBytes=limit_bytes,
    )

"""What all who ask by aiohttp share: bodies under a limit, errors in the words of all services."""

from __future__ import annotations

import aiohttp

from costwire_runtime.http_errors import HttpError, translated

_ERROR_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 18
FAULTS = (aiohttp.ClientError, OSError, ValueError)
"""What a request may raise, beside what its own code does."""


class BodyTooLarge(Exception):
    """An answer is larger than it may be."""


class Allowance:
    """How many bytes may be read, by all who share it."""

    def __init__(
        self, size: int, whose: str = "the answer is", *, of: Allowance | None = None
    ) -> None:
        """`size`: in bytes; `whose`: for the message, what is larger than that; `of`: what it is
        a part of.
        """
        self.size = self._left = size
        self._whose = whose
        self._of = of

    def take(self, size: int) -> None:
        """Before so many bytes are kept. Raises: `BodyTooLarge`."""
        if size > self._left:
            raise BodyTooLarge(f"{self._whose} larger than {self.size:,} bytes")
        if self._of is not None:
            self._of.take(size)
        self._left -= size

    def give_back(self, size: int) -> None:
        """What was taken, and is not kept."""
        self._left += size
        if self._of is not None:
            self._of.give_back(size)


async def read_body(response: aiohttp.ClientResponse, allowance: Allowance) -> bytes:
    """The body, unpacked; of an error's the beginning alone. Raises: `BodyTooLarge`."""
    chunks, taken = [], 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            if not response.ok and taken + len(chunk) > _ERROR_BYTES:
                break
            allowance.take(len(chunk))
            taken += len(chunk)
            chunks.append(chunk)
        return b"".join(chunks)
    except BaseException:
        allowance.give_back(taken)
        raise


def told(error: BaseException, act: str) -> HttpError:
    """The error of a request as one of ours, without the address that it went to."""
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return translated(ConnectionResetError(), act)
    if isinstance(error, aiohttp.ClientConnectorError):
        return translated(error.os_error, act)
    return translated(error, act)

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


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, unpacked; of an error's the beginning alone. Raises: `BodyTooLarge`."""
    most = limit if response.ok else _ERROR_BYTES
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        size += len(chunk)
        if size > most and response.ok:
            raise BodyTooLarge(f"the answer is larger than {limit:,} bytes")
        if size > most:
            break
        chunks.append(chunk)
    return b"".join(chunks)


def told(error: BaseException, act: str) -> HttpError:
    """The error of a request as one of ours, without the address that it went to."""
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return translated(ConnectionResetError(), act)
    if isinstance(error, aiohttp.ClientConnectorError):
        return translated(error.os_error, act)
    return translated(error, act)

"""Exceptions of aiohttp in the words that all services tell them with."""

from __future__ import annotations

import aiohttp

from costwire_runtime.http_errors import HttpError, translated

FAULTS = (aiohttp.ClientError, OSError, ValueError)
"""What a request may raise, beside what its own code does."""


def told(error: BaseException, act: str) -> HttpError:
    """The error of a request as one of ours, without the address that it went to."""
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return translated(ConnectionResetError(), act)
    if isinstance(error, aiohttp.ClientConnectorError):
        return translated(error.os_error, act)
    return translated(error, act)

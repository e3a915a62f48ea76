"""Answers that must get on: one that trickles ends as one that is silent does."""

import io
import socket
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import InvalidHeader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FLOOR_BYTES = 1 << 16


class TooSlow(TimeoutError):
    """Less than 64 KiB came within the time-out to read."""


class PacedResponse(HTTPResponse):
    """An answer of which at least 64 KiB come within the time-out to read, headers included.

    A time-out of the socket is one for each packet: a byte now and then would keep it for ever.
    """

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        seconds = sock.gettimeout()
        if seconds is not None:
            self.fp = io.BufferedReader(_PacedReads(self.fp.detach(), seconds))

    def begin(self) -> None:
        """Read the headers; urllib3 would refuse contradicting ones, but leave the answer open."""
        super().begin()
        if len(set(self.headers.get_all("Content-Length", ()))) > 1:
            self.close()
            raise InvalidHeader("Content-Length is told twice, with different values")


class _PacedReads(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, seconds: float) -> None:
        self._raw = raw
        self._seconds = seconds
        self._waited = 0.0
        self._came = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        """Only time that is spent waiting counts, so a slow caller is no slow server."""
        began = time.monotonic()
        count = self._raw.readinto(buffer)
        self._waited += time.monotonic() - began
        self._came += count or 0
        if self._came >= FLOOR_BYTES:
            self._waited, self._came = 0.0, 0
        elif count and self._waited > self._seconds:
            raise TooSlow(f"{self._came} bytes in {self._waited:.0f} seconds")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()

"""A way to a server that can be cut: connections through it end, and new ones are refused."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler
from urllib.parse import urlsplit

from tests.support.local_server import LocalServer


class Relay(LocalServer):
    """Passes bytes on between clients and the server of an address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.scheme = parts.scheme
        self.target = (parts.hostname or "", parts.port or 80)
        super().__init__(_Passing)

    def cut(self) -> None:
        """From here on nobody gets through."""
        self.stop()

    def mend(self) -> None:
        """Let clients through again, at the same address."""
        self.start_again()


class _Passing(BaseRequestHandler):
    def handle(self) -> None:
        target = self.server.owner.target  # type: ignore[attr-defined]
        with socket.create_connection(target) as server:
            pass_both_ways(self.request, server)


def pass_both_ways(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes on until one of the two ends."""
    back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
    back.start()
    _pass_on(client, server)
    back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


class FaultyRelay(LocalServer):
    """Passes bytes on, but breaks answers off in their middle, or lets them hang."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.scheme = parts.scheme
        self.target = (parts.hostname or "", parts.port or 80)
        self.faults = 0
        """How many answers were broken off or hang."""
        self._after_bytes = 0
        self._left = 0
        self._hangs = False
        self._lock = threading.Lock()
        self.released = threading.Event()
        super().__init__(_Faulty)

    def fail(self, times: int, *, after_bytes: int, hangs: bool = False) -> None:
        """So many connections fail after so many bytes of answers; they end, or hang."""
        with self._lock:
            self._left, self._after_bytes, self._hangs = times, after_bytes, hangs

    def stop(self) -> None:
        """End; what hangs is let go."""
        self.released.set()
        super().stop()

    def allowed(self, sent: int, coming: int) -> int | None:
        """How many of the coming bytes may pass before the fault; None when all may."""
        with self._lock:
            if not self._left or sent + coming <= self._after_bytes:
                return None
            self._left -= 1
            self.faults += 1
            return max(0, self._after_bytes - sent)

    @property
    def hangs(self) -> bool:
        """Whether a fault is silence instead of an end."""
        return self._hangs


class _Faulty(BaseRequestHandler):
    def handle(self) -> None:
        owner: FaultyRelay = self.server.owner  # type: ignore[attr-defined]
        with socket.create_connection(owner.target) as server:
            there = threading.Thread(target=_pass_on, args=(self.request, server), daemon=True)
            there.start()
            with suppress(OSError):
                _pass_back(server, self.request, owner)
            with suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)
            there.join()


def _pass_back(server: socket.socket, client: socket.socket, owner: FaultyRelay) -> None:
    sent = 0
    while chunk := server.recv(1 << 16):
        allowed = owner.allowed(sent, len(chunk))
        if allowed is not None:
            client.sendall(chunk[:allowed])
            if owner.hangs:
                owner.released.wait(60)
            return
        client.sendall(chunk)
        sent += len(chunk)

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
            back = threading.Thread(target=_pass_on, args=(server, self.request), daemon=True)
            back.start()
            _pass_on(self.request, server)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)

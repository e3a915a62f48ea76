"""A server on this machine for one test: it serves each connection in a thread, and can die."""

from __future__ import annotations

import socket
import struct
import threading
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Self


class LocalServer:
    """Listens from the start, serves within the block; handlers find it as `server.owner`."""

    scheme = "http"

    def __init__(self, handler: type[BaseRequestHandler], port: int = 0) -> None:
        self._server = _Server(self, handler, port)
        self.port = int(self._server.server_address[1])
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Die: connections end, later ones are refused."""
        if self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut_all()
            self._thread.join()
            self._thread = None

    def start_again(self) -> None:
        """Serve at the same address, after a stop."""
        self._server = _Server(self, self._server.RequestHandlerClass, self.port)
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: LocalServer, handler: type[BaseRequestHandler], port: int) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        for request in list(self._open):
            reset(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what the tests are about."""


def reset(connection: socket.socket) -> None:
    """End a connection at once, unsent bytes and all."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    except OSError:
        return

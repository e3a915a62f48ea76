"""The network transport of the HTTP client: requests' own, with patience for slow writes."""

from collections.abc import Mapping
from typing import Any

import requests
import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool

_PIECE_BYTES = 1 << 16


class _PatientWrites(HTTPConnection):
    """Writes in pieces, each with a time-out of its own.

    urllib3 leaves the time-out to connect on a new connection, and Python counts it for the whole
    of one write, so a large body would have to be taken within a few seconds.
    """

    write_seconds = 60.0

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self.write_seconds)

    def send(self, data: Any) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            super().send(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            super().send(view[start : start + _PIECE_BYTES])


class _PatientHttps(_PatientWrites, HTTPSConnection):
    """The same over TLS."""


class NetworkAdapter(requests.adapters.HTTPAdapter):
    """requests' adapter over connections that write patiently."""

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> ConnectionPool:
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        if isinstance(pool, HTTPSConnectionPool):
            pool.ConnectionCls = _PatientHttps
        elif isinstance(pool, HTTPConnectionPool):
            pool.ConnectionCls = _PatientWrites
        return pool

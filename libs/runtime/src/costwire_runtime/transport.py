"""The network transport: requests' own, with patience for slow writes and none for drips."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool

from costwire_runtime.metadata_addresses import is_metadata_host
from costwire_runtime.pace import PacedResponse

_PIECE_BYTES = 1 << 16


class MetadataRefused(OSError):
    """The server is at an address that hands out a machine's credentials."""

    def __init__(self) -> None:
        super().__init__(
            "it is at a link-local or metadata address, which is asked only where "
            "instance metadata is allowed"
        )


class _PatientWrites(HTTPConnection):
    """Writes in pieces, each with a time-out of its own.

    urllib3 leaves the time-out to connect on a new connection, and Python counts it for the whole
    of one write, so a large body would have to be taken within a few seconds.
    """

    write_seconds = 60.0
    response_class = PacedResponse

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


class _NotToMetadata(_PatientWrites):
    """Opens no connection to a metadata address, whatever names lead there."""

    def _new_conn(self) -> socket.socket:
        found: list[Any] = []
        with suppress(OSError):  # a name without address is told below
            found = socket.getaddrinfo(self._dns_host, self.port)
        for *_, address in found:
            _refuse_metadata(address[0])
        connection = super()._new_conn()
        try:  # a name can lead elsewhere by now
            _refuse_metadata(connection.getpeername()[0])
        except BaseException:
            connection.close()
            raise
        return connection


class _NotToMetadataHttps(_NotToMetadata, _PatientHttps):
    """The same over TLS."""


def _refuse_metadata(host: str) -> None:
    if is_metadata_host(host):
        raise MetadataRefused


class NetworkAdapter(requests.adapters.HTTPAdapter):
    """requests' adapter over connections that write patiently."""

    def __init__(self, *, metadata_allowed: bool = True) -> None:
        super().__init__()
        self._metadata_allowed = metadata_allowed

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        """Send; a proxy is asked for no metadata address either."""
        if not self._metadata_allowed:
            _refuse_metadata(urlsplit(request.url or "").hostname or "")
        return super().send(request, *args, **options)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> ConnectionPool:
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        if isinstance(pool, HTTPSConnectionPool):
            pool.ConnectionCls = _PatientHttps if self._metadata_allowed else _NotToMetadataHttps
        elif isinstance(pool, HTTPConnectionPool):
            pool.ConnectionCls = _PatientWrites if self._metadata_allowed else _NotToMetadata
        return pool

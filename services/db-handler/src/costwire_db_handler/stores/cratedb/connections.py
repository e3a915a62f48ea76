"""Connections to the nodes of a cluster: a pool for each caller, and one request over it.

CrateDB checks a password once per connection and keeps a session on it, so no connection ever
serves two callers.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import EmptyPoolError
from urllib3.exceptions import TimeoutError as LibraryTimeout
from urllib3.response import BaseHTTPResponse, HTTPResponse

from costwire_db_handler.errors import CannotOpen
from costwire_db_handler.stores.cratedb.nodes import Node
from costwire_runtime.http_errors import LIBRARY_ERRORS, Impossible, translated

_PIECE_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 18
_WRITE_SECONDS = 60.0


@dataclass(frozen=True)
class Clock:
    """Time and waiting, replaced in tests."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Credentials:
    """Name and password of a user of CrateDB."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ClusterOptions:
    """Where a cluster is, and how patiently it is spoken to."""

    urls: Sequence[str]
    """`http(s)://host:port` of each node."""
    ca_file: Path | None = None
    """Authorities for https, else the system's; certificate and host name are always verified."""
    connect_seconds: float = 5.0
    read_seconds: float = 120.0
    overload_seconds: float = 30.0
    """How long an overloaded or unreachable cluster is waited for."""
    callers: int = 32
    """Pools of how many callers are kept; the least recently used goes."""
    connections: int = 8
    """Of each pool, per node."""
    keep_seconds: float = 60.0
    """From a pool's making: a changed password works no longer than this."""
    max_answer_bytes: int = 256 * 1024 * 1024
    """Of one answer, inflated."""
    gzip_above_bytes: int | None = None
    """Larger requests are sent gzipped; None sends all as they are."""


class Unsent(Exception):
    """The request did not reach the node in full, so the statement was not run."""

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


class Lost(Exception):
    """The request was sent in full, and its answer did not arrive."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class TooMuch(Exception):
    """The answer is larger than is read."""


class NoneFree(Exception):
    """All connections of the caller's pool stayed in use."""


@dataclass(frozen=True)
class Reply:
    """An answer of a node, inflated."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_on_new_connection: bool = False

    @property
    def content_type(self) -> str:
        """Empty where there is none, as of a refused sign-in."""
        return self.headers.get("Content-Type", "")

    @property
    def is_refused_sign_in(self) -> bool:
        """CrateDB says so in plain text; its other refusals are JSON."""
        return self.status == 401 and "json" not in self.content_type

    @property
    def may_be_of_dropped_user(self) -> bool:
        """When the user of a connection is dropped, CrateDB answers on it as if it had a fault."""
        is_fault = self.status == 500 and "json" not in self.content_type
        return is_fault and not self.is_on_new_connection


class _Sending(threading.local):
    """What the request of this thread has come to."""

    whole = False
    connected = False
    seconds_left: Callable[[], float] = staticmethod(lambda: _WRITE_SECONDS)


_sending = _Sending()


class _Connection(HTTPConnection):
    """Notes whether a request was sent in full, and sends it in pieces.

    urllib3 leaves the time-out to connect on a new connection, and Python counts it for the whole
    of one write, so a large body would have to be taken within a few seconds.
    """

    def connect(self) -> None:
        super().connect()
        _sending.connected = True

    def request(self, *args: Any, **options: Any) -> None:
        super().request(*args, **options)
        _sending.whole = True

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            left = _sending.seconds_left()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(min(_WRITE_SECONDS, left))
            super().send(view[start : start + _PIECE_BYTES])

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        response = super().getresponse()
        is_json = "json" in response.headers.get("Content-Type", "")
        if response.status >= 400 and not is_json and self.sock is not None:
            # Nodes and proxies close after such answers without saying so, and the next request
            # would be lost. The answer keeps the socket open until it is read.
            self.sock.close()
            self.sock = None
        return response


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class CallerPool:
    """The connections of one caller to all nodes."""

    def __init__(self, credentials: Credentials, make: Callable[[Node], HTTPConnectionPool]):
        named = f"{credentials.name}:{credentials.password}".encode()
        self.authorization = "Basic " + base64.b64encode(named).decode("ascii")
        self.proven: set[str] = set()
        """Names of nodes that have let the caller in."""
        self.users = 0
        self._make = make
        self._pools: dict[str, HTTPConnectionPool] = {}
        self._lock = threading.Lock()

    @contextmanager
    def connections(self, node: Node, *, kept: bool = True) -> Iterator[HTTPConnectionPool]:
        """The connections to this node, or a new one for the block alone."""
        if kept:
            with self._lock:
                if node.name not in self._pools:
                    self._pools[node.name] = self._make(node)
            yield self._pools[node.name]
        else:
            with closing(self._make(node)) as passing:
                yield passing

    def close(self) -> None:
        """Close what is not in use; what is closes when it is given back."""
        for pool in self._pools.values():
            pool.close()


class CallerPools:
    """The pools of the latest callers, found by a keyed digest of their credentials."""

    def __init__(self, options: ClusterOptions, monotonic: Callable[[], float]) -> None:
        self._options = options
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._context = _tls_context(options)
        self._pools: OrderedDict[bytes, tuple[float, CallerPool]] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def lease(self, credentials: Credentials, purpose: str = "") -> Iterator[CallerPool]:
        """The caller's pool, open until the block ends; `purpose` keeps sessions apart."""
        pool = self._take(credentials, purpose)
        try:
            yield pool
        finally:
            self._give_back(pool)

    def forget(self, credentials: Credentials, purpose: str = "") -> None:
        """Let go of a caller's pool: the password is wrong, or no longer right."""
        with self._lock:
            self._let_go(self._digest(credentials, purpose))

    def forget_all(self) -> None:
        """Let go of all callers' pools."""
        with self._lock:
            for digest in list(self._pools):
                self._let_go(digest)

    def close(self) -> None:
        """Let go of all; nothing can be leased any more."""
        with self._lock:
            self._closed = True
        self.forget_all()

    def _take(self, credentials: Credentials, purpose: str) -> CallerPool:
        digest, now = self._digest(credentials, purpose), self._monotonic()
        with self._lock:
            if self._closed:
                raise Unsent("the connections are closed", hopeless=True)
            for old in [d for d, (until, _) in self._pools.items() if until <= now]:
                self._let_go(old)
            if digest not in self._pools:
                until = now + self._options.keep_seconds
                self._pools[digest] = (until, CallerPool(credentials, self._connect))
            self._pools.move_to_end(digest)
            pool = self._pools[digest][1]
            pool.users += 1
            while len(self._pools) > self._options.callers:
                self._let_go(next(iter(self._pools)))
            return pool

    def _give_back(self, pool: CallerPool) -> None:
        with self._lock:
            pool.users -= 1
            if pool.users == 0 and not any(kept is pool for _, kept in self._pools.values()):
                pool.close()

    def _let_go(self, digest: bytes) -> None:
        _, pool = self._pools.pop(digest, (0.0, None))
        if pool is not None and pool.users == 0:
            pool.close()

    def _connect(self, node: Node) -> HTTPConnectionPool:
        most = self._options.connections
        if node.tls:
            return _TlsPool(
                node.host,
                node.port,
                maxsize=most,
                block=True,
                ssl_context=self._context,
                cert_reqs="CERT_REQUIRED",
            )
        return _Pool(node.host, node.port, maxsize=most, block=True)

    def _digest(self, credentials: Credentials, purpose: str) -> bytes:
        digest = hmac.new(self._key, digestmod="sha256")
        for part in (purpose, credentials.name, credentials.password):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.digest()


def _tls_context(options: ClusterOptions) -> ssl.SSLContext:
    if options.ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=options.ca_file)
    except OSError as error:  # of which an SSLError is one
        reason = error.strerror or "it holds no certificate"
        raise CannotOpen(f"open the store: read {options.ca_file}: {reason}") from None


@dataclass(frozen=True)
class Request:
    """One request to a node."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    keep_connection: bool = True


@dataclass(frozen=True)
class Limits:
    """How long and how much of an answer is waited for."""

    connect_seconds: float
    read_seconds: float
    answer_bytes: int
    seconds_left: Callable[[], float]


def exchange(pool: HTTPConnectionPool, request: Request, limits: Limits) -> Reply:
    """Send a request once and read its answer.

    Raises: `Unsent`, `Lost`, `TooMuch`, `NoneFree`.
    """
    _sending.whole = _sending.connected = False
    _sending.seconds_left = limits.seconds_left
    try:
        response = pool.urlopen(
            request.method,
            request.target,
            body=request.body,
            headers=request.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(connect=limits.connect_seconds, read=limits.read_seconds),
            pool_timeout=limits.seconds_left(),  # type: ignore[arg-type]  # a float does
            preload_content=False,
        )
    except EmptyPoolError:
        raise NoneFree from None
    except LIBRARY_ERRORS as error:
        raise _failure(error) from None
    try:
        body = _read(response, limits)
    except LIBRARY_ERRORS as error:
        response.close()
        raise _failure(error) from None
    except TooMuch:
        response.close()
        raise
    finally:
        response.release_conn()
    return Reply(response.status, response.headers, body, _sending.connected)


def _read(response: BaseHTTPResponse, limits: Limits) -> bytes:
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > limits.answer_bytes:
            raise TooMuch
        if limits.seconds_left() <= 0:
            raise TimeoutError
    return bytes(body)


def _failure(error: Exception) -> Unsent | Lost:
    """What became of a request that broke; the libraries' texts are not repeated."""
    told = translated(error, "")
    reason = str(told).removeprefix(": ")
    if not _sending.whole:
        return Unsent(reason, hopeless=isinstance(told, Impossible))
    return Lost(reason, timed_out=isinstance(error, LibraryTimeout | TimeoutError))

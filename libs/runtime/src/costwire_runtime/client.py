"""The HTTP client of every service: time-outs, capped retries, one tree of errors."""

import io
import ipaddress
import json as json_codec
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import requests.adapters
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url

from costwire_runtime import metrics
from costwire_runtime.answer_bodies import iter_body
from costwire_runtime.http_errors import (
    LIBRARY_ERRORS,
    BrokenBody,
    HttpError,
    HttpFailure,
    Impossible,
    TooLarge,
    Unreachable,
    translated,
    without_credentials,
)
from costwire_runtime.retries import Backoff, retry_after_seconds
from costwire_runtime.session import GuardedSession
from costwire_runtime.transport import NetworkAdapter

__all__ = [
    "BrokenBody",
    "ClientTelemetry",
    "HttpClient",
    "HttpError",
    "HttpFailure",
    "Impossible",
    "TooLarge",
    "Unreachable",
    "iter_body",
]

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_MOST_BYTES = 128 << 20  # twice the largest result of /_sql
_PROBLEM_BYTES = 1 << 16
_USER_AGENT = f"costwire/{version('costwire-runtime')}"


Credentials = tuple[str, str]
"""User and password."""


class ClientTelemetry:
    """The metrics that a service's HTTP clients share; made once per app."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self.retries = metrics.HTTP_CLIENT_RETRIES.counter(service, registry)


@dataclass(frozen=True)
class Clock:
    """Time and waiting, replaced in tests."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], None] = time.sleep


class HttpClient:
    """Requests to one service, `service` being its name in messages.

    `timeout` is (to connect, between two reads) in seconds; `deadline_seconds` bounds a request
    with all its retries, and its body, which has at most `most_bytes`, unless that is streamed.
    `auth` that is a function is asked before each request, so that a password may change.
    `certificate` is ours, with its key.
    Redirects to other servers are followed where the client `may_leave`, without credentials; a
    server at a metadata address is asked unless `metadata_allowed` is false.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Credentials | Callable[[], Credentials | None] | None = None,
        timeout: tuple[float, float] = (5.0, 60.0),
        retries: int = 4,
        transport: requests.adapters.BaseAdapter | None = None,
        ca_file: Path | str | None = None,
        certificate: tuple[Path, Path] | None = None,
        may_leave: bool = False,
        metadata_allowed: bool = True,
        service: str = "service",
        deadline_seconds: float = 300.0,
        most_bytes: int = _MOST_BYTES,
        telemetry: ClientTelemetry | None = None,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.base_url = base_url
        self._service = service
        self._timeout = timeout
        self._retries = retries
        self._deadline_seconds = deadline_seconds
        self._most_bytes = most_bytes
        self._telemetry = telemetry
        self._backoff = backoff or Backoff()
        self._clock = clock or Clock()
        self._verify = _verification(ca_file)
        for file in (ca_file, *(certificate or ())):
            _require_readable(file)
        self._session = _session(
            self.base_url,
            auth,
            transport or NetworkAdapter(metadata_allowed=metadata_allowed),
            may_leave=may_leave,
        )
        if certificate is not None:
            self._session.cert = (str(certificate[0]), str(certificate[1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client can't be used any more."""
        self._session.close()

    def get(self, path: str = "", **options: Any) -> requests.Response:
        """GET; the options are those of `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str = "", **options: Any) -> requests.Response:
        """POST; the options are those of `request`."""
        return self.request("POST", path, **options)

    def delete(self, path: str = "", **options: Any) -> requests.Response:
        """DELETE; the options are those of `request`."""
        return self.request("DELETE", path, **options)

    def request(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: tuple[float, float] | float | None = None,
        retry: bool | None = None,
    ) -> requests.Response:
        """Send a request until it is answered, and read the answer unless it is streamed.

        Only idempotent methods are tried again, others with `retry=True`; a body that can't be
        sent twice (an iterator) never is. Raises `Unreachable` or `HttpFailure`.
        """
        url = f"{self.base_url.rstrip('/')}{path}" if path else self.base_url
        call = _Call(
            method=method.upper(),
            url=url,
            act=f"{method.upper()} {without_credentials(url)} ({self._service})",
            options={"params": params, "data": data, "json": json},
            headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip", **(headers or {})},
            stream=stream,
            timeout=_pair(timeout) if timeout is not None else self._timeout,
            deadline=self._clock.monotonic() + self._deadline_seconds,
        )
        wanted = method.upper() in _IDEMPOTENT if retry is None else retry
        retries = self._retries if wanted and _can_repeat(data) else 0
        tracer = trace.get_tracer("costwire_runtime")
        with tracer.start_as_current_span(call.method, kind=SpanKind.CLIENT) as span:
            span.set_attribute(metrics.SPAN_ATTRIBUTE_METHOD, call.method)
            span.set_attribute(metrics.SPAN_ATTRIBUTE_TARGET, self._service)
            propagate.inject(call.headers)
            try:
                response = self._send_until_answered(call, retries)
            except HttpError:
                span.set_status(StatusCode.ERROR)
                raise
            span.set_attribute(metrics.SPAN_ATTRIBUTE_STATUS, response.status_code)
            return response

    def _send_until_answered(self, call: "_Call", retries: int) -> requests.Response:
        start = _position(call.options["data"])
        for retry in range(retries + 1):
            try:
                return self._send(call)
            except HttpError as error:
                if not error.transient or retry == retries:
                    raise
                pause = self._backoff.pause(retry, error.retry_after_seconds)
                if self._clock.monotonic() + pause >= call.deadline:
                    raise
                self._count_retry(error)
                self._clock.sleep(pause)
                if start is not None:
                    call.options["data"].seek(start)
        raise AssertionError("the last try returns or raises")

    def _send(self, call: "_Call") -> requests.Response:
        left = max(0.001, call.deadline - self._clock.monotonic())
        connect, read = call.timeout
        try:
            response = self._session.request(
                call.method,
                call.url,
                headers=call.headers,
                timeout=(min(connect, left), min(read, left)),
                verify=self._verify,
                stream=True,
                **call.options,
            )
        except LIBRARY_ERRORS as error:
            raise translated(error, call.act) from error
        if response.status_code >= 400:
            raise self._failure(call, response)
        if not call.stream:
            self._read_whole(call, response)
        return response

    def _read_whole(self, call: "_Call", response: requests.Response) -> None:
        body = bytearray()
        # Not by `iter_content`, after which the response would hold its body for consumed.
        for chunk in iter_body(response):
            body += chunk
            if len(body) > self._most_bytes:
                raise TooLarge(f"{call.act}: the answer is larger than {self._most_bytes} bytes")
            if self._clock.monotonic() > call.deadline:
                raise BrokenBody(f"{call.act}: the answer wasn't complete in time")
        response.raw = io.BytesIO(body)

    def _failure(self, call: "_Call", response: requests.Response) -> HttpFailure:
        body = bytearray()
        try:
            for chunk in iter_body(response):
                body += chunk
                if len(body) > _PROBLEM_BYTES or self._clock.monotonic() > call.deadline:
                    break
        except BrokenBody:
            body.clear()
        return HttpFailure(
            call.act,
            response.status_code,
            _told_problem(response, bytes(body)),
            retry_after_seconds=retry_after_seconds(
                response.headers.get("Retry-After"), self._clock.now()
            ),
        )

    def _count_retry(self, error: HttpError) -> None:
        if self._telemetry is not None:
            reason = str(error.status) if isinstance(error, HttpFailure) else "unreachable"
            self._telemetry.retries.labels(self._service, reason).inc()


@dataclass
class _Call:
    method: str
    url: str
    act: str
    options: dict[str, Any]
    headers: dict[str, str]
    stream: bool
    timeout: tuple[float, float]
    deadline: float


def _session(
    base_url: str,
    auth: Credentials | Callable[[], Credentials | None] | None,
    transport: requests.adapters.BaseAdapter,
    *,
    may_leave: bool,
) -> requests.Session:
    session = GuardedSession(may_leave=may_leave)
    in_url = get_auth_from_url(base_url)
    given = auth or (in_url if any(in_url) else None)
    # A function also where there are none: else requests would send the credentials of ~/.netrc.
    session.auth = _asked(given if callable(given) else lambda: given)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A proxy can't reach this machine's loopback.
    session.trust_env = not _is_loopback(base_url)
    for scheme in ("http://", "https://"):
        session.mount(scheme, transport)
    return session


def _asked(
    auth: Callable[[], Credentials | None],
) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        credentials = auth()
        return request if credentials is None else HTTPBasicAuth(*credentials)(request)

    return sign


def _is_loopback(url: str) -> bool:
    host = ""
    try:
        host = urlsplit(url).hostname or ""
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _verification(ca_file: Path | str | None) -> str | bool:
    """What certificates are held against: our setting, the environment's, the usual authorities.

    It goes with each request, because requests would prefer the environment's to a session's.
    """
    from_environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return str(ca_file) if ca_file is not None else from_environment or True


def _require_readable(file: Path | str | None) -> None:
    try:
        if file is not None:
            Path(file).read_bytes()
    except OSError as error:
        raise Impossible(f"read {file}: {error.strerror}; it is to hold PEM") from error


def _pair(timeout: tuple[float, float] | float) -> tuple[float, float]:
    return timeout if isinstance(timeout, tuple) else (timeout, timeout)


def _can_repeat(data: Any) -> bool:
    if data is None or isinstance(data, bytes | bytearray | memoryview | str | Mapping | list):
        return True
    return _position(data) is not None


def _position(data: Any) -> int | None:
    """Where a seekable file stands, None for everything else."""
    if isinstance(data, io.IOBase) and data.seekable():
        return data.tell()
    return None


def _told_problem(response: requests.Response, body: bytes) -> dict[str, Any]:
    try:
        told = json_codec.loads(body)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told
    return {"title": response.reason or "", "detail": body[:200].decode("utf-8", "replace").strip()}

"""Reports behind http(s): conditional requests, spooled to a file before they are read."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import requests
from requests.adapters import BaseAdapter

from costwire_runtime.client import HttpClient, HttpError, HttpFailure, iter_body
from costwire_runtime.clocks import later_than, utc_now
from costwire_sources.errors import NotFound, SourceError, Unreachable, Unreadable
from costwire_sources.source import State

BLOCK_BYTES = 1 << 20
DEFAULT_LIMIT_BYTES = 64 << 30
_READ = "read"
_SETTLED_AFTER = timedelta(seconds=2)
_URI_SIGNS = "/:%[]@!$&'()*+,;="  # what an address may hold as it is
_ATTEMPTS = 3  # downloads that break off are begun anew this often
_UNPACKED_FREELY = 16 << 20
_MOST_UNPACKED = 200  # bytes for each byte on the wire; reports give 10 to 40
_WEB_PAGES = (b"<!doctype", b"<html")


@dataclass(frozen=True)
class Patience:
    """How long the server may take to connect, and for each 64 KiB; how often it is asked again."""

    connect_seconds: float = 5.0
    read_seconds: float = 60.0
    retries: int = 4


@dataclass(frozen=True)
class SpooledPart:
    """What a server sent, complete, in a temporary file."""

    name: str
    path: Path
    size: int
    uri: str
    rows: int | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes."""
        with self.path.open("rb") as stream:
            yield stream

    def verify(self) -> None:
        """The file belongs to this process; nobody rewrites it."""


class HttpReading:
    """One answer of the server; leaving it removes the temporary file."""

    months: tuple[str, ...] = ()

    def __init__(self, name: str, state: State, generation: datetime, part: SpooledPart) -> None:
        self.name = name
        self.state = state
        self.generation = generation
        self.parts = (part,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.parts[0].path.unlink(missing_ok=True)


class HttpSource:
    """One URL; unchanged means 304, or the same bytes where the server knows no validators."""

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        transport: BaseAdapter | None = None,
        spool_folder: Path | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        patience: Patience | None = None,
        metadata_allowed: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise Unreadable("open a source: the URL names no host; write https://host/path")
        host = parts.netloc.rpartition("@")[2]
        shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
        self._uri = quote(shown, safe=_URI_SIGNS)
        self.name = name or shown
        self._base = f"{parts.scheme}://{host}"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._file = unquote(PurePosixPath(parts.path).name) or parts.hostname
        self._auth = _credentials(parts.username, parts.password)
        self._transport = transport
        self._spool_folder = spool_folder
        self._limit = limit_bytes
        self._patience = patience or Patience()
        self._metadata_allowed = metadata_allowed
        self._clock = clock

    def poll(self, previous: State | None) -> HttpReading | None:
        """Ask for what changed since `previous`, and download it."""
        known: Mapping[str, Any] = json.loads(previous) if previous else {}
        with HttpClient(
            self._base,
            auth=self._auth,
            transport=self._transport,
            service="the report's server",
            timeout=(self._patience.connect_seconds, self._patience.read_seconds),
            retries=self._patience.retries,
            may_leave=True,
            metadata_allowed=self._metadata_allowed,
        ) as client:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    return self._fetch(client, known)
                except Unreachable:
                    if attempt == _ATTEMPTS:
                        raise
        raise AssertionError("the loop returns or raises")

    def _fetch(self, client: HttpClient, known: Mapping[str, Any]) -> HttpReading | None:
        try:
            response = client.get(self._path, headers=_conditions(known), stream=True)
        except HttpFailure as failure:
            raise self._refused(failure) from failure
        except HttpError as error:
            raise (Unreachable if error.transient else Unreadable)(str(error)) from error
        with response:
            if response.status_code == requests.codes.not_modified:
                return None
            if response.status_code != requests.codes.ok:
                raise Unreachable(
                    f"read {self.name}: the server answered {response.status_code}, which is no "
                    "report yet; it is asked again at the next poll"
                )
            part, digest = self._spool(response)
        headers = response.headers
        etag, modified = headers.get("ETag"), headers.get("Last-Modified")
        settled = modified if _is_settled(modified, headers.get("Date")) else None
        seen = {"etag": etag, "lastModified": settled, "sha256": digest}
        before = known.get(_READ)
        if seen == {name: known[name] for name in known if name != _READ}:
            part.path.unlink()
            return None
        generation = _instant(modified)
        if generation is None:  # then the order of readings is all that is known
            last = datetime.fromisoformat(before) if before else None
            generation = later_than(last, self._clock())
            seen[_READ] = generation.isoformat()
        return HttpReading(self.name, State(json.dumps(seen)), generation, part)

    def _spool(self, response: requests.Response) -> tuple[SpooledPart, str]:
        self._check_size(response.raw.length_remaining or 0)
        digest, size = hashlib.sha256(), 0
        handle, path = tempfile.mkstemp(prefix="costwire-", dir=self._spool_folder)
        try:
            with os.fdopen(handle, "wb") as spool:
                for block in self._blocks(response):
                    if not size:
                        self._check_beginning(block)
                    size += len(block)
                    self._check_size(size)
                    self._check_unpacked(size, response.raw.tell())
                    digest.update(block)
                    spool.write(block)
        except BaseException:
            Path(path).unlink()
            raise
        return SpooledPart(self._file, Path(path), size, self._uri), digest.hexdigest()

    def _blocks(self, response: requests.Response) -> Iterator[bytes]:
        """The body as stored: gzip as a transfer coding is undone, a `.gz` file stays one."""
        stored = self._file.lower().endswith((".gz", ".gzip", ".zst", ".zstd"))
        try:
            yield from iter_body(response, BLOCK_BYTES, decode=not stored)
        except HttpError as error:
            if not error.transient:
                raise Unreadable(str(error)) from error
            expected = response.headers.get("Content-Length", "an unknown number of")
            reason = str(error).rpartition(": ")[2]
            raise Unreachable(
                f"read {self.name}: the answer broke off after {response.raw.tell()} of {expected} "
                f"bytes ({reason}); it is asked for again at the next poll"
            ) from error

    def _check_beginning(self, block: bytes) -> None:
        if block[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB_PAGES):
            raise Unreachable(
                f"read {self.name}: a web page came instead of the report, such as a proxy's "
                "sign-in page; open the URL from this machine to see it. It is asked again at the "
                "next poll"
            )

    def _check_unpacked(self, size: int, received: int) -> None:
        if size > max(_UNPACKED_FREELY, _MOST_UNPACKED * received):
            raise Unreadable(
                f"read {self.name}: the answer unpacks to more than {_MOST_UNPACKED} times its "
                "size, as no report does; offer the report without Content-Encoding"
            )

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise Unreadable(
                f"read {self.name}: the report is larger than the limit of {self._limit} bytes; "
                "raise the limit, or offer the report in parts"
            )

    def _refused(self, failure: HttpFailure) -> SourceError:
        said = f"read {self.name}: the server answered {failure.status}"
        if failure.transient:
            busy = Unreachable(f"{said}; it is asked again at the next poll")
            busy.retry_after_seconds = failure.retry_after_seconds
            return busy
        if failure.status in (requests.codes.not_found, requests.codes.gone):
            return NotFound(f"{said}, so nothing is there; check the URL")
        if failure.status in (requests.codes.unauthorized, requests.codes.forbidden):
            return Unreadable(
                f"{said}; give credentials that may read it, as https://user:password@host/path"
            )
        return Unreadable(f"{said}; open the URL in a browser to see what it wants")


def _credentials(user: str | None, password: str | None) -> tuple[str, str] | None:
    if user is None and password is None:
        return None
    return unquote(user or ""), unquote(password or "")


def _conditions(known: Mapping[str, Any]) -> dict[str, str]:
    headers = {"Accept": "text/csv, application/vnd.apache.parquet, */*;q=0.5"}
    if etag := known.get("etag"):
        headers["If-None-Match"] = etag
    elif modified := known.get("lastModified"):
        headers["If-Modified-Since"] = modified
    return headers


def _is_settled(modified: str | None, answered: str | None) -> bool:
    """Whether any later change would show: the time is told in whole seconds.

    Source: RFC 9110, 8.8.2.2.
    """
    changed, at = _instant(modified), _instant(answered)
    return changed is not None and at is not None and at - changed > _SETTLED_AFTER


def _instant(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        moment = parsedate_to_datetime(header)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

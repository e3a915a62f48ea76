"""Reports behind http(s): conditional requests, spooled to a file before they are read."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from requests.adapters import BaseAdapter

from costwire_runtime.client import HttpClient, HttpError, HttpFailure, iter_body
from costwire_runtime.http_errors import LIBRARY_ERRORS
from costwire_sources.errors import NotFound, SourceError, Unreachable, Unreadable
from costwire_sources.source import State

BLOCK_BYTES = 1 << 20
DEFAULT_LIMIT_BYTES = 64 << 30
_ATTEMPTS = 3  # downloads that break off are begun anew this often


@dataclass(frozen=True)
class SpooledPart:
    """What a server sent, complete, in a temporary file."""

    name: str
    path: Path
    size: int
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
        metadata_allowed: bool = False,
    ) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise Unreadable("open a source: the URL names no host; write https://host/path")
        host = parts.netloc.rpartition("@")[2]
        self.name = name or urlunsplit((parts.scheme, host, parts.path, "", ""))
        self._base = f"{parts.scheme}://{host}"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._file = unquote(PurePosixPath(parts.path).name) or parts.hostname
        self._auth = _credentials(parts.username, parts.password)
        self._transport = transport
        self._spool_folder = spool_folder
        self._limit = limit_bytes
        self._metadata_allowed = metadata_allowed

    def poll(self, previous: State | None) -> HttpReading | None:
        """Ask for what changed since `previous`, and download it."""
        known: Mapping[str, Any] = json.loads(previous) if previous else {}
        with HttpClient(
            self._base,
            auth=self._auth,
            transport=self._transport,
            service="the report's server",
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
        seen = {"etag": etag, "lastModified": modified, "sha256": digest}
        if seen == known:
            part.path.unlink()
            return None
        generation = _instant(modified) or datetime.now(UTC)
        return HttpReading(self.name, State(json.dumps(seen)), generation, part)

    def _spool(self, response: requests.Response) -> tuple[SpooledPart, str]:
        self._check_size(int(response.headers.get("Content-Length") or 0))
        digest, size = hashlib.sha256(), 0
        handle, path = tempfile.mkstemp(prefix="costwire-", dir=self._spool_folder)
        try:
            with os.fdopen(handle, "wb") as spool:
                for block in self._blocks(response):
                    size += len(block)
                    self._check_size(size)
                    digest.update(block)
                    spool.write(block)
        except BaseException:
            Path(path).unlink()
            raise
        return SpooledPart(self._file, Path(path), size), digest.hexdigest()

    def _blocks(self, response: requests.Response) -> Iterator[bytes]:
        """The body as stored: gzip as a transfer coding is undone, a `.gz` file stays one."""
        stored = self._file.lower().endswith((".gz", ".gzip", ".zst", ".zstd"))
        try:
            if stored:
                yield from response.raw.stream(BLOCK_BYTES, decode_content=False)
            else:
                yield from iter_body(response, BLOCK_BYTES)
        except (HttpError, *LIBRARY_ERRORS) as error:
            raise self._broken_off(response) from error
        expected = response.headers.get("Content-Length")
        if expected is not None and int(expected) != response.raw.tell():
            raise self._broken_off(response)

    def _broken_off(self, response: requests.Response) -> Unreachable:
        expected = response.headers.get("Content-Length", "an unknown number of")
        return Unreachable(
            f"read {self.name}: the answer broke off after {response.raw.tell()} of {expected} "
            "bytes; it is asked for again at the next poll"
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
            return Unreachable(f"{said}; it is asked again at the next poll")
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


def _instant(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return None

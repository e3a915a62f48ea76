"""Asks an exporter for its delivery, exposition and quarantine; knows nothing of the handler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from pydantic import ValidationError

from costwire_focus.manifest import ChangeKind, Manifest
from costwire_runtime.client import HttpClient, HttpError, HttpFailure, iter_body
from costwire_scraper.decompress import ACCEPTED, bounded, decoded
from costwire_scraper.errors import (
    BrokenExposition,
    DeliveryReplaced,
    ExporterReading,
    ExporterRefused,
    ExporterSilent,
    ScraperError,
)

CHUNK_BYTES = 256 * 1024
_NOT_FOUND = 404
_WAITING = {"Prefer": "wait=5"}
"""Our exporter answers as soon as its first report is read, or after so many seconds."""
_PRECONDITION_FAILED = 412


class ExporterClient:
    """The three answers of an exporter, their failures told as the scraper's own errors."""

    def __init__(self, http: HttpClient) -> None:
        """`http`: a client whose base address is the exporter's."""
        self._http = http

    def delivery(self) -> Manifest | None:
        """The manifest of what is served; None where the exporter knows no deliveries."""
        try:
            with self._http.get("/delivery", headers=_WAITING, retry=False) as response:
                return Manifest.model_validate_json(response.content)
        except HttpError as error:
            if isinstance(error, HttpFailure) and error.status == _NOT_FOUND:
                return None
            if isinstance(error, HttpFailure) and _is_reading(error.problem):
                raise ExporterReading("read delivery: the first report is being read") from error
            raise _told("read delivery", error) from error
        except ValidationError as error:
            raise ExporterRefused(
                f"read delivery: the answer is no manifest of a delivery ({error.error_count()} "
                "faults); is this the address of a Costwire exporter of a matching version?"
            ) from error

    @contextmanager
    def exposition(self, delivery_id: str | None = None) -> Iterator[Iterator[bytes]]:
        """The text of a delivery in pieces, its content encoding undone; None: what is served.

        Without a manifest nobody knows its size: one that unpacks beyond all measure is refused.
        """
        params = {"delivery": delivery_id} if delivery_id else None
        with self._stream("read exposition", "/metrics", params, ACCEPTED) as response:
            encoding = response.headers.get("Content-Encoding", "")
            undone = decoded if delivery_id else bounded
            yield _no_web_page(undone(_chunks("read exposition", response), encoding))

    @contextmanager
    def changes(self, delivery_id: str, kind: ChangeKind) -> Iterator[Iterator[bytes]]:
        """The text of what a delivery added or removed, in pieces."""
        act, params = f"read what was {kind}", {"delivery": delivery_id}
        with self._stream(act, f"/changes/{kind}", params, ACCEPTED) as response:
            encoding = response.headers.get("Content-Encoding", "")
            yield _no_web_page(decoded(_chunks(act, response), encoding))

    @contextmanager
    def quarantine(self, delivery_id: str) -> Iterator[Iterator[bytes]]:
        """The quarantined rows of a delivery as NDJSON, in pieces."""
        params = {"delivery": delivery_id}
        with self._stream("read quarantine", "/quarantine", params, "identity") as response:
            yield _chunks("read quarantine", response)

    @contextmanager
    def _stream(
        self, act: str, path: str, params: dict[str, str] | None, encodings: str
    ) -> Iterator[requests.Response]:
        headers = {"Accept-Encoding": encodings, "Accept": "text/plain;version=0.0.4,*/*;q=0.5"}
        try:
            response = self._http.get(path, params=params, headers=headers, stream=True)
        except HttpError as error:
            raise _told(act, error) from error
        with response:
            yield response


def _chunks(act: str, response: requests.Response) -> Iterator[bytes]:
    """The body as it travels: its content encoding is undone by us, whatever requests could do."""
    try:
        yield from iter_body(response, CHUNK_BYTES, decode=False)
    except HttpError as error:
        raise BrokenExposition(f"{act}: {error}") from error


def _no_web_page(text: Iterator[bytes]) -> Iterator[bytes]:
    first = next(text, b"")
    if first[:64].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise ExporterSilent(
            "read exposition: a web page came instead; does a proxy answer for the exporter? "
            "Open its /metrics from this machine to see"
        )
    yield first
    yield from text


def _is_reading(problem: Mapping[str, Any]) -> bool:
    standing = problem.get("exporter")
    return isinstance(standing, Mapping) and not standing.get("lastFailure")


def _told(act: str, error: HttpError) -> ScraperError:
    if isinstance(error, HttpFailure) and error.status == _PRECONDITION_FAILED:
        return DeliveryReplaced(f"{act}: the exporter serves another delivery by now")
    kind = ExporterSilent if error.transient else ExporterRefused
    return kind(f"{act}: {error}", retry_after_seconds=error.retry_after_seconds or 0.0)

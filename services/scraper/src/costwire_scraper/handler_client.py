"""Speaks to the database handler: opens deliveries, posts their parts, commits or aborts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, TypeVar

import pyarrow as pa
import requests

from costwire_focus.manifest import ChangeKind, Manifest
from costwire_runtime.client import HttpClient, HttpError, HttpFailure
from costwire_scraper.errors import (
    HandlerRefused,
    HandlerSilent,
    PartsConflict,
    ScraperError,
)
from costwire_scraper.outcome import Entry

ARROW_STREAM = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
COMMIT_SECONDS = 900.0
"""A commit of ten million charges takes minutes; the answer comes when it is done."""

_NO_HANDLER = (
    "the answer is not a database handler's; is this its address, or does a proxy answer for it?"
)
_NO_CONTENT = 204
_CONFLICT = 409
_GONE = frozenset({404, 410})
_UNKNOWN_DELIVERY = "urn:costwire:problem:unknown-delivery"
_WHOLE_WANTED = "urn:costwire:problem:changes-do-not-apply"
_UNPROCESSABLE = 422
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Opened:
    """The handler's answer to a manifest: the ledger's entry and the parts it has already."""

    entry: Entry
    staged: frozenset[int]
    takes_changes: bool = False
    """Whether it may be sent what the delivery changes, instead of the whole."""

    @property
    def wants_parts(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.entry["state"] == "open")


class CountsDiffer(HandlerRefused):
    """The handler's own count of the parts is not what the manifest promises."""


class NoHandler(HandlerRefused):
    """Something else than a database handler answered."""


class WholeWanted(PartsConflict):
    """The handler cannot settle a delivery by its changes."""


class HandlerClient:
    """Deliveries of the database handler, their failures told as the scraper's own errors."""

    def __init__(self, http: HttpClient) -> None:
        """`http`: a client whose base address is the handler's, signed in as a writer."""
        self._http = http

    def open(self, manifest: Manifest, *, dry_run: bool = False) -> Opened:
        """Announce a delivery; announcing it again finds the same open one."""
        body = manifest.to_json()

        def send() -> Opened:
            with self._http.post(
                "/deliveries",
                params=_dry(dry_run),
                data=body,
                headers={"Content-Type": "application/json"},
                retry=True,
            ) as response:
                answer = _document(response, "entry")
                return Opened(
                    answer["entry"],
                    frozenset(answer.get("parts") or ()),
                    takes_changes=answer.get("changes") is True,
                )

        return _told("open delivery", send)

    def has(self, entry: Entry) -> bool:
        """Whether the ledger still has this entry: its store may have been put back to a copy.

        Where the handler does not say, it has it: what was settled is in no doubt because of that.
        """
        try:
            with self._http.get(f"/deliveries/{entry['commit']}", retry=False) as response:
                # A store that was put back gives its numbers anew.
                return _identity(_document(response, "id")) == _identity(entry)
        except HttpFailure as error:
            return error.problem.get("type") != _UNKNOWN_DELIVERY
        except (HttpError, LookupError, TypeError, ValueError):
            return True

    def post_part(self, commit: str, seq: int, body: bytes, kind: ChangeKind | None = None) -> None:
        """Stage one block of charges, or of those a delivery changes; repeating it is harmless."""
        self._post(
            f"post part {seq} of what was {kind}" if kind else f"post part {seq}",
            f"/deliveries/{commit}/changes/{kind}" if kind else f"/deliveries/{commit}/parts",
            {"seq": str(seq)},
            body,
            ARROW_STREAM,
        )

    def post_quarantine(self, commit: str, rows: IO[bytes]) -> None:
        """Hand over the quarantined rows; they replace what was sent before."""
        self._post("post quarantine", f"/deliveries/{commit}/quarantine", None, rows, NDJSON)

    def commit_changes(self, commit: str) -> Entry:
        """Make a delivery visible by what it changes; raises `WholeWanted`."""
        return self._commit(commit, {"changes": "true"})

    def commit(self, commit: str, *, dry_run: bool = False) -> Entry:
        """Make a delivery visible as a whole; a repeated commit answers the same entry."""
        return self._commit(commit, _dry(dry_run))

    def _commit(self, commit: str, params: dict[str, str] | None) -> Entry:
        def send() -> Entry:
            with self._http.post(
                f"/deliveries/{commit}/commit",
                params=params,
                timeout=(5.0, COMMIT_SECONDS),
                retry=True,
            ) as response:
                return _document(response, "state")

        try:
            return _told("commit delivery", send)
        except NoHandler as error:  # it was one when the delivery was opened
            raise HandlerSilent(str(error)) from error

    def abort(self, commit: str) -> None:
        """Throw an open delivery away; one that is gone already is no failure."""
        try:
            self._http.delete(f"/deliveries/{commit}").close()
        except HttpError as error:
            if not (isinstance(error, HttpFailure) and error.status in _GONE | {_CONFLICT}):
                raise HandlerSilent(f"abort delivery: {error}") from error

    def _post(
        self,
        act: str,
        path: str,
        params: dict[str, str] | None,
        body: bytes | IO[bytes],
        content_type: str,
    ) -> None:
        def send() -> None:
            with self._http.post(
                path,
                params=params,
                data=body,
                headers={"Content-Type": content_type},
                retry=isinstance(body, bytes),
            ) as response:
                if response.status_code != _NO_CONTENT:
                    raise HandlerSilent(f"{act}: {_NO_HANDLER}")

        _told(act, send)


def part_body(charges: pa.Table) -> bytes:
    """A block of charges as an Arrow IPC stream; the same charges give the same bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, charges.schema) as writer:
        writer.write_table(charges)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _identity(entry: Entry) -> tuple[object, object]:
    """What no other delivery has, whatever its number."""
    return entry["id"], entry["times"]["opened"]


def _dry(dry_run: bool) -> dict[str, str] | None:
    return {"dryRun": "true"} if dry_run else None


def _told(act: str, send: Callable[[], _Answer]) -> _Answer:
    """Run a request; its failures become the scraper's own errors."""
    try:
        return send()
    except HttpError as error:
        raise _translated(act, error) from error
    except ValueError as error:
        raise NoHandler(f"{act}: {_NO_HANDLER}") from error


def _document(response: requests.Response, member: str) -> dict[str, Any]:
    """The JSON object of an answer; raises `ValueError` where it is none, or lacks the member."""
    answer = response.json()
    if not isinstance(answer, dict) or member not in answer:
        raise ValueError(f"the answer has no {member}")
    return answer


def _translated(act: str, error: HttpError) -> ScraperError:
    status = error.status if isinstance(error, HttpFailure) else None
    if isinstance(error, HttpFailure) and error.problem.get("type") == _WHOLE_WANTED:
        return WholeWanted(f"{act}: {error}")
    if status == _CONFLICT or status in _GONE:
        return PartsConflict(f"{act}: {error}")
    if status == _UNPROCESSABLE:
        return CountsDiffer(f"{act}: {error}")
    kind = HandlerSilent if error.transient else HandlerRefused
    return kind(f"{act}: {error}", retry_after_seconds=error.retry_after_seconds or 0.0)

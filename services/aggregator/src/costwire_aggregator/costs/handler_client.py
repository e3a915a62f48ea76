"""Asks the database handler for the bill of a month: the only one here that opens connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
from opentelemetry import propagate
from yarl import URL

from costwire_aggregator.costs.bill import BillInParts, Page, read_page
from costwire_aggregator.costs.errors import (
    BillTooLarge,
    CostsError,
    HandlerLate,
    HandlerRefused,
    HandlerSilent,
)
from costwire_aggregator.costs.model import Bill, Period
from costwire_aggregator.costs.questions import (
    COLUMNS,
    RESOURCE,
    TAGS,
    Query,
    batches,
    of_charges,
    of_column,
    of_tags,
)
from costwire_aggregator.http_client import FAULTS, Allowance, BodyTooLarge, read_body, told

_ACT = "ask the database handler"
_CONNECTIONS = 4
_LONGEST_REASON = 500
_BAD_QUESTION = "urn:costwire:problem:bad-question"
_PASSING = (502, 503)


class _BadQuestion(HandlerRefused):
    """The handler cannot read it: the table may lack a column."""


@dataclass(frozen=True, slots=True)
class HandlerAccess:
    """Where the database handler is, and as whom it is asked."""

    url: str
    user: str = "costwire"
    password_file: Path | None = None
    """Read anew for each request; none: nobody signs in."""
    ca_file: Path | None = None
    """What its certificate is checked with; none: the system's authorities."""
    table: str = "charges"


@dataclass(frozen=True, slots=True)
class BillLimits:
    """What a bill is held to."""

    groups: int = 200_000
    """Resources, and what names and tags of clusters they have beside."""
    tags: int = 400
    """Keys that are asked for."""
    page_rows: int = 20_000
    page_bytes: int = 64 << 20
    """Of an unpacked answer."""


class HandlerClient:
    """Asks one database handler; as a context manager it owns the connections."""

    def __init__(self, access: HandlerAccess, limits: BillLimits | None = None) -> None:
        """Raises: `OSError` when the certificates cannot be read."""
        self._access = access
        self._limits = limits or BillLimits()
        self._url = URL(f"{access.url.rstrip('/')}/costs")
        self._tls: ssl.SSLContext | bool = True
        if access.ca_file is not None:
            self._tls = ssl.create_default_context(cafile=access.ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._tls),
            headers={"Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def bill(self, period: Period, tag_keys: Sequence[str], deadline: float) -> Bill:
        """All charges of a month, of one state; until `deadline`, of the loop's clock.

        `tag_keys`: which tags are read of each resource, each key once.
        Raises: `CostsError`.
        """
        if len(tag_keys) > self._limits.tags:
            raise BillTooLarge(
                f"{_ACT}: it would be asked for {len(tag_keys):,} tags, and {self._limits.tags:,} "
                "are the most; name fewer tags of clusters, or none with a star"
            )
        try:
            async with asyncio.timeout_at(deadline):
                return await self._bill(period, tag_keys)
        except TimeoutError as error:
            raise HandlerLate(f"{_ACT}: it did not answer in time") from error

    async def _bill(self, period: Period, tag_keys: Sequence[str]) -> Bill:
        try:
            return await self._read(period, COLUMNS, tag_keys)
        except _BadQuestion:
            columns = [column for column in COLUMNS if await self._has(column)]
            has_tags = await self._has(f"{TAGS}.any")
            return await self._read(period, columns, tag_keys if has_tags else ())

    async def _has(self, column: str) -> bool:
        """Whether charges of the table can be grouped by it."""
        try:
            await self._get(of_column(self._access.table, column))
        except _BadQuestion:
            return False
        return True

    async def _read(self, period: Period, columns: Sequence[str], tag_keys: Sequence[str]) -> Bill:
        """Charges by these columns, then the tags of their resources as of the same state."""
        table, limits = self._access.table, self._limits
        parts = BillInParts(table, period, columns, limits.groups)
        charges = of_charges(table, period, columns, limits.page_rows)
        async for page in self._pages(charges):
            parts.add_charges(page)
            if page.as_of.commit is None:
                return parts.whole()
            charges["as_of"] = str(page.as_of.commit)
        if RESOURCE in columns:
            for keys in batches(tag_keys):
                async for page in self._pages(of_tags(charges, keys)):
                    parts.add_tags(page, keys)
        return await asyncio.to_thread(parts.whole)

    async def _pages(self, query: Query) -> AsyncIterator[Page]:
        """All pages of an answer; `query` may be narrowed to a state after the first."""
        offset = 0
        while True:
            body = await self._get(query | {"offset": str(offset)})
            page = await asyncio.to_thread(read_page, body)
            yield page
            if page.is_last:
                return
            if not page.lines:
                raise HandlerRefused(f"{_ACT}: a page of its answer is empty, and not the last")
            offset += len(page.lines)

    async def _get(self, query: Query) -> bytes:
        """The body of an answer. Raises: `CostsError`, `TimeoutError`."""
        try:
            status, body = await self._request(query)
        except TimeoutError:
            raise
        except BodyTooLarge as error:
            raise BillTooLarge(f"{_ACT}: {error}") from error
        except FAULTS as error:
            fault = told(error, _ACT)
            kind = HandlerSilent if fault.transient else HandlerRefused
            raise kind(str(fault)) from error
        if status != 200:
            raise _refusal(status, body)
        return body

    async def _request(self, query: Query) -> tuple[int, bytes]:
        assert self._session is not None, "enter the client first"  # noqa: S101
        headers = self._credentials()
        propagate.inject(headers)
        async with self._session.get(
            self._url.with_query(query), headers=headers, allow_redirects=False
        ) as response:
            return response.status, await read_body(response, Allowance(self._limits.page_bytes))

    def _credentials(self) -> dict[str, str]:
        file = self._access.password_file
        if file is None:
            return {}
        try:
            password = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise HandlerRefused(
                f"{_ACT}: the file with its password cannot be read: {why}; look at "
                "AGGREGATOR_HANDLER_PASSWORD_FILE"
            ) from error
        basic = aiohttp.encode_basic_auth(self._access.user, password, encoding="utf-8")
        return {"Authorization": basic}


def _refusal(status: int, body: bytes) -> CostsError:
    problem = _problem(body)
    reason = str(problem.get("detail") or problem.get("title") or "")[:_LONGEST_REASON]
    text = f"{_ACT}: it answers {status}" + (f", {reason}" if reason else "")
    if status == 401:
        return HandlerRefused(f"{_ACT}: it does not know this user and password")
    if 300 <= status < 400:
        return HandlerRefused(f"{text}: it redirects; name the address that it redirects to")
    if status == 400 and problem.get("type") == _BAD_QUESTION:
        return _BadQuestion(text)
    kinds: dict[int, type[CostsError]] = {504: HandlerLate}
    kinds |= dict.fromkeys(_PASSING, HandlerSilent)
    return kinds.get(status, HandlerRefused)(text)


def _problem(body: bytes) -> dict[str, Any]:
    try:
        told_problem = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return told_problem if isinstance(told_problem, dict) else {}

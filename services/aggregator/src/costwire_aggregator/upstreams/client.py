"""One upstream: a question to it, and what it answered, within a time."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from typing import Self

import aiohttp
from opentelemetry import propagate
from yarl import URL

from costwire_aggregator.http_client import FAULTS, Allowance, BodyTooLarge, read_body, told
from costwire_aggregator.questions import Question
from costwire_aggregator.shared_work import SharedWork
from costwire_aggregator.upstreams.answers import BadAnswer, Refused, Vector, read_answer
from costwire_aggregator.upstreams.settings import UpstreamSettings
from costwire_aggregator.upstreams.stores import lost_stores
from costwire_runtime.memory import no_collecting

_NO_POST = (405, 501)
"""What a proxy answers that lets no POST through."""
_PASSING = (429, 502, 503, 504)
_CONNECTIONS = 12
_Form = list[tuple[str, str]]
_LEAST_RETRY_SECONDS = 0.2
"""A retry that has less time than this is none."""
_RETRY_PAUSE_SECONDS = 0.05
_STORES_SECONDS, _STORES_AGAIN_SECONDS = 1.0, 5.0
_STORES_BYTES = 16 << 20
_LARGE_BYTES = 1 << 20
"""An answer that others would have to wait for while it is decoded."""


class AskError(Exception):
    """A question that was not answered."""


class Unreachable(AskError):
    """No connection, or one that broke."""


class Late(AskError):
    """No answer in time, here or there."""


class Wrong(AskError):
    """An answer that is an error, or nonsense."""


class Passing(Wrong):
    """An error that may be gone in a moment."""


class UpstreamClient:
    """Asks one upstream; as a context manager it owns the connections."""

    def __init__(self, settings: UpstreamSettings) -> None:
        """Raises: `OSError` when a certificate cannot be read."""
        self.settings = settings
        self._url = URL(settings.endpoint("query"), encoded=True)
        self._stores_url = URL(settings.endpoint("stores"), encoded=True)
        self._lost_stores = SharedWork(
            self._looked_at_stores, fresh_seconds=_STORES_AGAIN_SECONDS, stale_seconds=0
        )
        self._tls = settings.tls()
        self._session: aiohttp.ClientSession | None = None
        self._posts = True

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS, ssl=self._tls if self._tls is not None else True
            ),
            headers={"Accept": "application/json", **self.settings.headers},
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._lost_stores.close()
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, question: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        """The answer as of `at`, in seconds since 1970; until `deadline`, of the loop's clock.

        `allowance`: for the answer, unpacked. What breaks off, or passes by, is tried once more if
        there is time. Raises: `AskError`.
        """
        vector = await self._ask_with_retry(question, at, deadline, allowance)
        if self.settings.kind != "thanos":
            return vector
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                lost = (await self._lost_stores.result()).result
                return replace(vector, warnings=[*vector.warnings, *lost])
        return vector

    async def _ask_with_retry(
        self, question: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        try:
            return await self._ask_once(question, at, deadline, allowance)
        except (Unreachable, Passing):
            pause = _RETRY_PAUSE_SECONDS * (1 + random.random())  # noqa: S311
            left = deadline - asyncio.get_running_loop().time() - pause
            if left < _LEAST_RETRY_SECONDS:
                raise
            await asyncio.sleep(pause)
            return await self._ask_once(question, at, deadline, allowance)

    async def _ask_once(
        self, question: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        loop = asyncio.get_running_loop()
        until = min(deadline, loop.time() + self.settings.timeout_seconds)
        form = [
            *self.settings.parameters(),
            ("query", question.promql),
            ("time", f"{at:.3f}"),
            ("timeout", f"{max(1, int(1000 * (until - loop.time())))}ms"),
        ]
        try:
            async with asyncio.timeout_at(until):
                status, body = await self._send(form, allowance)
        except TimeoutError as error:
            raise Late("it did not answer in time") from error
        except BodyTooLarge as error:
            raise Wrong(str(error)) from error
        except FAULTS as error:
            fault = told(error, "reach it")
            kind = Unreachable if fault.transient else Wrong
            raise kind(str(fault)) from error
        if len(body) < _LARGE_BYTES:
            return _read(status, body)
        return await asyncio.to_thread(no_collecting()(_read), status, body)

    async def _looked_at_stores(self) -> list[str]:
        """Those that are lost, as far as it tells: what is in front of it may know of no stores."""
        try:
            async with asyncio.timeout(_STORES_SECONDS):
                status, body = await self._request(
                    "GET", self._stores_url, self.settings.parameters(), Allowance(_STORES_BYTES)
                )
        except (TimeoutError, AskError, BodyTooLarge, *FAULTS):
            return []
        return lost_stores(body) if status == 200 else []

    async def _send(self, form: _Form, allowance: Allowance) -> tuple[int, bytes]:
        if self._posts:
            status, body = await self._request("POST", self._url, form, allowance)
            if status not in _NO_POST:
                return status, body
            self._posts = False
        return await self._request("GET", self._url, form, allowance)

    async def _request(
        self, method: str, url: URL, form: _Form, allowance: Allowance
    ) -> tuple[int, bytes]:
        assert self._session is not None, "enter the client first"  # noqa: S101
        is_post = method == "POST"
        headers = self._credentials()
        propagate.inject(headers)
        async with self._session.request(
            method,
            url.with_query(self.settings.parameters() if is_post else form),
            data=form if is_post else None,
            headers=headers,
            allow_redirects=False,
            server_hostname=self.settings.tls_config.server_name,
        ) as response:
            return response.status, await read_body(response, allowance)

    def _credentials(self) -> dict[str, str]:
        try:
            sign_in, token = self.settings.sign_in(), self.settings.token()
        except (OSError, UnicodeDecodeError) as error:
            raise Wrong(f"its credentials cannot be read: {error}") from error
        if sign_in is not None:
            return {"Authorization": aiohttp.encode_basic_auth(*sign_in, encoding="utf-8")}
        return {} if token is None else {"Authorization": token}


def _read(status: int, body: bytes) -> Vector:
    try:
        vector = read_answer(body)
    except Refused as error:
        if error.kind in ("timeout", "canceled"):
            raise Late(f"it answers {status}, {error}") from error
        kind = Passing if status in _PASSING else Wrong
        raise kind(f"it answers {status}, {error}") from error
    except BadAnswer as error:
        if status in _PASSING:
            raise Passing(f"it answers {status}") from error
        raise Wrong(str(error) if status == 200 else f"it answers {status}") from error
    if not 200 <= status < 300:
        raise Wrong(f"it answers {status}")
    return vector

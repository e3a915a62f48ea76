"""Keys that an issuer publishes at a URL as a JWK Set: fetched, kept, rotated."""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import aiohttp

from costwire_aggregator.http_client import FAULTS, Allowance, BodyTooLarge, read_body, told
from costwire_aggregator.tokens.errors import BadJwks, KeysUnavailable
from costwire_aggregator.tokens.jwks import KeySet, read_jwks
from costwire_aggregator.tokens.keys import VerificationKey
from costwire_runtime.http_errors import (
    HttpError,
    HttpFailure,
    TooLarge,
    without_credentials,
)
from costwire_runtime.retries import Backoff

_LARGEST_BODY = 1 << 20
_HEADERS = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
}
_BACKOFF = Backoff(first_seconds=1.0, cap_seconds=30.0)
_UNKNOWN_KID_SECONDS = 30.0
"""Once in as long, a `kid` that is not known has the set fetched: the token may be forged."""

_logger = logging.getLogger(__name__)


async def fetch_jwks(
    url: str, *, tls: ssl.SSLContext | None = None, timeout_seconds: float = 5.0
) -> bytes:
    """The body at a URL, of at most 1 MiB; without `tls` the system's authorities are trusted.

    Raises: `HttpError`, with words that hold no credentials.
    """
    act = f"read the keys at {without_credentials(url)}"
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
            session.get(url, ssl=tls or True, headers=_HEADERS, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                redirects = 300 <= answer.status < 400
                where = "it redirects; name the address that it redirects to" if redirects else ""
                raise HttpFailure(act, answer.status, {"title": where})
            return await read_body(answer, Allowance(_LARGEST_BODY))
    except BodyTooLarge as error:
        raise TooLarge(f"{act}: {error}") from error
    except FAULTS as error:
        raise told(error, act) from error


class ServerKeys:
    """The keys of one server; within its block they are fetched again and again.

    Of one event loop. Where the server is silent, the keys it told last stay for `keep_seconds`.
    A set that it does tell replaces them at once, so that a key it withdraws is worth nothing.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[bytes]],
        *,
        refresh_seconds: float = 300.0,
        keep_seconds: float = 86_400.0,
        backoff: Backoff = _BACKOFF,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` brings the set's text or raises `HttpError`, within a time of its own.

        `backoff` has the pauses after a fetch that brought nothing.
        """
        self._fetch = fetch
        self._refresh_seconds = refresh_seconds
        self._keep_seconds = keep_seconds
        self._backoff = backoff
        self._monotonic = monotonic
        self._known = KeySet()
        self._known_since = self._unknown_kid_at = float("-inf")
        self._fault = "they have not been fetched yet"
        self._fetching: asyncio.Task[None] | None = None
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        first = self._fetched()  # at once, so that the first requests find it to wait for
        self._loop = asyncio.create_task(self._fetch_for_ever(first))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = [task for task in (self._loop, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def fault(self) -> str:
        """Why the last fetch brought nothing; empty where it did."""
        return self._fault

    @property
    def known(self) -> KeySet:
        """The set as the server told it last; an empty one where that was too long ago."""
        is_fresh = self._monotonic() - self._known_since <= self._keep_seconds
        return self._known if is_fresh else KeySet()

    @property
    def age_seconds(self) -> float:
        """Since the server told the set that it told last; NaN where it told none."""
        age = self._monotonic() - self._known_since
        return age if math.isfinite(age) else math.nan

    async def find(self, kid: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys of this `kid`, or without one all, that are for the algorithm.

        Raises: `KeysUnavailable`.
        """
        if not self._of(kid) and self._worth_fetching():
            await asyncio.wait({self._fetched()})
        keys = self._of(kid)
        if not keys and (self._fault or not self.known.keys):
            raise KeysUnavailable("the keys of tokens are not to be had at present")
        return [key for key in keys if algorithm in key.algorithms]

    def _of(self, kid: str | None) -> list[VerificationKey]:
        return [key for key in self.known.keys if kid in (None, key.kid)]

    def _worth_fetching(self) -> bool:
        if self._fetching is not None and not self._fetching.done():
            return True
        now = self._monotonic()
        if now - self._unknown_kid_at < _UNKNOWN_KID_SECONDS:
            return False
        self._unknown_kid_at = now
        return True

    def _fetched(self) -> asyncio.Task[None]:
        """The fetch that runs, or a new one: all who wait share it, and none can end it."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_once())
        return self._fetching

    async def _fetch_for_ever(self, fetching: asyncio.Task[None]) -> None:
        faults = 0
        while True:
            await asyncio.wait({fetching})
            faults = faults + 1 if self._fault else 0
            pause = self._backoff.pause(faults - 1) if faults else self._refresh_seconds
            await asyncio.sleep(min(pause, self._refresh_seconds))
            fetching = self._fetched()

    async def _fetch_once(self) -> None:
        try:
            found = read_jwks(await self._fetch())
        except (HttpError, BadJwks) as error:
            self._failed(str(error))
        except Exception:
            # A fault of ours here must not end the fetching: a withdrawn key would stay.
            _logger.exception("keys not fetched")
            self._fault = "of a fault in this service"
        else:
            self._found(found)

    def _failed(self, reason: str) -> None:
        if reason != self._fault:
            _logger.warning("keys not fetched", extra={"reason": reason})
        self._fault = reason

    def _found(self, found: KeySet) -> None:
        if self._fault or found != self._known:
            level = logging.INFO if found.keys else logging.WARNING
            fields = {"keys": len(found.keys), "unusable": found.unusable}
            _logger.log(level, "keys fetched", extra=fields)
        self._known, self._known_since, self._fault = found, self._monotonic(), ""

"""How keys of a server are kept: when they are fetched, for whom, and how long they count."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import generate_latest
from tests.unit.aggregator.tokens.signing import ec_key, jwk_of, jwks_of, rsa_key

from costwire_aggregator.metrics import Metrics
from costwire_aggregator.tokens.errors import KeysUnavailable
from costwire_aggregator.tokens.jwks import KeySet
from costwire_aggregator.tokens.key_server import ServerKeys
from costwire_runtime.http_errors import Unreachable
from costwire_runtime.retries import Backoff

A = jwk_of(rsa_key(), "a")
B = jwk_of(ec_key(), "b")
Body = bytes | Exception


@dataclass
class Issuer:
    """A server of keys without a socket, and the clock of who asks it."""

    body: Body = field(default_factory=lambda: jwks_of(A))
    asked: int = 0
    seconds: float = 1000.0
    gate: asyncio.Event | None = None

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.body, Exception):
            raise self.body
        return self.body

    def keys(self, **more: Any) -> ServerKeys:
        return ServerKeys(self.fetch, monotonic=lambda: self.seconds, **more)


def ran(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(within())


async def found(keys: ServerKeys, kid: str | None, algorithm: str = "RS256") -> list[str | None]:
    return [key.kid for key in await keys.find(kid, algorithm)]


def test_keys_are_found_by_kid_and_algorithm() -> None:
    issuer = Issuer(jwks_of(A, B, jwk_of(rsa_key("other"), "a"), jwk_of(rsa_key())))

    async def story() -> None:
        async with issuer.keys() as keys:
            assert await found(keys, "a") == ["a", "a"]
            assert await found(keys, "b", "ES256") == ["b"]
            assert await found(keys, "b", "RS256") == []
            assert await found(keys, None) == ["a", "a", None]
            assert await found(keys, "") == []
        assert keys.known.unusable == 0

    ran(story)


def test_first_requests_wait_for_the_first_fetch_and_share_it() -> None:
    async def story() -> None:
        issuer = Issuer(gate=asyncio.Event())
        async with issuer.keys() as keys:
            waiting = [asyncio.create_task(found(keys, "a")) for _ in range(50)]
            await asyncio.sleep(0.01)
            assert not any(task.done() for task in waiting)
            waiting[0].cancel()
            await asyncio.sleep(0)
            assert issuer.gate is not None
            issuer.gate.set()
            assert await asyncio.gather(*waiting[1:]) == [["a"]] * 49
        assert issuer.asked == 1

    ran(story)


def test_age_is_that_of_the_last_set_that_was_told() -> None:
    issuer = Issuer()

    async def story() -> None:
        keys = issuer.keys()
        assert math.isnan(keys.age_seconds)
        async with keys:
            await found(keys, "a")
            issuer.seconds += 40
            issuer.body = Unreachable("read the keys", "refused")
            await found(keys, "a")
            assert keys.age_seconds == 40

    ran(story)


def test_keys_and_their_age_are_gauges() -> None:
    issuer = Issuer(jwks_of(A, B))

    async def story() -> None:
        metrics = Metrics()
        async with issuer.keys() as keys:
            await found(keys, "a")
            metrics.watch(keys)
            issuer.seconds += 40
            text = generate_latest(metrics.registry).decode()
        assert "costwire_aggregator_jwks_keys 2.0" in text
        assert "costwire_aggregator_jwks_age_seconds 40.0" in text

    ran(story)


def test_unknown_kid_has_the_set_fetched_once_in_thirty_seconds() -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.keys() as keys:
            assert await found(keys, "a") == ["a"]
            issuer.body = jwks_of(A, B)
            assert await asyncio.gather(*(found(keys, "b", "ES256") for _ in range(50))) == (
                [["b"]] * 50
            )
            assert issuer.asked == 2
            for forged in range(1000):
                issuer.seconds += 0.0299
                assert await found(keys, f"forged {forged}") == []
            assert issuer.asked == 2
            issuer.seconds += 0.2
            assert await found(keys, "forged") == []
            assert issuer.asked == 3

    ran(story)


def test_known_kid_and_none_ask_nobody() -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.keys() as keys:
            for _ in range(100):
                issuer.seconds += 100
                assert await found(keys, "a") == ["a"]
                assert await found(keys, None, "ES256") == []
        assert issuer.asked == 1

    ran(story)


def test_set_is_fetched_again_after_its_interval_and_replaces_the_one_before() -> None:
    issuer = Issuer(jwks_of(A))

    async def story() -> None:
        async with issuer.keys(refresh_seconds=0.01) as keys:
            assert await found(keys, "a") == ["a"]
            issuer.body = jwks_of(B)
            while keys.known.keys[0].kid != "b":
                await asyncio.sleep(0.005)
            assert await found(keys, None) == []
            issuer.body = jwks_of()
            while keys.known.keys:
                await asyncio.sleep(0.005)
            with pytest.raises(KeysUnavailable):
                await keys.find("b", "ES256")
        assert keys.fault == ""

    ran(story)


@pytest.mark.parametrize("silence", [Unreachable("no answer"), b"<html>"], ids=["none", "web page"])
def test_keys_outlive_a_silent_server_for_a_day_and_no_longer(silence: Body) -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.keys(refresh_seconds=0.01) as keys:
            assert await found(keys, "a") == ["a"]
            issuer.body = silence
            while not keys.fault:
                await asyncio.sleep(0.005)
            issuer.seconds += 86_400
            assert await found(keys, "a") == ["a"]
            assert await found(keys, None) == ["a"]
            issuer.seconds += 1
            assert keys.known == KeySet()
            for kid in ("a", None):
                with pytest.raises(KeysUnavailable):
                    await keys.find(kid, "RS256")
            issuer.body = jwks_of(A)
            while keys.fault:
                await asyncio.sleep(0.005)
            assert await found(keys, "a") == ["a"]

    ran(story)


def test_unknown_kid_cannot_be_judged_while_the_server_is_silent() -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.keys() as keys:
            assert await found(keys, "a") == ["a"]
            issuer.body = Unreachable("no answer")
            for _ in range(2):
                with pytest.raises(KeysUnavailable):
                    await keys.find("b", "ES256")
            assert await found(keys, "a", "ES256") == []
            assert issuer.asked == 2

    ran(story)


def test_silent_server_at_the_start_is_asked_again_with_pauses() -> None:
    issuer = Issuer(Unreachable("no answer"))

    async def story() -> None:
        async with issuer.keys(backoff=Backoff(0.01, 0.02)) as keys:
            with pytest.raises(KeysUnavailable, match="not to be had at present"):
                await keys.find("a", "RS256")
            while issuer.asked < 5:
                await asyncio.sleep(0.005)
            issuer.body = jwks_of(A)
            while keys.fault:
                await asyncio.sleep(0.005)
            assert await found(keys, "a") == ["a"]

    ran(story)


def test_fault_of_ours_does_not_end_the_fetching(caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.keys(refresh_seconds=0.01) as keys:
            assert await found(keys, "a") == ["a"]
            issuer.body = ZeroDivisionError("a fault")
            while not keys.fault:
                await asyncio.sleep(0.005)
            assert await found(keys, "a") == ["a"]
            issuer.body = jwks_of(A)
            while keys.fault:
                await asyncio.sleep(0.005)

    ran(story)
    assert "ZeroDivisionError" in caplog.text


def test_end_of_the_block_ends_all_fetching() -> None:
    async def story() -> None:
        issuer = Issuer(gate=asyncio.Event())
        async with issuer.keys():
            await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) == 1
        assert issuer.asked == 1

    ran(story)


def test_changes_are_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    issuer = Issuer(jwks_of(A, {"kty": "oct"}))

    async def story() -> None:
        async with issuer.keys(refresh_seconds=0.005) as keys:
            await keys.find("a", "RS256")
            for body in (Unreachable("no answer"), jwks_of(A, {"kty": "oct"}), jwks_of()):
                issuer.body = body
                asked = issuer.asked
                while issuer.asked < asked + 4:
                    await asyncio.sleep(0.005)

    ran(story)
    told = [
        (
            line.levelname,
            line.getMessage(),
            *(getattr(line, name, None) for name in ("reason", "keys", "unusable")),
        )
        for line in caplog.records
        if line.name.startswith("costwire")
    ]
    assert told == [
        ("INFO", "keys fetched", None, 1, 1),
        ("WARNING", "keys not fetched", "no answer", None, None),
        ("INFO", "keys fetched", None, 1, 1),
        ("WARNING", "keys fetched", None, 0, 0),
    ]

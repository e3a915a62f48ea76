"""Keys of a server at a URL, over real connections: fetched, rotated, missed, refused."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from tests.support.certificates import Authority
from tests.unit.aggregator.tokens.signing import a_token, ec_key, jwk_of, jwks_of, rsa_key

from costwire_aggregator.tokens.check import TokenCheck
from costwire_aggregator.tokens.claims import TokenRules
from costwire_aggregator.tokens.errors import InvalidToken, KeysUnavailable, TokenError
from costwire_aggregator.tokens.key_server import ServerKeys, fetch_jwks
from costwire_runtime.http_errors import HttpError

OLD, NEW = rsa_key(), ec_key()
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Issuer:
    """A server of keys; `body` or `answer` may change while it runs."""

    def __init__(self, body: bytes = jwks_of(jwk_of(OLD, "old"))) -> None:
        self.body = body
        self.answer: Answer | None = None
        self.asked = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/r/certs"

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """At the same port each time."""
        app = web.Application()
        app.router.add_get("/realms/r/certs", self._respond)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=tls, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.answer is not None:
            return await self.answer(request)
        return web.Response(body=self.body, content_type="application/jwk-set+json")


def ran(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(within())


def a_check(keys: ServerKeys) -> TokenCheck:
    return TokenCheck(keys, TokenRules())


def signed_by(name: str) -> str:
    key, algorithm = (OLD, "RS256") if name == "old" else (NEW, "ES256")
    now = time.time()
    return f"Bearer {a_token(key, algorithm, headers={'kid': name}, exp=now + 300, iat=now)}"


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def refused(check: TokenCheck, header: str) -> type[TokenError] | None:
    try:
        await check.check(header)
    except TokenError as error:
        return type(error)
    return None


def test_keys_rotate_without_a_pause_for_who_has_a_new_token() -> None:
    issuer = Issuer()

    async def story() -> None:
        async with (
            issuer.serving(),
            ServerKeys(lambda: fetch_jwks(issuer.url), refresh_seconds=0.2) as keys,
        ):
            check = a_check(keys)
            await check.check(signed_by("old"))
            issuer.body = jwks_of(jwk_of(OLD, "old"), jwk_of(NEW, "new"))
            await check.check(signed_by("new"))
            await check.check(signed_by("old"))
            issuer.body = jwks_of(jwk_of(NEW, "new"))
            await until(lambda: len(keys.known.keys) == 1)
            assert await refused(check, signed_by("old")) is InvalidToken
            await check.check(signed_by("new"))

    ran(story)


def test_new_key_is_there_at_once_however_long_the_interval_is() -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.serving(), ServerKeys(lambda: fetch_jwks(issuer.url)) as keys:
            check = a_check(keys)
            await check.check(signed_by("old"))
            issuer.body = jwks_of(jwk_of(NEW, "new"))
            outcomes = await asyncio.gather(*(refused(check, signed_by("new")) for _ in range(20)))
            assert outcomes == [None] * 20
            assert issuer.asked == 2
            assert await refused(check, signed_by("old")) is InvalidToken
            assert issuer.asked == 2

    ran(story)


def test_server_that_comes_late_goes_and_comes_back() -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.serving():
            pass  # the port is known from here on, and nobody listens
        async with ServerKeys(lambda: fetch_jwks(issuer.url), refresh_seconds=0.05) as keys:
            check = a_check(keys)
            assert await refused(check, signed_by("old")) is KeysUnavailable
            assert "connection refused" in keys.fault
            async with issuer.serving():
                await until(lambda: not keys.fault)
                await check.check(signed_by("old"))
            await until(lambda: keys.fault)
            await check.check(signed_by("old"))
            assert await refused(check, signed_by("new")) is KeysUnavailable
            issuer.body = jwks_of(jwk_of(NEW, "new"))
            async with issuer.serving():
                await until(lambda: not keys.fault)
                await check.check(signed_by("new"))

    ran(story)


def test_server_of_another_authority_is_trusted_with_its_file_alone(tmp_path: Path) -> None:
    authority, issuer = Authority(tmp_path), Issuer()
    pair = authority.issue("server")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certificate, pair.key)

    async def story() -> None:
        async with issuer.serving(tls):
            url = issuer.url.replace("http:", "https:")
            trusted = ssl.create_default_context(cafile=str(authority.file))
            assert await fetch_jwks(url, tls=trusted) == issuer.body
            with pytest.raises(HttpError, match="the certificate is not trusted"):
                await fetch_jwks(url)
            with pytest.raises(HttpError, match="not the one that its certificate names"):
                await fetch_jwks(url.replace("127.0.0.1", "localhost"), tls=trusted)
            with pytest.raises(HttpError):
                await fetch_jwks(issuer.url, tls=trusted)

    ran(story)


async def _a_page(request: web.Request, **more: object) -> web.Response:
    return web.Response(**more)  # type: ignore[arg-type]


async def _forever(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(64):
        await response.write(b" " * (1 << 16))
    return response


async def _trickle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


async def _cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


async def _hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


ANSWERS: dict[str, tuple[Answer, str]] = {
    "500": (partial(_a_page, status=500), "500: no reason given"),
    "204": (partial(_a_page, status=204), "204: no reason given"),
    "redirect": (
        partial(_a_page, status=302, headers={"Location": "http://127.0.0.1:1/"}),
        "302: it redirects; name the address that it redirects to",
    ),
    "web page": (partial(_a_page, text="<html>"), "what arrived is no JSON"),
    "compressed though not asked for": (
        partial(_a_page, body=gzip.compress(jwks_of()), headers={"Content-Encoding": "gzip"}),
        "what arrived is no JSON",
    ),
    "no end": (_endless, "the answer is larger than 1,048,576 bytes"),
    "no beginning": (_forever, "nothing moved in time"),
    "trickle": (_trickle, "nothing moved in time"),
    "cut off": (_cut_off, "the connection was reset"),
    "hung up": (_hang_up, "the connection was reset"),
}


@pytest.mark.parametrize(("answer", "why"), ANSWERS.values(), ids=ANSWERS)
def test_answer_that_is_no_set_leaves_the_keys_and_is_logged_without_credentials(
    answer: Answer, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer()

    async def story() -> None:
        async with issuer.serving():
            url = issuer.url.replace("//", "//user:hunter2@") + "?secret=hunter2"
            fetch = partial(fetch_jwks, url, timeout_seconds=0.3)
            async with ServerKeys(fetch, refresh_seconds=0.02) as keys:
                await a_check(keys).check(signed_by("old"))
                issuer.answer = answer
                await until(lambda: keys.fault)
                assert keys.fault.endswith(why)
                await a_check(keys).check(signed_by("old"))

    ran(story)
    logged = [str(vars(line)) for line in caplog.records if line.levelname == "WARNING"]
    assert [why in line for line in logged] == [True]
    assert "hunter2" not in "".join(logged)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://", "the request can't be made"),
        ("ftp://127.0.0.1/", "the request can't be made"),
        ("http://[::1", "the request can't be made"),
        ("http://127.0.0.1:1/", "connection refused"),
        ("http://issuer.invalid/", ""),
    ],
)
def test_address_that_nobody_answers_at_is_told(url: str, why: str) -> None:
    with pytest.raises(HttpError, match=f"^read the keys at .*{why}"):
        asyncio.run(fetch_jwks(url))

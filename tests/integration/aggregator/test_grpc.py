"""The gRPC face on a real port, asked by a client that knows names and bytes alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.support.certificates import Authority

from costwire_aggregator import errors
from costwire_aggregator.etim.model import EtimNode
from costwire_aggregator.grpc.aggregator_pb2 import DESCRIPTOR
from costwire_aggregator.grpc.guard import TokenCheck
from costwire_aggregator.grpc.server import GrpcFace, GrpcSettings, Tls
from costwire_aggregator.grpc.telemetry import OnCall
from costwire_aggregator.tokens import errors as token_errors
from costwire_runtime.server import CannotListen

SERVICE = "server_proto.Aggregator"
METHOD = f"/{SERVICE}/ConnectToQuerier"
HEALTH, REFLECTION = "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
ONE_NODE = bytes([0x0A, 8, 0x0A, 2]) + b"n1" + bytes([0x22, 0, 0x2A, 0])
SECONDS = 20.0
Code = grpc.StatusCode


class Nodes:
    """A use case that answers with one node, or as it is told; `events` say what befell it."""

    def __init__(self, answer: Callable[[], Awaitable[list[EtimNode]]] | None = None) -> None:
        self._answer = answer
        self.events: list[str] = []
        self.asked = asyncio.Event()

    async def etim_nodes(self) -> list[EtimNode]:
        self.asked.set()
        try:
            return await self._answer() if self._answer else [EtimNode("north", "n1")]
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise


class Tokens:
    """Knows one good token."""

    async def check(self, authorization: str | None) -> None:
        if authorization is None:
            raise token_errors.MissingToken("a bearer token is required")
        if authorization == "Bearer guest":
            raise token_errors.InsufficientRole("none of its roles will do")
        if authorization == "Bearer early":
            raise token_errors.KeysUnavailable("the server of keys does not answer")
        if authorization == "Bearer strange":
            raise ValueError(f"cannot read {authorization}")
        if not authorization.startswith("Bearer good"):
            raise token_errors.InvalidToken("the token is not signed by a known key")


async def failing(error: Exception) -> list[EtimNode]:
    raise error


async def waiting() -> list[EtimNode]:
    await asyncio.sleep(3600)
    return []


@asynccontextmanager
async def served(
    nodes: Nodes | None = None,
    tokens: TokenCheck | None = None,
    on_call: OnCall = lambda method, status, seconds: None,
    **settings: object,
) -> AsyncIterator[tuple[GrpcFace, grpc.aio.Channel]]:
    """A face that runs, and a channel to it."""
    told = GrpcSettings(**{"host": "127.0.0.1", "port": 0, **settings})  # type: ignore[arg-type]
    face = GrpcFace(nodes or Nodes(), tokens, told, on_call)
    port = await face.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield face, channel
    finally:
        await face.stop(0)


async def ask(
    channel: grpc.aio.Channel,
    *authorization: str,
    method: str = METHOD,
    request: bytes = b"",
    seconds: float = SECONDS,
) -> bytes:
    """The bytes of the answer."""
    metadata = tuple(("authorization", value) for value in authorization)
    call = channel.unary_unary(method, None, None)
    answer: bytes = await call(request, timeout=seconds, metadata=metadata)
    return answer


async def refused(call: Awaitable[object]) -> tuple[Code, str]:
    """How a call ends."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


def test_answer_is_the_use_cases_to_the_byte() -> None:
    async def check() -> None:
        async with served() as (_, channel):
            assert await ask(channel) == ONE_NODE

    asyncio.run(check())


def test_fields_that_nobody_knows_in_a_request_are_no_fault() -> None:
    async def check() -> None:
        async with served() as (_, channel):
            assert await ask(channel, request=b"\x0a\x01x") == ONE_NODE

    asyncio.run(check())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UpstreamsSilent("ask north: connection refused"), Code.UNAVAILABLE),
        (errors.UpstreamsBroken("ask north: 500"), Code.UNAVAILABLE),
        (errors.UpstreamsLate("ask north: nothing within 5 s"), Code.DEADLINE_EXCEEDED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_upstreams_that_fail_are_told_of_and_the_server_lives(
    error: Exception, status: Code
) -> None:
    async def check() -> None:
        async with served(Nodes(lambda: failing(error))) as (_, channel):
            for _ in range(2):
                assert await refused(ask(channel)) == (status, str(error))

    asyncio.run(check())


def test_error_that_nobody_foresaw_is_logged_and_shows_nothing_of_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def check() -> None:
        async with served(Nodes(lambda: failing(ValueError("/etc/passwd")))) as (_, channel):
            code, text = await refused(ask(channel))
            assert code is Code.INTERNAL
            assert "passwd" not in text
            assert "log" in text

    with caplog.at_level(logging.ERROR):
        asyncio.run(check())
    assert "/etc/passwd" in caplog.text


def test_clients_deadline_ends_the_work() -> None:
    async def check() -> None:
        nodes = Nodes(waiting)
        async with served(nodes) as (_, channel):
            code, _ = await refused(ask(channel, seconds=1))
            assert code is Code.DEADLINE_EXCEEDED
            await _until(lambda: nodes.events == ["cancelled"])

    asyncio.run(check())


def test_client_that_leaves_ends_the_work() -> None:
    async def check() -> None:
        nodes = Nodes(waiting)
        async with served(nodes) as (_, channel):
            call = channel.unary_unary(METHOD, None, None)(b"", timeout=SECONDS)
            await asyncio.wait_for(nodes.asked.wait(), SECONDS)
            call.cancel()
            await _until(lambda: nodes.events == ["cancelled"])
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(check())


def test_call_without_a_deadline_has_the_servers() -> None:
    async def check() -> None:
        nodes = Nodes(waiting)
        async with served(nodes, longest_call_seconds=0.2) as (_, channel):
            assert await refused(ask(channel)) == (
                Code.DEADLINE_EXCEEDED,
                "there was no answer within 0.2 seconds",
            )
            assert nodes.events == ["cancelled"]

    asyncio.run(check())


# Limits.


def test_calls_above_the_most_are_refused() -> None:
    async def check() -> None:
        nodes = Nodes(waiting)
        async with served(nodes, most_calls=1) as (_, channel):
            first = channel.unary_unary(METHOD, None, None)(b"", timeout=SECONDS)
            await asyncio.wait_for(nodes.asked.wait(), SECONDS)
            code, _ = await refused(ask(channel))
            assert code is Code.RESOURCE_EXHAUSTED
            first.cancel()

    asyncio.run(check())


def test_calls_of_one_connection_above_the_most_wait() -> None:
    async def check() -> None:
        nodes = Nodes(waiting)
        async with served(nodes, most_calls_of_connection=1) as (_, channel):
            # The client learns of the limit with the server's first words.
            await channel.channel_ready()
            first = channel.unary_unary(METHOD, None, None)(b"", timeout=SECONDS)
            await asyncio.wait_for(nodes.asked.wait(), SECONDS)
            nodes.asked.clear()
            code, _ = await refused(ask(channel, seconds=0.3))
            assert code is Code.DEADLINE_EXCEEDED
            assert not nodes.asked.is_set()
            first.cancel()

    asyncio.run(check())


def test_request_that_is_too_long_is_refused() -> None:
    async def check() -> None:
        async with served(most_request_bytes=100) as (_, channel):
            code, _ = await refused(ask(channel, request=b"\x0a\x7f" + b"x" * 127))
            assert code is Code.RESOURCE_EXHAUSTED
            assert await ask(channel) == ONE_NODE

    asyncio.run(check())


def test_answer_that_is_too_long_is_refused_and_not_cut() -> None:
    async def check() -> None:
        async with served(most_answer_bytes=5) as (_, channel):
            code, _ = await refused(ask(channel))
            assert code is Code.RESOURCE_EXHAUSTED

    asyncio.run(check())


def test_port_that_is_taken_is_no_start() -> None:
    async def check() -> None:
        settings = GrpcSettings("127.0.0.1", 0)
        face = GrpcFace(Nodes(), None, settings)
        port = await face.start()
        other = GrpcFace(Nodes(), None, GrpcSettings("127.0.0.1", port))
        with pytest.raises(CannotListen, match=f"127.0.0.1 port {port} for gRPC: .* taken"):
            await other.start()
        await other.stop(0)
        await face.stop(0)

    asyncio.run(check())


# Telemetry.


class Calls:
    """What was told of calls."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __call__(self, method: str, status: str, seconds: float) -> None:
        assert 0 <= seconds < SECONDS
        self.told.append((method, status))


CALL = METHOD.lstrip("/")


@pytest.mark.parametrize(
    ("answer", "statuses"),
    [
        (None, {"OK"}),
        (lambda: failing(errors.UpstreamsSilent("ask north")), {"UNAVAILABLE"}),
        (lambda: failing(ValueError("oops")), {"INTERNAL"}),
        (waiting, {"CANCELLED", "DEADLINE_EXCEEDED"}),
    ],
    ids=["answered", "upstreams", "broken", "late"],
)
def test_each_call_is_told_of_with_its_status(
    answer: Callable[[], Awaitable[list[EtimNode]]] | None, statuses: set[str]
) -> None:
    async def check() -> None:
        calls = Calls()
        async with served(Nodes(answer), on_call=calls) as (_, channel):
            with suppress(grpc.aio.AioRpcError):
                await ask(channel, seconds=1 if answer is waiting else SECONDS)
            await _until(lambda: len(calls.told) == 1)
        ((method, status),) = calls.told
        assert method == CALL
        assert status in statuses

    asyncio.run(check())


def test_calls_that_are_refused_are_told_of_and_made_up_names_are_not_repeated() -> None:
    async def check() -> None:
        calls = Calls()
        async with served(tokens=Tokens(), on_call=calls) as (_, channel):
            for method in (METHOD, "/made/Up"):
                await refused(ask(channel, method=method))
            await _until(lambda: len(calls.told) == 2)
        assert calls.told == [(CALL, "UNAUTHENTICATED"), ("other", "UNAUTHENTICATED")]

    asyncio.run(check())


def test_streams_are_told_of_when_they_end() -> None:
    async def check() -> None:
        calls = Calls()
        async with served(on_call=calls) as (face, channel):
            stub = health_pb2_grpc.HealthStub(channel)
            watching = stub.Watch(health_pb2.HealthCheckRequest(), timeout=SECONDS)
            assert (await watching.read()).status == SERVING
            assert calls.told == []
            await face.stop(SECONDS)
            assert (await watching.read()).status == NOT_SERVING
            await _until(lambda: calls.told == [(f"{HEALTH}/Watch", "OK")])

    asyncio.run(check())


# Tokens.


@pytest.mark.parametrize(
    ("authorization", "refusal"),
    [
        ([], (Code.UNAUTHENTICATED, "a bearer token is required")),
        (["Bearer bad"], (Code.UNAUTHENTICATED, "the token is not signed by a known key")),
        (["Bearer guest"], (Code.PERMISSION_DENIED, "none of its roles will do")),
        (["Bearer early"], (Code.UNAVAILABLE, "the server of keys does not answer")),
        (
            ["Bearer good", "Bearer bad"],
            (Code.UNAUTHENTICATED, "authorization stands there more than once; send one"),
        ),
    ],
    ids=["none", "bad", "without the role", "before the keys", "two"],
)
def test_call_without_a_good_token_is_refused_before_any_work(
    authorization: list[str], refusal: tuple[Code, str]
) -> None:
    async def check() -> None:
        nodes = Nodes()
        async with served(nodes, Tokens()) as (_, channel):
            assert await refused(ask(channel, *authorization)) == refusal
            assert not nodes.asked.is_set()

    asyncio.run(check())


def test_call_with_a_good_token_is_answered() -> None:
    async def check() -> None:
        async with served(tokens=Tokens()) as (_, channel):
            assert await ask(channel, "Bearer good") == ONE_NODE

    asyncio.run(check())


def test_tokens_beyond_what_grpc_allows_by_itself_have_room() -> None:
    async def check() -> None:
        async with served(tokens=Tokens()) as (_, channel):
            for _attempt in range(5):  # between its limits gRPC refuses at random
                assert await ask(channel, "Bearer good".ljust(15 * 1024, "x")) == ONE_NODE

    asyncio.run(check())


def test_methods_that_are_not_there_ask_for_a_token_too() -> None:
    async def check() -> None:
        async with served(tokens=Tokens()) as (_, channel):
            for method in (f"/{SERVICE}/Other", "/other/Method", f"/{HEALTH}/x/Check", "/x"):
                code, _ = await refused(ask(channel, method=method))
                assert code is Code.UNAUTHENTICATED, method
            code, _ = await refused(ask(channel, "Bearer good", method=f"/{SERVICE}/Other"))
            assert code is Code.UNIMPLEMENTED

    asyncio.run(check())


def test_token_is_in_no_log_even_where_its_check_breaks(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        async with served(tokens=Tokens()) as (_, channel):
            code, text = await refused(ask(channel, "Bearer strange"))
            assert code is Code.INTERNAL
            assert "strange" not in text

    with caplog.at_level(logging.DEBUG):
        asyncio.run(check())
    (record,) = (r for r in caplog.records if r.message == "check of a call broke")
    told = str(vars(record))
    assert "ValueError" in told
    assert "test_grpc.py" in told  # where
    assert "strange" not in told + caplog.text


# Health and reflection, which ask for no token.


def test_health_is_serving_for_all_and_for_the_service() -> None:
    async def check() -> None:
        async with served(tokens=Tokens()) as (_, channel):
            stub = health_pb2_grpc.HealthStub(channel)
            for service in ("", SERVICE):
                request = health_pb2.HealthCheckRequest(service=service)
                assert (await stub.Check(request, timeout=SECONDS)).status == SERVING
            other = health_pb2.HealthCheckRequest(service="other")
            code, _ = await refused(stub.Check(other, timeout=SECONDS))
            assert code is Code.NOT_FOUND
            all_of_them = await stub.List(health_pb2.HealthListRequest(), timeout=SECONDS)
            statuses = {name: told.status for name, told in all_of_them.statuses.items()}
            assert statuses == {"": SERVING, SERVICE: SERVING}

    asyncio.run(check())


def test_watchers_are_told_of_the_stop_and_do_not_hold_it_up() -> None:
    async def check() -> None:
        async with served() as (face, channel):
            stub = health_pb2_grpc.HealthStub(channel)
            requests = (
                health_pb2.HealthCheckRequest(service=name) for name in ("", SERVICE, "other")
            )
            watches = [aiter(stub.Watch(request, timeout=SECONDS)) for request in requests]
            first = [(await anext(watch)).status for watch in watches]
            assert first == [SERVING, SERVING, SERVICE_UNKNOWN]
            began = time.monotonic()
            stopping = asyncio.create_task(face.stop(SECONDS))
            last = [[told.status async for told in watch] for watch in watches]
            await stopping
            assert last == [[NOT_SERVING], [NOT_SERVING], []]
            assert time.monotonic() - began < SECONDS / 2

    asyncio.run(check())


def test_running_calls_are_answered_within_the_grace_and_new_ones_are_not() -> None:
    async def check() -> None:
        go_on = asyncio.Event()

        async def patient() -> list[EtimNode]:
            await go_on.wait()
            return []

        nodes = Nodes(patient)
        async with served(nodes) as (face, channel):
            running = asyncio.create_task(ask(channel))
            await asyncio.wait_for(nodes.asked.wait(), SECONDS)
            stopping = asyncio.create_task(face.stop(SECONDS))
            await asyncio.sleep(0.2)
            code, _ = await refused(ask(channel))
            assert code is Code.UNAVAILABLE
            go_on.set()
            assert await running == b""
            await stopping

    asyncio.run(check())


def test_calls_that_outlast_the_grace_are_broken_off() -> None:
    async def check() -> None:
        nodes = Nodes(waiting)
        async with served(nodes) as (face, channel):
            running = asyncio.create_task(refused(ask(channel)))
            await asyncio.wait_for(nodes.asked.wait(), SECONDS)
            await asyncio.wait_for(face.stop(0.2), SECONDS)
            assert (await running)[0] is Code.UNAVAILABLE
            assert nodes.events == ["cancelled"]

    asyncio.run(check())


def test_face_that_never_started_stops() -> None:
    nodes = Nodes()
    asyncio.run(GrpcFace(nodes, None, GrpcSettings("127.0.0.1", 0)).stop(0))
    assert nodes.events == []


def test_reflection_tells_the_services_and_the_schema() -> None:
    async def check() -> None:
        async with served(tokens=Tokens()) as (_, channel):
            question = reflection_pb2.ServerReflectionRequest
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            questions = [question(list_services=""), question(file_containing_symbol=SERVICE)]
            call = stub.ServerReflectionInfo(iter(questions), timeout=SECONDS)
            services, files = [answer async for answer in call]
            names = [service.name for service in services.list_services_response.service]
            assert names == sorted([SERVICE, HEALTH, REFLECTION])
            (file,) = files.file_descriptor_response.file_descriptor_proto
            assert FileDescriptorProto.FromString(file).service[0].name == "Aggregator"
            assert file == DESCRIPTOR.serialized_pb

    asyncio.run(check())


# TLS.


def test_client_that_trusts_the_certificate_is_answered(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    tls = Tls(pair.certificate.read_bytes(), pair.key.read_bytes())

    async def check() -> None:
        face = GrpcFace(Nodes(), None, GrpcSettings("127.0.0.1", 0, tls))
        address = f"127.0.0.1:{await face.start()}"
        trusting = grpc.ssl_channel_credentials(authority.file.read_bytes())
        async with grpc.aio.secure_channel(address, trusting) as channel:
            assert await ask(channel) == ONE_NODE
        async with grpc.aio.insecure_channel(address) as channel:
            assert (await refused(ask(channel)))[0] is Code.UNAVAILABLE
        await face.stop(0)

    asyncio.run(check())


def test_certificate_without_its_key_is_no_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = Tls(
        authority.issue("one").certificate.read_bytes(), authority.issue("two").key.read_bytes()
    )
    face = GrpcFace(Nodes(), None, GrpcSettings("127.0.0.1", 0, tls))

    async def check() -> None:
        with pytest.raises(CannotListen, match="certificate does not fit its key"):
            await face.start()

    asyncio.run(check())


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not look():
            await asyncio.sleep(0.01)

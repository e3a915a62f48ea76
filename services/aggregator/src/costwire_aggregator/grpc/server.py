"""The gRPC server: one method over the use case, with health and reflection beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from costwire_aggregator.etim.model import EtimNode
from costwire_aggregator.grpc.aggregator_pb2 import DESCRIPTOR, Empty, InfrastructureModel
from costwire_aggregator.grpc.guard import Guard, TokenCheck
from costwire_aggregator.grpc.health import Health
from costwire_aggregator.grpc.messages import infrastructure
from costwire_aggregator.grpc.refusals import BROKEN, Refusal, refusal_of
from costwire_aggregator.grpc.telemetry import CallTelemetry, OnCall
from costwire_runtime.server import CannotListen

SERVICE: str = DESCRIPTOR.services_by_name["Aggregator"].full_name
METHOD = "ConnectToQuerier"
METHODS = (
    f"{SERVICE}/{METHOD}",
    *(f"{health.SERVICE_NAME}/{method}" for method in ("Check", "List", "Watch")),
    f"{reflection.SERVICE_NAME}/ServerReflectionInfo",
)
"""All that are served."""
_MINUTE_MS = 60_000
_logger = logging.getLogger(__name__)


class Aggregator(Protocol):
    """The use case."""

    async def etim_nodes(self) -> Sequence[EtimNode]:
        """All nodes, sorted; raises `UpstreamError`."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What the server shows: a chain of certificates, its own first, and the key; both PEM."""

    certificates: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GrpcSettings:
    """Where the server listens, and what it lets one client take."""

    host: str
    port: int
    """0 for any that is free."""
    tls: Tls | None = None
    longest_call_seconds: float = 30.0
    """A client's own deadline holds where it is shorter."""
    most_calls: int = 1000
    """At once, those that watch the health included; more are RESOURCE_EXHAUSTED."""
    most_calls_of_connection: int = 100
    """More wait until one of them ends."""
    most_request_bytes: int = 64 * 1024
    most_answer_bytes: int = 64 * 1024 * 1024
    most_metadata_bytes: int = 16 * 1024
    """Tokens of 8 KiB have room; gRPC's own limit is 8 KiB for all."""

    @property
    def address(self) -> str:
        """As gRPC wants it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def options(self) -> list[tuple[str, int]]:
        """Arguments of gRPC's core."""
        return [
            # A port that another process has is an error, not shared with it.
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", self.most_calls_of_connection),
            ("grpc.max_receive_message_length", self.most_request_bytes),
            ("grpc.max_send_message_length", self.most_answer_bytes),
            ("grpc.max_metadata_size", self.most_metadata_bytes),
            # Connections whose client is gone are found and closed, and those that ask nothing.
            ("grpc.keepalive_time_ms", _MINUTE_MS),
            ("grpc.keepalive_timeout_ms", _MINUTE_MS // 3),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", _MINUTE_MS // 6),
            ("grpc.max_connection_idle_ms", 10 * _MINUTE_MS),
        ]


class GrpcFace:
    """The server, from its start to its stop; both once."""

    def __init__(
        self,
        aggregator: Aggregator,
        tokens: TokenCheck | None,
        settings: GrpcSettings,
        on_call: OnCall = lambda method, status, seconds: None,
    ) -> None:
        """`tokens`: None to ask for none."""
        self._on_call = on_call
        self._aggregator = aggregator
        self._tokens = tokens
        self._settings = settings
        self._running: tuple[grpc.aio.Server, Health] | None = None

    async def start(self) -> int:
        """Listen and serve; gives the port. Raises `CannotListen`."""
        settings = self._settings
        server = grpc.aio.server(
            interceptors=[
                CallTelemetry(self._on_call, METHODS),
                *([] if self._tokens is None else [Guard(self._tokens)]),
            ],
            options=settings.options,
            maximum_concurrent_rpcs=settings.most_calls,
        )
        watched = Health([SERVICE])
        health_pb2_grpc.add_HealthServicer_to_server(watched, server)
        names = [SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
        server.add_generic_rpc_handlers([self._handler()])
        port = _bind(server, settings)
        await server.start()
        self._running = server, watched
        return port

    async def stop(self, grace_seconds: float) -> None:
        """Take no more calls, and wait so long for those that run; then they are broken off."""
        if self._running is not None:
            server, watched = self._running
            watched.stop()
            await server.stop(grace_seconds)

    def _handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        method: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
            self._connect_to_querier,
            request_deserializer=Empty.FromString,
            response_serializer=InfrastructureModel.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})

    async def _connect_to_querier(
        self, _request: Empty, context: grpc.aio.ServicerContext[Empty, InfrastructureModel]
    ) -> InfrastructureModel:
        answer = await self._answer()
        if isinstance(answer, Refusal):
            await context.abort(*answer)
        return answer

    async def _answer(self) -> InfrastructureModel | Refusal:
        limit = self._settings.longest_call_seconds
        try:
            async with asyncio.timeout(limit):
                return infrastructure(await self._aggregator.etim_nodes())
        except TimeoutError:
            return Refusal(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"there was no answer within {limit:g} seconds"
            )
        except Exception as error:
            if refusal := refusal_of(error):
                return refusal
            _logger.exception("gRPC call broke")
            return BROKEN


def _bind(server: grpc.aio.Server, settings: GrpcSettings) -> int:
    try:
        if settings.tls is None:
            return server.add_insecure_port(settings.address)
        pair = settings.tls.key, settings.tls.certificates
        return server.add_secure_port(settings.address, grpc.ssl_server_credentials([pair]))
    except RuntimeError as error:
        # gRPC tells no more than that, but on stderr.
        certificates = "" if settings.tls is None else ", or the certificate does not fit its key"
        raise CannotListen(
            f"listen on {settings.host} port {settings.port} for gRPC: the port is taken, or the "
            f"host is not this machine's{certificates}; change GRPC_PORT or what is wrong"
        ) from error

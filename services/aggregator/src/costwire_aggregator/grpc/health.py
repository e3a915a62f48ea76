"""The standard health service of gRPC, `grpc.health.v1.Health`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_OVERALL = ""
_Context = grpc.aio.ServicerContext[Any, Any]
_Status = health_pb2.HealthCheckResponse.ServingStatus


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # it has no types
    """Serving until told otherwise, once and for all.

    The library's own goes on watching then, which keeps a server from stopping within its grace.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = {_OVERALL, *services}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Not serving from now on; who watches is told so, and that this is all."""
        self._stopping.set()

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: _Context
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service is here")
        return self._response(request.service)

    async def List(
        self, request: health_pb2.HealthListRequest, context: _Context
    ) -> health_pb2.HealthListResponse:
        statuses = {service: self._response(service) for service in self._services}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: _Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        told = self._response(request.service)
        yield told
        await self._stopping.wait()
        if (last := self._response(request.service)) != told:
            yield last

    def _response(self, service: str) -> health_pb2.HealthCheckResponse:
        response = health_pb2.HealthCheckResponse
        if service not in self._services:
            return response(status=response.SERVICE_UNKNOWN)
        stopping = self._stopping.is_set()
        return response(status=response.NOT_SERVING if stopping else response.SERVING)

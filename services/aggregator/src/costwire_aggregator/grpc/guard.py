"""Tokens of gRPC calls: `authorization` in their metadata, checked before anything is done."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Protocol

import grpc
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from costwire_aggregator.grpc.refusals import BROKEN, Refusal, refusal_of

OPEN_SERVICES = frozenset({health.SERVICE_NAME, reflection.SERVICE_NAME})
"""They ask for no token: probes have none, and the schema is public."""
_AUTHORIZATION = "authorization"
_TWICE = Refusal(
    grpc.StatusCode.UNAUTHENTICATED, f"{_AUTHORIZATION} stands there more than once; send one"
)
_logger = logging.getLogger(__name__)

_Handler = Any
"""`grpc.RpcMethodHandler`, whose request and answer only its service knows."""


class TokenCheck(Protocol):
    """Whether a token will do."""

    async def check(self, authorization: str | None) -> None:
        """Raises a `TokenError` for a value of `authorization`, or none, that won't."""


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # it takes none when run
    """Refuses every call without a good token, but for those of open services."""

    def __init__(self, tokens: TokenCheck) -> None:
        self._tokens = tokens

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        service, _, _ = handler_call_details.method.lstrip("/").rpartition("/")
        if service not in OPEN_SERVICES:
            refusal = await self._refusal(handler_call_details)
            if refusal is not None:
                return _refusing(refusal)
        return await continuation(handler_call_details)

    async def _refusal(self, call: grpc.HandlerCallDetails) -> Refusal | None:
        values = [str(value) for name, value in call.invocation_metadata if name == _AUTHORIZATION]
        if len(values) > 1:
            return _TWICE
        try:
            await self._tokens.check(values[0] if values else None)
        except Exception as error:
            return refusal_of(error) or _broken(error)
        return None


def _broken(error: Exception) -> Refusal:
    # What it says may hold the token.
    where = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("check of a call broke", extra={"kind": type(error).__name__, "where": where})
    return BROKEN


def _refusing(refusal: Refusal) -> _Handler:
    async def refuse(_request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> NoReturn:
        await context.abort(*refusal)

    return grpc.unary_unary_rpc_method_handler(refuse)

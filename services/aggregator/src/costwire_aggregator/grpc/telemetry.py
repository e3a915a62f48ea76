"""What every gRPC call leaves behind: its duration, by method and status."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import grpc

OnCall = Callable[[str, str, float], None]
"""Is told of each call: its method, the name of its status, seconds."""
_OTHER_METHOD = "other"
"""Clients make names up."""
_Handler = Any
"""`grpc.RpcMethodHandler`, whose request and answer only its service knows."""
_Context = grpc.aio.ServicerContext[Any, Any]


class CallTelemetry(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # it takes none when run
    """Around all other interceptors; what no handler is found for is answered by the library."""

    def __init__(self, on_call: OnCall, methods: Collection[str]) -> None:
        """`methods`: those that are told by name, as in `package.Service/Method`."""
        self._on_call = on_call
        self._methods = frozenset(methods)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        began = time.perf_counter()
        handler = await continuation(handler_call_details)
        method = handler_call_details.method.lstrip("/")
        name = method if method in self._methods else _OTHER_METHOD
        return None if handler is None else self._watched(handler, name, began)

    def _watched(self, handler: _Handler, method: str, began: float) -> _Handler:
        @contextmanager
        def watching(context: _Context) -> Iterator[None]:
            status = grpc.StatusCode.OK
            try:
                yield
            except grpc.aio.AbortError:
                status = context.code()
                raise
            except Exception:
                status = grpc.StatusCode.UNKNOWN
                raise
            except BaseException:
                status = grpc.StatusCode.CANCELLED
                raise
            finally:
                self._on_call(method, status.name, time.perf_counter() - began)

        ways = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
        (way,) = (way for way in ways if getattr(handler, way) is not None)
        behaviour = getattr(handler, way)

        async def one(request: Any, context: _Context) -> Any:
            with watching(context):
                return await behaviour(request, context)

        async def many(request: Any, context: _Context) -> AsyncIterator[Any]:
            with watching(context):
                async with aclosing(behaviour(request, context)) as answers:
                    async for answer in answers:
                        yield answer

        watched = many if inspect.isasyncgenfunction(behaviour) else one
        return handler._replace(**{way: watched})

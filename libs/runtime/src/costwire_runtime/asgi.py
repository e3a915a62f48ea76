"""An in-process transport: requests to an ASGI app without a socket, bodies streamed both ways."""

import io
import queue
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import anyio
import requests
import requests.adapters
import urllib3
from anyio import to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.types import ASGIApp, Message, Scope

_CHUNK_BYTES = 1 << 16
_CHUNKS_AHEAD = 8
_FULL_PAUSE_SECONDS = 0.001
_LIFESPAN_SECONDS = 60.0


class AsgiAdapter(requests.adapters.BaseAdapter):
    """Carries requests to an app on an event loop in a thread of its own.

    As a context manager it runs the app's lifespan too, and is shared by any number of clients;
    else it starts at the first request, without lifespan, and ends with the session that holds it.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app
        self._state: dict[str, Any] = {}
        self._loop: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None
        self._lifespan: AbstractContextManager[None] | None = None
        self._running: set[Future[None]] = set()
        self._starting = threading.Lock()
        self._builder = requests.adapters.HTTPAdapter()

    def __enter__(self) -> Self:
        portal = self._start()
        self._lifespan = portal.wrap_async_context_manager(_lifespan(self._app, self._state))
        try:
            self._lifespan.__enter__()
        except BaseException:
            self._lifespan = None
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lifespan, self._lifespan = self._lifespan, None
        try:
            self._cancel_running()
            if lifespan is not None:
                lifespan.__exit__(None, None, None)
        finally:
            self._stop()

    def close(self) -> None:
        """End with the session, unless the context manager decides."""
        if self._lifespan is None:
            self._stop()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Run the app for one request; returns when its answer starts."""
        portal = self._start()
        read_seconds = timeout[1] if isinstance(timeout, tuple) else timeout
        exchange = _Exchange(self._app, request, self._state)
        task = portal.start_task_soon(exchange.run)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            start = exchange.started.result(read_seconds)
        except TimeoutError as error:
            task.cancel()
            raise requests.exceptions.ReadTimeout(
                "the app didn't start its answer in time", request=request
            ) from error
        except OSError as error:
            raise requests.exceptions.ConnectionError(error, request=request) from error
        body = _Body(portal, exchange, read_seconds)
        raw = urllib3.HTTPResponse(
            body=io.BufferedReader(body, _CHUNK_BYTES),
            headers=urllib3.HTTPHeaderDict(
                [
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in start["headers"]
                ]
            ),
            status=start["status"],
            preload_content=False,
            request_method=request.method,
        )
        return self._builder.build_response(request, raw)

    def _start(self) -> BlockingPortal:
        with self._starting:
            if self._portal is None:
                self._loop = start_blocking_portal()
                self._portal = self._loop.__enter__()
            return self._portal

    def _stop(self) -> None:
        loop, self._loop, self._portal = self._loop, None, None
        self._cancel_running()
        if loop is not None:
            loop.__exit__(None, None, None)

    def _cancel_running(self) -> None:
        for task in list(self._running):
            task.cancel()


class _Exchange:
    """One request and its answer, on the app's side; the caller's thread takes from `arriving`."""

    def __init__(
        self, app: ASGIApp, request: requests.PreparedRequest, state: dict[str, Any]
    ) -> None:
        self._app = app
        self._scope = _scope(request, state)
        self._chunks, self._chunks_wait = _request_chunks(request.body)
        self._has_body = request.method != "HEAD"
        self._all_sent = False
        self.started: Future[Message] = Future()
        self.arriving: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        self.complete = False

    async def run(self) -> None:
        """Run the app; whatever it raises reaches the caller as a broken connection.

        The answer ends for the caller when the app has ended, so that a test finds what the app
        logs, counts and does after its last byte.
        """
        self._gone = anyio.Event()
        failure = None
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:
            failure = error
        finally:
            self._end(failure)

    async def _receive(self) -> Message:
        if self._all_sent:
            if not self._gone.is_set():  # when it is, no pause: an app may look without waiting
                await self._gone.wait()
            return {"type": "http.disconnect"}
        try:
            chunk = await self._next_chunk()
        except Exception as error:  # of the iterator that the caller gave as the body
            if not self.started.done():
                self.started.set_exception(error)
            self._all_sent = True
            self._gone.set()
            return {"type": "http.disconnect"}
        self._all_sent = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def _next_chunk(self) -> bytes | None:
        if not self._chunks_wait:
            return next(self._chunks, None)
        return await to_thread.run_sync(next, self._chunks, None, abandon_on_cancel=True)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self.started.done():
                self.started.set_result(message)
        elif message["type"] == "http.response.body":
            if message.get("body") and self._has_body:
                while self.arriving.qsize() >= _CHUNKS_AHEAD and not self._gone.is_set():
                    await anyio.sleep(_FULL_PAUSE_SECONDS)
                if not self._gone.is_set():
                    self.arriving.put(bytes(message["body"]))
            if not message.get("more_body", False):
                self.complete = True
                self._gone.set()

    async def hang_up(self) -> None:
        """The caller listens no more; the app is told, and what it still sends goes nowhere."""
        self._gone.set()

    def _end(self, error: Exception | None) -> None:
        if not self.started.done():
            broken = ConnectionResetError("the app ended without an answer")
            broken.__cause__ = error
            self.started.set_exception(broken)
        elif self.complete:
            self.arriving.put(b"")
        else:
            self.arriving.put(ConnectionResetError("the app ended within its answer"))


class _Body(io.RawIOBase):
    """The answer's body, on the caller's side; closing it tells the app that nobody listens."""

    def __init__(
        self, portal: BlockingPortal, exchange: _Exchange, read_seconds: float | None
    ) -> None:
        self._portal = portal
        self._exchange = exchange
        self._read_seconds = read_seconds
        self._rest = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and not self._ended:
            self._rest = memoryview(self._next_chunk())
            self._ended = not self._rest
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def close(self) -> None:
        if not self.closed and not self._exchange.complete:
            with suppress(RuntimeError):  # the loop has ended before
                self._portal.start_task_soon(self._exchange.hang_up)
        super().close()

    def _next_chunk(self) -> bytes:
        try:
            arrived = self._exchange.arriving.get(timeout=self._read_seconds)
        except queue.Empty:
            raise TimeoutError("the app paused too long within its answer") from None
        if isinstance(arrived, Exception):
            raise arrived
        return arrived


def _scope(request: requests.PreparedRequest, state: dict[str, Any]) -> Scope:
    parts = urlsplit(request.url or "")
    host = parts.hostname or "localhost"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    headers = [(b"host", parts.netloc.rpartition("@")[2].encode("latin-1"))]
    headers += [
        (_latin(name).lower(), _latin(value))
        for name, value in request.headers.items()
        if _latin(name).lower() != b"host"
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": (parts.path or "/").encode("ascii"),
        "root_path": "",
        "query_string": parts.query.encode("ascii"),
        "headers": headers,
        "server": (host, port),
        "client": ("127.0.0.1", 0),
        "state": dict(state),
    }


def _latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _request_chunks(body: Any) -> tuple[Iterator[bytes], bool]:
    """The body in pieces, and whether asking for the next one may take its time."""
    if body is None:
        return iter(()), False
    if isinstance(body, str):
        return iter((body.encode(),)), False
    if isinstance(body, bytes | bytearray | memoryview):
        return iter((bytes(body),)), False
    if hasattr(body, "read"):
        return iter(partial(body.read, _CHUNK_BYTES), b""), True
    return iter(body), True


@asynccontextmanager
async def _lifespan(app: ASGIApp, state: dict[str, Any]) -> AsyncIterator[None]:
    """Run the app's lifespan around what is inside; a failed start raises its message."""
    to_app, from_outside = anyio.create_memory_object_stream[Message](2)
    to_outside, from_app = anyio.create_memory_object_stream[Message](2)
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}

    async def exchange(event: str) -> str | None:
        await to_app.send({"type": f"lifespan.{event}"})
        with anyio.fail_after(_LIFESPAN_SECONDS):
            answer = await from_app.receive()
        if answer["type"] == f"lifespan.{event}.complete":
            return None
        return f"{answer['type']}: {answer.get('message', 'no reason given')}"

    async def run_app() -> None:
        try:
            await app(scope, from_outside.receive, to_outside.send)
        except Exception as error:
            with suppress(anyio.WouldBlock):  # full: the app has told of its failure by itself
                to_outside.send_nowait({"type": "lifespan.failed", "message": str(error)})

    with to_app, from_outside, to_outside, from_app:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_app)
            failure = await exchange("startup")
            if failure is None:
                yield
                failure = await exchange("shutdown")
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise RuntimeError(failure)

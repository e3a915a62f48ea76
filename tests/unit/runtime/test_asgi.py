"""The in-process transport behaves as a network would."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from costwire_runtime.asgi import AsgiAdapter
from costwire_runtime.client import BrokenBody, HttpClient, Unreachable, iter_body


class Seen:
    """What an app saw."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.sent_chunks = 0
        self.gone = threading.Event()


class Endless:
    """An ASGI endpoint that sends until it is told that the caller has gone."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not await request.is_disconnected():
            self._seen.sent_chunks += 1
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        self._seen.gone.set()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def app(seen: Seen) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        seen.events.append("up")
        yield {"store": "open"}
        seen.events.append("down")

    async def tell(request: Request) -> Response:
        return JSONResponse(
            {
                "state": getattr(request.state, "store", None),
                "path": request.url.path,
                "query": request.url.query,
                "host": request.headers["host"],
                "chunks": [len(chunk) async for chunk in request.stream() if chunk],
            }
        )

    async def short(_request: Request) -> Response:
        return Response(b"half", headers={"Content-Length": "8"})

    async def never(_request: Request) -> Response:
        await anyio.sleep(60)
        return Response()

    async def drain(request: Request) -> Response:
        try:
            await request.body()
        except ClientDisconnect:
            seen.gone.set()
        return Response()

    return Starlette(
        routes=[
            Route("/tell/{path:path}", tell, methods=["GET", "POST"]),
            Route("/endless", Endless(seen)),
            Route("/short", short),
            Route("/never", never),
            Route("/drain", drain, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


@pytest.fixture
def client(app: Starlette) -> Iterator[HttpClient]:
    with (
        AsgiAdapter(app) as transport,
        HttpClient("http://exporter:2112", transport=transport, retries=0) as client,
    ):
        yield client


def test_lifespan_surrounds_requests_and_gives_state(app: Starlette, seen: Seen) -> None:
    with AsgiAdapter(app) as transport:
        assert seen.events == ["up"]
        with HttpClient("http://app", transport=transport) as first:
            first.get("/tell/x")
        with HttpClient("http://app", transport=transport) as second:
            assert second.get("/tell/x").json()["state"] == "open"
    assert seen.events == ["up", "down"]


def test_without_context_there_is_no_lifespan(app: Starlette, seen: Seen) -> None:
    with HttpClient("http://app", transport=AsgiAdapter(app)) as client:
        assert client.get("/tell/x").json()["state"] is None
    assert seen.events == []


def test_failed_start_is_raised() -> None:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        raise ValueError("the store is locked")
        yield

    with (
        pytest.raises(RuntimeError, match="the store is locked"),
        AsgiAdapter(Starlette(lifespan=lifespan)),
    ):
        pass


def test_request_arrives_as_sent(client: HttpClient) -> None:
    told = client.get("/tell/a%20b/é", params={"by": "ServiceName,RegionId"}).json()
    assert told["path"] == "/tell/a b/é"
    assert told["query"] == "by=ServiceName%2CRegionId"
    assert told["host"] == "exporter:2112"


@pytest.mark.parametrize(
    ("body", "chunks"),
    [
        pytest.param(b"abc", [3], id="bytes"),
        pytest.param("aé", [3], id="text"),
        pytest.param(iter([b"a", b"bc"]), [1, 2], id="iterator"),
    ],
)
def test_body_is_streamed_to_the_app(client: HttpClient, body: Any, chunks: list[int]) -> None:
    assert client.post("/tell/x", data=body).json()["chunks"] == chunks


def test_file_is_streamed_to_the_app(client: HttpClient, tmp_path: Any) -> None:
    file = tmp_path / "part"
    file.write_bytes(b"x" * 70_000)
    with file.open("rb") as opened:
        assert client.post("/tell/x", data=opened).json()["chunks"] == [65_536, 4_464]


def test_answer_is_not_made_ahead_of_its_reader(client: HttpClient, seen: Seen) -> None:
    response = client.get("/endless", stream=True)
    chunks = iter_body(response, 65_536)
    assert len(next(chunks)) == 65_536
    time.sleep(0.1)
    assert seen.sent_chunks < 20
    chunks.close()
    assert seen.gone.wait(5)


def test_answer_shorter_than_declared_is_broken(client: HttpClient) -> None:
    with pytest.raises(BrokenBody, match="cut off"):
        client.get("/short")


def test_silent_app_times_out(client: HttpClient) -> None:
    with pytest.raises(Unreachable, match="no answer in time"):
        client.get("/never", timeout=0.05)


def test_body_that_breaks_reaches_both_sides(client: HttpClient, seen: Seen) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"a"
        raise OSError(5, "disk gone")

    with pytest.raises(Unreachable, match="disk gone"):
        client.post("/drain", data=breaking())
    assert seen.gone.wait(5)


def test_open_answers_do_not_hold_up_the_end(app: Starlette) -> None:
    with AsgiAdapter(app) as transport:
        client = HttpClient("http://app", transport=transport)
        response = client.get("/endless", stream=True)
        assert response.raw.read(1)
    response.close()

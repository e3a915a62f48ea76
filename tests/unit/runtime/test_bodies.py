"""Request bodies under a limit of bytes and of time."""

import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response

from costwire_runtime.bodies import read_body, time_limit
from costwire_runtime.client import HttpFailure
from costwire_runtime.request_limits import RequestLimits


async def _echo(request: Request) -> Response:
    return Response(await read_body(request, 10))


async def _slow(_request: Request) -> Response:
    async with time_limit(0.05, "count costs"):
        await anyio.sleep(5)
    return Response()


async def _own_timeout(_request: Request) -> Response:
    async with time_limit(5, "count costs"):
        raise TimeoutError("of something else")


@pytest.fixture
def client(service_of: Any, client_of: Any) -> Any:
    paths = {"/echo": _echo, "/slow": _slow, "/own": _own_timeout}
    return client_of(service_of(paths, limits=RequestLimits(body_pause_seconds=0.2)))


@pytest.mark.parametrize("body", [b"", b"0123456789"], ids=["empty", "at the limit"])
def test_body_within_the_limit_is_read(client: Any, body: bytes) -> None:
    assert client.post("/echo", data=body).content == body


@pytest.mark.parametrize(
    "body",
    [b"0123456789a", iter([b"01234", b"56789", b"a"])],
    ids=["declared", "undeclared"],
)
def test_body_over_the_limit_is_413(client: Any, body: Any) -> None:
    with pytest.raises(HttpFailure) as failed:
        client.post("/echo", data=body)
    assert failed.value.status == 413
    assert failed.value.problem["limitBytes"] == 10


def test_stalled_body_is_408(client: Any) -> None:
    def stalling() -> Iterator[bytes]:
        yield b"0123"
        time.sleep(0.5)
        yield b"4567"

    with pytest.raises(HttpFailure, match=r"nothing arrived for 0.2 s after 4 bytes") as failed:
        client.post("/echo", data=stalling())
    assert failed.value.status == 408


def test_dripping_body_is_408_though_it_never_pauses(client: Any) -> None:
    def dripping() -> Iterator[bytes]:
        for _ in range(9):
            yield b"0"
            time.sleep(0.05)

    with pytest.raises(HttpFailure, match=r"bytes in 0 s are too few") as failed:
        client.post("/echo", data=dripping())
    assert failed.value.status == 408


def test_wrong_content_length_is_400(client: Any) -> None:
    with pytest.raises(HttpFailure, match="is no number of bytes"):
        client.post("/echo", data=iter([b"x"]), headers={"Content-Length": "many"})


def test_work_beyond_its_time_is_504(client: Any) -> None:
    with pytest.raises(HttpFailure, match=r"count costs: not finished after 0.05 s") as failed:
        client.get("/slow")
    assert failed.value.status == 504


def test_timeout_of_the_work_itself_is_not_taken_for_the_limit(client: Any) -> None:
    with pytest.raises(HttpFailure) as failed:
        client.get("/own")
    assert failed.value.status == 500

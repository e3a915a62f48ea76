"""The door of the HTTP face."""

from __future__ import annotations

import asyncio
import json

from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from tests.unit.aggregator.tokens.signing import a_check, a_token

from costwire_aggregator.web.sign_in import TokenSignIn


async def _inside(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("inside")(scope, receive, send)


def answer(*authorization: str) -> list[Message]:
    """What a request with these headers is sent."""
    door = TokenSignIn(_inside, tokens=a_check(), verify=None, open_paths=())
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"authorization", text.encode()) for text in authorization],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(door(scope, receive, send))
    return sent


def test_good_token_opens() -> None:
    assert answer(f"Bearer {a_token()}")[1]["body"] == b"inside"


def test_two_headers_are_refused_even_if_one_is_good() -> None:
    good = f"Bearer {a_token()}"
    for headers in ((good, good), (good, "Bearer x"), ("Basic eDp5", good)):
        start, body = answer(*headers)
        assert start["status"] == 400
        assert "more than once" in json.loads(body["body"])["detail"]

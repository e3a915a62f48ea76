"""What is asked of an aggregator, and what its refusals are to people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from costwire_aggregator.settings import Settings
from costwire_cli import aggregator_api
from costwire_cli.aggregator_api import AggregatorApi, open_aggregator, read_token
from costwire_cli.connection import Connection
from costwire_cli.errors import CommandError
from costwire_runtime.asgi import AsgiAdapter
from costwire_runtime.client import HttpClient

WHOLE = '{"at":"2026-10-01T12:00:00.000Z","percent":100.0,"upstreams":[]}'
TOPOLOGY = f'{{"completeness":{WHOLE},"clusters":[{{"key":"né"}}]}}'
TOKEN = "abc.DEF-1_2~3+/=="
NOT_OURS = "the answer is not one of Costwire's aggregator; is this its address"


class Fake:
    """Answers everything with one answer, and keeps what was asked."""

    def __init__(self, answer: Response) -> None:
        self._answer = answer
        self.asked: list[Request] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(Request(scope))
        await self._answer(scope, receive, send)


@contextmanager
def asking(answer: Response, token: str | None = None) -> Iterator[tuple[AggregatorApi, Fake]]:
    fake = Fake(answer)
    with HttpClient(
        "http://aggregator/below", transport=AsgiAdapter(fake), retries=0, service="aggregator"
    ) as http:
        yield AggregatorApi(http, token), fake


def problem(status: int, detail: str, **headers: str) -> Response:
    told = {"type": "urn:x", "title": "t", "status": status, "detail": detail}
    return JSONResponse(
        told, status, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_topology_is_what_the_aggregator_wrote_to_the_letter() -> None:
    with asking(Response(TOPOLOGY, media_type="application/json")) as (api, fake):
        answer = api.topology({"cluster": ["a", "b"], "namespace": [], "depth": "nodes"})
    assert answer.text == TOPOLOGY
    assert answer.document == json.loads(TOPOLOGY)
    (request,) = fake.asked
    assert request.url.path == "/below/v1/topology"
    asked = [("cluster", "a"), ("cluster", "b"), ("depth", "nodes")]
    assert request.query_params.multi_items() == asked
    assert "Authorization" not in request.headers


def test_token_is_shown() -> None:
    with asking(Response(TOPOLOGY), TOKEN) as (api, fake):
        api.topology({})
    assert fake.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (problem(401, "sign in: it is expired"), "sign in: it is expired; give --token-file, or"),
        (problem(403, "sign in: no role"), "sign in: no role; who gives out the tokens can"),
        (problem(404, "no such path"), "is this an aggregator's address"),
        (problem(400, "choose a depth: 'x'"), "choose a depth: 'x'$"),
        (problem(503, "all are silent", Retry_After="5"), "all are silent; ask again in 5 seconds"),
        (problem(504, "all are late"), "all are late; ask again later"),
        (Response("<html>", 502), "502.*; ask again later"),
        (Response("<html>"), NOT_OURS),
        (Response(b"\xff"), NOT_OURS),
        (Response("[]"), NOT_OURS),
        (Response('{"timestamp": {}, "cluster": {}}'), NOT_OURS),
        (Response('{"clusters": []}'), NOT_OURS),
        (Response('{"clusters": {}, "completeness": {}}'), NOT_OURS),
        (Response('{"clusters": [], "completeness": {}}'), NOT_OURS),
    ],
)
def test_refusal_says_what_to_do(answer: Response, told: str) -> None:
    with asking(answer, TOKEN) as (api, _), pytest.raises(CommandError, match=told) as refused:
        api.topology({})
    assert str(refused.value).startswith("ask for the topology: ")
    assert refused.value.status == 1
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("costs", ["", ',"costs":null', ',"costs":[]', ',"costs":{}'])
def test_answer_without_the_costs_that_were_asked_for_is_none(costs: str) -> None:
    told = f"{TOPOLOGY[:-1]}{costs}}}"
    with asking(Response(told)) as (api, _):
        assert api.topology({}).text == told
        with pytest.raises(CommandError, match=NOT_OURS):
            api.topology({"costs": "1"})


def test_refused_question_is_not_asked_again() -> None:
    with asking(problem(503, "silent")) as (api, fake), pytest.raises(CommandError):
        api.topology({})
    assert len(fake.asked) == 1


@pytest.mark.parametrize("for_costs", [False, True])
def test_answer_is_waited_for_as_long_as_an_aggregator_may_take(
    monkeypatch: pytest.MonkeyPatch, for_costs: bool
) -> None:
    told: dict[str, Any] = {}

    def client(url: str, **options: Any) -> HttpClient:
        told.update(options)
        return HttpClient(url, **options)

    monkeypatch.setattr(aggregator_api, "HttpClient", client)
    with open_aggregator(Connection("http://127.0.0.1:9", None), None, for_costs=for_costs):
        pass
    of_upstreams, of_bills = (
        next(one.le for one in Settings.model_fields[name].metadata if hasattr(one, "le"))
        for name in ("deadline_seconds", "costs_deadline_seconds")
    )
    _, read = told["timeout"]
    assert read > of_upstreams + of_bills * for_costs
    assert told["deadline_seconds"] > read


@pytest.mark.parametrize("text", [TOKEN, f"{TOKEN}\n", f"\n  {TOKEN}\r\n"])
def test_token_is_all_that_a_file_holds(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    assert read_token(file) == TOKEN


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"hush hush", b"Bearer hush", b"hush\nhush", b"h\xc3\xbcsh", b"hu\0sh"]
)
def test_what_is_no_token_is_not_sent_and_not_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="it holds no token") as refused:
        read_token(file)
    assert "sh" not in str(refused.value).replace(str(file), "")


def test_file_of_a_token_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="none: No such file"):
        read_token(tmp_path / "none")
    with pytest.raises(CommandError, match="Is a directory"):
        read_token(tmp_path)

"""The HTTP client over a scripted transport: what is retried, what is raised, what is told."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from prometheus_client import CollectorRegistry
from requests.auth import _basic_auth_str

from costwire_runtime.client import (
    BrokenBody,
    ClientTelemetry,
    HttpClient,
    HttpFailure,
    Impossible,
    TooLarge,
    Unreachable,
    iter_body,
)

REFUSED = requests.exceptions.ConnectionError(ConnectionRefusedError(111, "Connection refused"))


def test_transient_failure_is_tried_again(scripted: Any, respond: Any, stopwatch: Any) -> None:
    client, transport = scripted(REFUSED, respond(503), respond(200, b"fine"))
    assert client.get("/x").content == b"fine"
    assert [request.url for request in transport.requests] == ["http://handler:8088/x"] * 3
    assert stopwatch.pauses == [1.0, 2.0]


def test_retries_are_capped(scripted: Any) -> None:
    client, transport = scripted(*[REFUSED] * 3, retries=2)
    with pytest.raises(Unreachable, match="connection refused; is it running there"):
        client.get("/x")
    assert len(transport.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 412, 422, 501])
def test_terminal_status_is_not_tried_again(scripted: Any, respond: Any, status: int) -> None:
    client, transport = scripted(respond(status))
    with pytest.raises(HttpFailure) as failed:
        client.get("/x")
    assert (failed.value.status, failed.value.transient) == (status, False)
    assert len(transport.requests) == 1


def test_post_is_sent_once_unless_declared_idempotent(scripted: Any, respond: Any) -> None:
    client, transport = scripted(respond(503))
    with pytest.raises(HttpFailure) as failed:
        client.post("/x", data=b"part")
    assert failed.value.transient
    assert len(transport.requests) == 1
    client, transport = scripted(respond(503), respond(204))
    assert client.post("/x", data=b"part", retry=True).status_code == 204
    assert [request.body for request in transport.requests] == [b"part", b"part"]


def test_file_is_sent_from_its_place_again(scripted: Any, respond: Any) -> None:
    file = io.BytesIO(b"skipped,sent")
    file.seek(8)
    sent: list[bytes] = []

    client, transport = scripted(respond(503), respond(200))
    plain_send = transport.send

    def send(request: Any, *args: Any, **options: Any) -> Any:
        sent.append(request.body.read())
        return plain_send(request, *args, **options)

    transport.send = send
    client.post("/x", data=file, retry=True)
    assert sent == [b"sent", b"sent"]


def test_iterator_is_never_sent_twice(scripted: Any, respond: Any) -> None:
    client, transport = scripted(respond(503))
    with pytest.raises(HttpFailure):
        client.post("/x", data=iter([b"a", b"b"]), retry=True)
    assert len(transport.requests) == 1


def test_retry_after_is_honoured(scripted: Any, respond: Any, stopwatch: Any) -> None:
    client, _ = scripted(
        respond(429, headers={"Retry-After": "5"}),
        respond(503, headers={"Retry-After": "Wed, 01 Jan 2025 12:00:20 GMT"}),
        respond(200),
    )
    client.get("/x")
    assert stopwatch.pauses == [5.0, 20.0]


def test_pause_beyond_the_deadline_is_not_begun(
    scripted: Any, respond: Any, stopwatch: Any
) -> None:
    client, _ = scripted(respond(503, headers={"Retry-After": "31"}), deadline_seconds=30.0)
    with pytest.raises(HttpFailure) as failed:
        client.get("/x")
    assert failed.value.retry_after_seconds == 31.0
    assert stopwatch.pauses == []


def test_timeouts_shrink_to_what_the_deadline_leaves(
    scripted: Any, respond: Any, stopwatch: Any
) -> None:
    client, transport = scripted(
        respond(503, headers={"Retry-After": "8"}),
        respond(200),
        deadline_seconds=10.0,
        timeout=(5.0, 60.0),
    )
    client.get("/x")
    assert transport.timeouts == [(5.0, 10.0), (2.0, 2.0)]


def test_dripping_answer_ends_at_the_deadline(scripted: Any, respond: Any, stopwatch: Any) -> None:
    class Dripping(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            stopwatch.seconds += 1.0
            return b"."

    client, _ = scripted(respond(200, Dripping()), deadline_seconds=5.0, retries=0)
    with pytest.raises(BrokenBody, match="wasn't complete in time"):
        client.get("/x")


def test_problem_is_told(scripted: Any, respond: Any) -> None:
    body = (
        b'{"type":"urn:costwire:problem:conflict","title":"Conflict","detail":"open it","line":3}'
    )
    client, _ = scripted(respond(409, body))
    with pytest.raises(HttpFailure, match=r"409: open it") as failed:
        client.post("/deliveries", json={})
    assert failed.value.problem["line"] == 3


def test_failure_without_problem_tells_its_text(scripted: Any, respond: Any) -> None:
    client, _ = scripted(respond(400, b"<h1>Bad</h1>"))
    with pytest.raises(HttpFailure, match="<h1>Bad</h1>"):
        client.get("/x")


def test_credentials_and_query_are_in_no_message(stopwatch: Any, scripted: Any) -> None:
    client, _ = scripted(REFUSED, retries=0, auth=("alice", "s3cret"))
    client.base_url = "http://bob:hunter2@handler:8088"
    with pytest.raises(Unreachable) as failed:
        client.get("/x?sig=abc", params={"token": "t0ken"})
    assert str(failed.value).startswith("GET http://handler:8088/x (db-handler): ")
    for secret in ("s3cret", "hunter2", "abc", "t0ken", "bob", "alice"):
        assert secret not in str(failed.value)


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "handler:8088", "http://", "http://[::1", "http://é\u0000"],
)
def test_wrong_address_is_not_tried_again(scripted: Any, stopwatch: Any, url: str) -> None:
    client, _ = scripted()
    client.base_url = url
    with pytest.raises(Impossible):
        client.get()
    assert stopwatch.pauses == []


def test_host_that_no_name_can_be_is_not_tried_again(stopwatch: Any) -> None:
    with (
        HttpClient("http://" + "a" * 70, clock=stopwatch.clock()) as client,
        pytest.raises(Impossible, match="the address is no URL"),
    ):
        client.get()
    assert stopwatch.pauses == []


def test_header_that_cannot_be_sent_is_not_tried_again(scripted: Any) -> None:
    client, _ = scripted()
    with pytest.raises(Impossible):
        client.get("/x", headers={"X-Source": "two\nlines"})


def test_retries_are_counted_by_reason(scripted: Any, respond: Any) -> None:
    registry = CollectorRegistry()
    client, _ = scripted(
        REFUSED, respond(503), respond(200), telemetry=ClientTelemetry("scraper", registry)
    )
    client.get("/x")
    for reason in ("unreachable", "503"):
        labels = {"target": "db-handler", "reason": reason}
        assert registry.get_sample_value("costwire_scraper_http_client_retries_total", labels) == 1


def test_cut_off_answer_is_tried_again_when_read_whole(scripted: Any, respond: Any) -> None:
    cut = respond(200, b"half", {"Content-Length": "8"})
    client, _ = scripted(cut, respond(200, b"all of it", {"Content-Length": "9"}))
    assert client.get("/x").text == "all of it"


def test_streamed_answer_shorter_than_declared_is_broken(scripted: Any, respond: Any) -> None:
    client, _ = scripted(respond(200, b"half", {"Content-Length": "8"}))
    chunks = iter_body(client.get("/x", stream=True), 2)
    with pytest.raises(BrokenBody, match="cut off"):
        list(chunks)


def test_undecodable_answer_is_broken(scripted: Any, respond: Any) -> None:
    client, _ = scripted(respond(200, b"no gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(BrokenBody, match="can't be decoded"):
        list(iter_body(client.get("/x", stream=True)))


def test_read_answer_serves_text_json_and_chunks(scripted: Any, respond: Any) -> None:
    client, _ = scripted(*[respond(200, b'{"a":1}') for _ in range(3)])
    assert client.get("/x").json() == {"a": 1}
    assert client.get("/x").text == '{"a":1}'
    assert b"".join(iter_body(client.get("/x"))) == b'{"a":1}'


def test_loopback_bypasses_proxies(monkeypatch: pytest.MonkeyPatch, scripted: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    for url, uses_proxy in (
        ("http://127.0.0.1:8088", False),
        ("http://[::1]:8088", False),
        ("http://localhost:8088", False),
        ("http://handler:8088", True),
    ):
        seen: list[Any] = []

        class Recording(requests.adapters.BaseAdapter):
            def send(self, request: Any, *_args: Any, **options: Any) -> Any:
                seen.append(options["proxies"])  # noqa: B023 -- used within this turn
                raise REFUSED

            def close(self) -> None: ...

        client = HttpClient(url, transport=Recording(), retries=0)
        with client, pytest.raises(Unreachable):
            client.get()
        assert bool(seen[0]) is uses_proxy, url


def _redirect(respond: Any, to: str) -> Any:
    return respond(307, headers={"Location": to})


@pytest.mark.parametrize(
    "to",
    [
        "http://elsewhere/x",
        "//elsewhere/x",
        "http://handler:81/x",
        "http://handler:8088@elsewhere/x",
    ],
)
def test_redirect_to_another_server_gets_neither_body_nor_credentials(
    scripted: Any, respond: Any, to: str
) -> None:
    client, transport = scripted(_redirect(respond, to))
    with pytest.raises(Impossible, match="it redirects to another server"):
        client.post("/x", data=b"bills")
    assert len(transport.requests) == 1


def test_redirect_within_the_server_is_followed(scripted: Any, respond: Any) -> None:
    client, transport = scripted(_redirect(respond, "/y"), respond(200, b"there"))
    assert client.post("/x", data=b"bills").content == b"there"
    assert transport.requests[1].body == b"bills"


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirect_that_would_lose_what_is_sent_is_refused(
    scripted: Any, respond: Any, status: int
) -> None:
    client, transport = scripted(respond(status, headers={"Location": "/sign-in"}))
    with pytest.raises(Impossible, match="what was sent would be lost"):
        client.post("/x", data=b"bills")
    assert len(transport.requests) == 1


@pytest.mark.parametrize("answers", [["whole"], ["redirect", "whole"]], ids=["first", "redirected"])
def test_credentials_of_netrc_are_given_to_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scripted: Any, respond: Any, answers: list[str]
) -> None:
    (tmp_path / "netrc").write_text("default login ann password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    steps = {"whole": respond(200), "redirect": _redirect(respond, "http://elsewhere/x")}
    client, transport = scripted(*(steps[name] for name in answers), may_leave=True)
    client.get("/x")
    assert ["Authorization" in request.headers for request in transport.requests] == [
        False for _ in answers
    ]


def test_credentials_in_the_address_are_sent(scripted: Any, respond: Any) -> None:
    client, transport = scripted(respond(200), base_url="http://ann:s3cret@handler")
    client.get("/x")
    assert transport.requests[0].headers["Authorization"] == "Basic YW5uOnMzY3JldA=="


def test_answer_larger_than_expected_is_not_read(scripted: Any, respond: Any) -> None:
    client, transport = scripted(respond(200, b"x" * 200_000), most_bytes=100_000)
    with pytest.raises(TooLarge, match="larger than 100000 bytes"):
        client.get("/x")
    assert len(transport.requests) == 1


def test_encoding_that_was_not_asked_for_is_told(scripted: Any, respond: Any) -> None:
    packed = {"Content-Encoding": "x-unknown"}
    client, _ = scripted(*[respond(200, b"?", packed) for _ in range(3)])
    with pytest.raises(Impossible, match="x-unknown was not asked for"):
        client.get("/x")
    with pytest.raises(Impossible, match="x-unknown was not asked for"):
        iter_body(client.get("/x", stream=True))
    assert b"".join(iter_body(client.get("/x", stream=True), decode=False)) == b"?"


@pytest.mark.parametrize("may_leave", [True, False])
def test_redirect_from_https_to_http_is_refused(
    scripted: Any, respond: Any, may_leave: bool
) -> None:
    client, transport = scripted(
        _redirect(respond, "http://handler/x"), base_url="https://handler", may_leave=may_leave
    )
    with pytest.raises(Impossible, match="from https to what is not encrypted"):
        client.get("/x")
    assert len(transport.requests) == 1


@pytest.mark.parametrize("text", ["a&b", "a#b", "a?b=c", "a b", "a%26b", "ü"])
def test_parameter_never_changes_the_request_around_it(
    scripted: Any, respond: Any, text: str
) -> None:
    client, transport = scripted(respond(200))
    client.get("/upload", params={"table": text, "type": "cost"})
    parts = urlsplit(transport.requests[0].url)
    assert (parts.path, parts.fragment) == ("/upload", "")
    assert parse_qsl(parts.query) == [("table", text), ("type", "cost")]


def test_changed_password_is_sent_with_the_next_request(scripted: Any, respond: Any) -> None:
    passwords = iter(["old", "new"])
    client, transport = scripted(
        respond(401), respond(200), auth=lambda: ("ann", next(passwords)), retries=0
    )
    with pytest.raises(HttpFailure, match="401"):
        client.get("/x")
    assert client.get("/x").ok
    sent = [request.headers["Authorization"] for request in transport.requests]
    assert sent == [_basic_auth_str("ann", "old"), _basic_auth_str("ann", "new")]

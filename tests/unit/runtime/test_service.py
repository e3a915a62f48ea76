"""A service as one value: probes, own metrics, problem JSON, traces, sign-in."""

import asyncio
import json
import logging
from typing import Any

import bcrypt
import pytest
from opentelemetry import trace
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from costwire_runtime.client import BrokenBody, HttpFailure
from costwire_runtime.problems import Conflict, Unauthorized
from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.settings import ServiceSettings
from costwire_runtime.web_config import WebConfig


async def _refuse(_request: Request) -> Response:
    raise Conflict("commit 7: it is not open", state="committed", headers={"X-Commit": "7"})


async def _break(_request: Request) -> Response:
    raise RuntimeError("the password is hunter2")


async def _break_within(_request: Request) -> Response:
    async def chunks() -> Any:
        yield b"half"
        raise RuntimeError("the password is hunter2")

    return StreamingResponse(chunks())


async def _fine(_request: Request) -> Response:
    return PlainTextResponse("fine")


ENDPOINTS = {
    "/refused": _refuse,
    "/broken": _break,
    "/broken-within": _break_within,
    "/fine/{name}": _fine,
}
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/refused", 409, "conflict"),
        ("GET", "/broken", 500, "internal"),
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/-/healthy/", 404, "not-found"),
        ("DELETE", "/-/ready", 405, "method-not-allowed"),
        ("POST", "/-/metrics", 405, "method-not-allowed"),
    ],
)
def test_every_failure_has_one_shape(
    service_of: Any, client_of: Any, method: str, path: str, status: int, slug: str
) -> None:
    client = client_of(service_of(ENDPOINTS))
    with pytest.raises(HttpFailure) as failed:
        client.request(method, path)
    problem = failed.value.problem
    assert failed.value.status == problem["status"] == status
    assert problem["type"] == f"urn:costwire:problem:{slug}"
    assert problem["instance"] == path
    assert problem.keys() >= PROBLEM_MEMBERS
    assert all(problem[member] for member in PROBLEM_MEMBERS)


def test_problem_carries_extensions_headers_and_media_type(service_of: Any) -> None:
    status, headers, body = _raw_answer(service_of(ENDPOINTS), "GET", "/refused")
    assert status == 409
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-commit"] == "7"
    assert json.loads(body)["state"] == "committed"


def test_405_says_what_the_path_takes(service_of: Any) -> None:
    status, headers, body = _raw_answer(service_of(ENDPOINTS), "DELETE", "/refused")
    assert status == 405
    assert headers["allow"] == "GET, HEAD, POST"
    assert json.loads(body)["detail"] == "DELETE /refused: this path takes GET, HEAD, POST"


def test_unexpected_fault_is_logged_but_not_told(
    service_of: Any, client_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(HttpFailure) as failed:
        client_of(service_of(ENDPOINTS)).get("/broken")
    assert "hunter2" not in json.dumps(failed.value.problem)
    assert [record.message for record in caplog.records] == ["unexpected fault"]
    assert caplog.records[0].exc_info is not None


def test_fault_within_an_answer_cuts_it_off(service_of: Any, client_of: Any) -> None:
    with pytest.raises(BrokenBody):
        client_of(service_of(ENDPOINTS)).get("/broken-within")


def test_readiness_says_why_not(service_of: Any, client_of: Any) -> None:
    reasons = ["load costs: no delivery has been read yet", None]
    client = client_of(service_of(ready=lambda: reasons.pop(0)))
    assert client.get("/-/healthy").text == "healthy\n"
    with pytest.raises(HttpFailure) as failed:
        client.get("/-/ready")
    assert failed.value.status == 503
    assert failed.value.problem["detail"] == "load costs: no delivery has been read yet"
    assert client.get("/-/ready").text == "ready\n"


def test_readiness_may_be_awaited(service_of: Any, client_of: Any) -> None:
    reasons = ["ask the store: no answer", None]

    async def ready() -> str | None:
        return reasons.pop(0)

    client = client_of(service_of(ready=ready))
    with pytest.raises(HttpFailure) as failed:
        client.get("/-/ready")
    assert failed.value.problem["detail"] == "ask the store: no answer"
    assert client.get("/-/ready").text == "ready\n"


def test_requests_are_measured_by_route_not_by_path(service_of: Any, client_of: Any) -> None:
    registry = CollectorRegistry()
    client = client_of(service_of(ENDPOINTS, registry=registry))
    for name in ("a", "b"):
        client.get(f"/fine/{name}")
    with pytest.raises(HttpFailure):
        client.get("/wp-login.php")
    for route, status, count in (("/fine/{name}", "200", 2), ("none", "404", 1)):
        labels = {"method": "GET", "route": route, "status": status}
        name = "costwire_demo_app_http_request_duration_seconds_count"
        assert registry.get_sample_value(name, labels) == count
    exposition = client.get("/-/metrics")
    assert exposition.headers["Content-Type"].startswith("text/plain; version=")
    assert "process_resident_memory_bytes" in exposition.text
    assert "_created" not in exposition.text


def test_unknown_method_makes_no_series_of_its_own(service_of: Any, client_of: Any) -> None:
    registry = CollectorRegistry()
    client = client_of(service_of(ENDPOINTS, registry=registry))
    with pytest.raises(HttpFailure):
        client.request("BREW", "/fine/a")
    assert b'method="other"' in client.get("/-/metrics").content


def test_two_apps_stand_side_by_side(service_of: Any, client_of: Any) -> None:
    assert client_of(service_of()).get("/-/healthy").ok
    assert client_of(service_of()).get("/-/healthy").ok


def test_callers_trace_goes_on(service_of: Any, client_of: Any) -> None:
    async def tell(_request: Request) -> Response:
        context = trace.get_current_span().get_span_context()
        return JSONResponse({"trace": trace.format_trace_id(context.trace_id)})

    client = client_of(service_of({"/trace": tell}))
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    header = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    assert client.get("/trace", headers=header).json() == {"trace": trace_id}


@pytest.fixture
def guarded(service_of: Any) -> Any:
    hashed = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
    return service_of(ENDPOINTS, sign_in=WebConfig({"alice": hashed}))


def test_sign_in_guards_all_but_probes(guarded: Any, client_of: Any) -> None:
    anonymous = client_of(guarded)
    for path in ("/-/healthy", "/-/ready", "/-/metrics"):
        assert anonymous.get(path).ok
    for path in ("/fine/a", "/nowhere", "/-/healthy/../../fine/a"):
        with pytest.raises(HttpFailure) as failed:
            anonymous.get(path)
        assert failed.value.status == 401
        assert failed.value.problem.keys() >= PROBLEM_MEMBERS


@pytest.mark.parametrize(
    ("user", "password", "is_let_in"),
    [
        ("alice", "wonderland", True),
        ("alice", "Wonderland", False),
        ("alice", "", False),
        ("bob", "wonderland", False),
        ("", "", False),
    ],
)
def test_only_the_right_password_opens(
    guarded: Any, client_of: Any, user: str, password: str, is_let_in: bool
) -> None:
    client = client_of(guarded, auth=(user, password))
    if is_let_in:
        assert client.get("/fine/a").text == "fine"
    else:
        with pytest.raises(HttpFailure, match="401"):
            client.get("/fine/a")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic YWxpY2U=", "Bearer YTpi", "Basic /////w==", "basic "]
)
def test_unreadable_credentials_are_none(guarded: Any, header: str) -> None:
    status, headers, _ = _raw_answer(guarded, "GET", "/fine/a", {"authorization": header})
    assert status == 401
    assert headers["www-authenticate"] == Unauthorized("x").headers["WWW-Authenticate"]


def test_debug_log_of_a_request_holds_no_credentials(
    guarded: Any, client_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client_of(guarded, auth=("alice", "wonderland")).post("/fine/a", data=b"the bill")
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert "request answered" in told
    for secret in ("wonderland", "YWxpY2U", "the bill"):
        assert secret not in told


def _raw_answer(
    app: Any, method: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request without client and transport: what the app itself sends."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    asyncio.run(app(scope, receive, send))
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(part["body"] for part in sent[1:])


def test_services_hold_requests_to_the_limits_of_their_settings() -> None:
    settings = ServiceSettings(port=0, url_limit_bytes=256, header_count_limit=7)
    limits = RequestLimits.of(settings)
    assert (limits.url_bytes, limits.headers) == (256, 7)
    assert RequestLimits.of(ServiceSettings(port=0)) == RequestLimits()

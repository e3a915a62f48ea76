"""Builders for the runtime's tests: a small service, a client of it, a scripted transport."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import requests.adapters
import urllib3
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from costwire_runtime.asgi import AsgiAdapter
from costwire_runtime.client import Clock, HttpClient
from costwire_runtime.retries import Backoff
from costwire_runtime.service import create_service

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


class Stopwatch:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.seconds, now=lambda: NOON, sleep=self.sleep)


class Scripted(requests.adapters.BaseAdapter):
    """A transport that answers from a list: exceptions are raised, responses returned."""

    def __init__(self, steps: Sequence[Any]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.requests: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []

    def send(
        self, request: requests.PreparedRequest, *_args: Any, **options: Any
    ) -> requests.Response:
        self.requests.append(request)
        self.timeouts.append(options["timeout"])
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return requests.adapters.HTTPAdapter().build_response(request, step)

    def close(self) -> None:
        """Nothing is held."""


def answer(
    status: int = 200, body: Any = b"", headers: dict[str, str] | None = None
) -> urllib3.HTTPResponse:
    """An answer as the network layer gives it; `body` is bytes or a file."""
    return urllib3.HTTPResponse(
        body=io.BytesIO(body) if isinstance(body, bytes) else body,
        headers=headers or {},
        status=status,
        preload_content=False,
    )


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def respond() -> Callable[..., urllib3.HTTPResponse]:
    return answer


@pytest.fixture
def scripted(stopwatch: Stopwatch) -> Callable[..., tuple[HttpClient, Scripted]]:
    """A client whose transport follows a script, and whose pauses are the longest allowed."""

    def build(
        *steps: Any, base_url: str = "http://handler:8088", **options: Any
    ) -> tuple[HttpClient, Scripted]:
        transport = Scripted(steps)
        client = HttpClient(
            base_url,
            transport=transport,
            service="db-handler",
            clock=stopwatch.clock(),
            backoff=Backoff(first_seconds=1.0, cap_seconds=8.0, jitter=lambda: 1.0),
            **options,
        )
        return client, transport

    return build


@pytest.fixture
def client_of() -> Iterator[Callable[..., HttpClient]]:
    """A client of an app in this process, lifespan included."""
    with ExitStack() as stack:

        def build(app: Any, **options: Any) -> HttpClient:
            transport = stack.enter_context(AsgiAdapter(app))
            return stack.enter_context(
                HttpClient("http://app", transport=transport, service="app", retries=0, **options)
            )

        yield build


@pytest.fixture
def service_of() -> Callable[..., Any]:
    """A service around endpoints given by path."""

    def build(endpoints: dict[str, Any] | None = None, **options: Any) -> Any:
        routes = [
            Route(path, endpoint, methods=["GET", "POST"])
            for path, endpoint in (endpoints or {}).items()
        ]
        settings = {"ready": lambda: None, "registry": CollectorRegistry(), **options}
        return create_service("demo-app", routes, **settings)

    return build

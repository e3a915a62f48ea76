"""Where a report's server may send us: credentials stay, encryption stays, metadata is refused."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_server import LocalServer

from costwire_sources.errors import Unreadable
from costwire_sources.http import HttpSource
from costwire_sources.objects import Access
from costwire_sources.opening import open_source

REPORT = b"BilledCost\n1.5\n"


class Server(LocalServer):
    """Serves the report at /bill.csv, and at /away sends people elsewhere."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.elsewhere = ""
        self.redirect_body = b""
        self.headers: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        owner: Any = self.server.owner  # type: ignore[attr-defined]
        owner.headers.append({name.lower(): value for name, value in self.headers.items()})
        away = self.path == "/away"
        body = owner.redirect_body if away else REPORT
        self.send_response(302 if away else 200)
        if away:
            self.send_header("Location", owner.elsewhere)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are silent."""


@pytest.fixture
def serve() -> Iterator[Callable[[], Server]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Server())


def read(source: HttpSource) -> bytes:
    reading = source.poll(None)
    assert reading is not None
    with reading, reading.parts[0].open() as stream:
        return stream.read()


def with_credentials(url: str) -> str:
    return url.replace("://", "://ann:s3cret@")


def test_credentials_stay_with_the_server_they_are_for(
    serve: Callable[[], Server], tmp_path: Path
) -> None:
    first, other_port = serve(), serve()
    first.elsewhere = f"{other_port.url}/bill.csv"
    source = HttpSource(with_credentials(f"{first.url}/away"), spool_folder=tmp_path)
    assert read(source) == REPORT
    assert "authorization" in first.headers[0]
    assert "authorization" not in other_port.headers[0]


def test_credentials_go_along_within_the_server(
    serve: Callable[[], Server], tmp_path: Path
) -> None:
    server = serve()
    server.elsewhere = "/bill.csv"
    source = HttpSource(with_credentials(f"{server.url}/away"), spool_folder=tmp_path)
    assert read(source) == REPORT
    assert ["authorization" in headers for headers in server.headers] == [True, True]


def test_body_of_a_redirect_is_not_read(serve: Callable[[], Server], tmp_path: Path) -> None:
    server = serve()
    server.elsewhere, server.redirect_body = "/bill.csv", b"x" * 50_000_000
    assert read(HttpSource(f"{server.url}/away", spool_folder=tmp_path)) == REPORT


METADATA = (
    "http://169.254.169.254/latest/meta-data",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/computeMetadata/v1/",
)


@pytest.mark.parametrize("url", METADATA)
def test_metadata_address_is_no_source(url: str, tmp_path: Path) -> None:
    source = open_source(url, spool_folder=tmp_path)
    with pytest.raises(Unreadable, match="only where instance metadata is allowed"):
        source.poll(None)


@pytest.mark.parametrize("url", METADATA)
def test_redirect_to_a_metadata_address_is_refused(
    serve: Callable[[], Server], tmp_path: Path, url: str
) -> None:
    server = serve()
    server.elsewhere = url
    with pytest.raises(Unreadable, match="only where instance metadata is allowed"):
        HttpSource(f"{server.url}/away", spool_folder=tmp_path).poll(None)


def test_proxy_is_not_asked_for_a_metadata_address(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[[], Server], tmp_path: Path
) -> None:
    proxy = serve()
    monkeypatch.setenv("http_proxy", proxy.url)
    with pytest.raises(Unreadable, match="only where instance metadata is allowed"):
        HttpSource("http://169.254.169.254/latest/meta-data", spool_folder=tmp_path).poll(None)
    assert proxy.headers == []


def names_lead_to(monkeypatch: pytest.MonkeyPatch, answers: Iterator[str], port: int) -> None:
    """Names are resolved to these addresses, one for each time that a resolver is asked."""

    def resolve(*_args: Any, **_options: Any) -> list[Any]:
        address = (next(answers), port)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_name_that_leads_to_a_metadata_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names_lead_to(monkeypatch, iter(["169.254.169.254"]), 80)
    with pytest.raises(Unreadable, match="only where instance metadata is allowed"):
        HttpSource("http://bills.example/bill.csv", spool_folder=tmp_path).poll(None)


def test_name_that_leads_elsewhere_after_the_check_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as metadata:
        port = metadata.getsockname()[1]
        names_lead_to(monkeypatch, iter(["192.0.2.1", "127.0.0.1"]), port)
        # No machine of tests has a metadata address: this connection says that it has one.
        monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("169.254.169.254", port))
        with pytest.raises(Unreadable, match="only where instance metadata is allowed"):
            HttpSource(f"http://bills.example:{port}/bill.csv", spool_folder=tmp_path).poll(None)
        metadata.settimeout(5)
        connection, _ = metadata.accept()
        with connection:
            assert connection.recv(1) == b""


def test_metadata_address_is_asked_where_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[[], Server], tmp_path: Path
) -> None:
    server = serve()
    names_lead_to(monkeypatch, iter(["127.0.0.1"]), server.port)
    source = open_source(
        f"http://169.254.169.254:{server.port}/bill.csv",
        spool_folder=tmp_path,
        access=Access(instance_metadata=True),
    )
    assert isinstance(source, HttpSource)
    assert read(source) == REPORT

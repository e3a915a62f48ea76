"""Who is let in, over HTTP and gRPC."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import grpc
import pytest
import requests
import yaml
from tests.support.fake_prometheus import FakePrometheus
from tests.unit.aggregator.icos.example import example
from tests.unit.aggregator.tokens.rows import ROWS, Row, bearer
from tests.unit.aggregator.tokens.signing import NOW, a_token, base64_of, rsa_key

from costwire_aggregator.app import create_app
from costwire_aggregator.errors import UnguardedGrpc
from costwire_aggregator.grpc.aggregator_pb2 import Empty, InfrastructureModel
from costwire_aggregator.settings import Settings
from costwire_aggregator.tokens.errors import InsufficientRole, MissingToken
from costwire_runtime.asgi import AsgiAdapter
from costwire_runtime.web_config import WebConfig

LASTING_ROWS = [row for row in ROWS if "leeway" not in row.name]
"""Those that stay what they are for hours."""
METHOD = "/server_proto.Aggregator/ConnectToQuerier"
KEY = base64_of(rsa_key())


@pytest.fixture(scope="module")
def prometheus() -> Iterator[FakePrometheus]:
    with FakePrometheus(example()) as server:
        yield server


class Service:
    """An aggregator in this process."""

    def __init__(self, session: requests.Session, grpc_port: int | None) -> None:
        self._session = session
        self._grpc_port = grpc_port

    def get(
        self, path: str = "/", header: str | None = None, method: str = "GET"
    ) -> requests.Response:
        headers = {} if header is None else {"Authorization": header}
        url = f"http://aggregator{path}"
        return self._session.request(method, url, headers=headers, timeout=30)

    def call(self, header: str | None = None) -> InfrastructureModel:
        with grpc.insecure_channel(f"127.0.0.1:{self._grpc_port}") as channel:
            method = channel.unary_unary(
                METHOD,
                request_serializer=Empty.SerializeToString,
                response_deserializer=InfrastructureModel.FromString,
            )
            metadata = [] if header is None else [("authorization", header)]
            return method(Empty(), metadata=metadata, timeout=20)


@contextmanager
def a_service(
    prometheus: FakePrometheus, web_config: WebConfig | None = None, **settings: Any
) -> Iterator[Service]:
    told = {"prometheus_address": prometheus.url, "key": KEY, "fresh_seconds": 60, **settings}
    app = create_app(Settings(**told), web_config)
    with AsgiAdapter(app) as transport, requests.Session() as session:
        session.mount("http://", transport)
        yield Service(session, getattr(app.state, "grpc_port", None))


@pytest.fixture(scope="module")
def service(prometheus: FakePrometheus) -> Iterator[Service]:
    with a_service(prometheus, grpc_port=0) as running:
        yield running


@pytest.mark.parametrize("row", LASTING_ROWS, ids=lambda row: row.name)
def test_each_row_is_answered_over_http(service: Service, row: Row) -> None:
    answer = service.get("/", row.header())
    if row.ours is None:
        assert answer.status_code == 200
        return
    kind, reason = row.ours
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == kind(reason).www_authenticate
    assert answer.json()["detail"] == f"sign in: {reason}"


@pytest.mark.parametrize("row", LASTING_ROWS, ids=lambda row: row.name)
def test_each_row_is_answered_over_grpc(service: Service, row: Row) -> None:
    header = row.header()
    if row.ours is None:
        assert service.call(header).nodes
        return
    with pytest.raises(grpc.RpcError) as refused:
        service.call(header)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


OPEN = ["/healthz", "/-/healthy", "/-/ready", "/-/metrics", "/openapi.json"]


@pytest.mark.parametrize("path", OPEN)
def test_probes_ask_for_no_token(service: Service, path: str) -> None:
    assert service.get(path).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"])
@pytest.mark.parametrize("path", OPEN[1:])
def test_open_path_opens_nothing_by_another_method(
    service: Service, path: str, method: str
) -> None:
    answer = service.get(path, method=method)
    assert answer.status_code == 405
    assert "edge-north" not in answer.text


@pytest.mark.parametrize("path", ["/", "/anything", "/healthz/", "//healthz"])
def test_every_other_path_asks_for_one(service: Service, path: str) -> None:
    assert service.get(path).status_code == 401


def test_role_that_is_missing_is_another_matter(prometheus: FakePrometheus) -> None:
    with a_service(prometheus, token_roles="reader", grpc_port=0) as running:
        answer = running.get("/", bearer(a_token()))
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        with pytest.raises(grpc.RpcError) as refused:
            running.call(bearer(a_token()))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        granted = bearer(a_token(roles=["reader"]))
        assert running.get("/", granted).ok
        assert running.call(granted).nodes


def test_grpc_asks_for_no_token_where_that_is_wanted(prometheus: FakePrometheus) -> None:
    with a_service(prometheus, grpc_auth="off", grpc_port=0) as running:
        assert running.call().nodes
        assert running.get().status_code == 401


def test_without_a_key_nobody_is_asked(prometheus: FakePrometheus) -> None:
    with a_service(prometheus, key=None, grpc_port=0) as running:
        assert running.get().ok
        assert running.call().nodes


def test_browser_may_sign_in_by_password_beside_tokens(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    file = tmp_path / "web.yaml"
    hashed = bcrypt.hashpw(b"hush", bcrypt.gensalt(4)).decode()
    file.write_text(yaml.safe_dump({"basic_auth_users": {"jo": hashed}}), encoding="utf-8")
    with a_service(prometheus, WebConfig.load(file)) as running:
        assert running.get("/", requests.auth._basic_auth_str("jo", "hush")).ok
        assert running.get("/", requests.auth._basic_auth_str("jo", "wrong")).status_code == 401
        assert running.get("/", bearer(a_token())).ok
        told = running.get("/").headers["WWW-Authenticate"]
    assert "Bearer" in told
    assert "Basic" in told


def test_grpc_that_could_ask_for_nothing_does_not_start(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    file = tmp_path / "web.yaml"
    hashed = bcrypt.hashpw(b"hush", bcrypt.gensalt(4)).decode()
    file.write_text(yaml.safe_dump({"basic_auth_users": {"jo": hashed}}), encoding="utf-8")
    users = WebConfig.load(file)
    told = {"prometheus_address": prometheus.url, "grpc_port": 0}
    with pytest.raises(UnguardedGrpc, match="set KEY"):
        create_app(Settings(**told), users)
    assert create_app(Settings(**told, grpc_auth="off"), users)


def test_no_token_and_no_claim_is_logged(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    token = a_token(sub="jo-the-secret-user", exp=NOW - 900)
    with caplog.at_level(logging.DEBUG):
        assert service.get("/", bearer(token)).status_code == 401
        with pytest.raises(grpc.RpcError):
            service.call(bearer(token))
    assert token not in caplog.text
    assert "jo-the-secret-user" not in caplog.text


def test_errors_are_those_of_the_table() -> None:
    assert MissingToken("x").www_authenticate == 'Bearer realm="costwire"'
    assert "insufficient_scope" in InsufficientRole("x").www_authenticate

"""Settings of the server."""

from __future__ import annotations

import pytest

from costwire_aggregator.grpc.server import GrpcSettings, Tls


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1:8181"), ("::", "[::]:8181"), ("localhost", "localhost:8181")],
)
def test_address_is_as_grpc_wants_it(host: str, address: str) -> None:
    assert GrpcSettings(host, 8181).address == address


def test_key_is_in_no_repr() -> None:
    assert "secret" not in repr(GrpcSettings("::", 8181, Tls(b"public", b"secret")))

"""The aggregator as the composition starts it: its environment, its account, its probe."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.composition import CORE, composition
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.hostile import Answering
from tests.support.kubernetes_estates import Estate
from tests.support.local_server import LocalServer
from tests.support.processes import ServiceProcess, free_port, local_get
from tests.support.waiting import until

SERVICE: dict[str, Any] = composition(CORE)["services"]["aggregator"]
TOLD: dict[str, str] = {
    name: value for name, value in SERVICE["environment"].items() if value is not None
}
PASSWORD = "hush-hush"


class _Handler(Answering):
    """A handler without charges, which remembers who asked."""

    body = json.dumps({"asOf": {"state": 0}, "by": [], "rows": [], "totals": {}}).encode()

    def do_GET(self) -> None:
        server: Handler = self.server.owner  # type: ignore[attr-defined]
        server.asked.append((urlsplit(self.path).path, self.headers["Authorization"]))
        super().do_GET()


class Handler(LocalServer):
    """Stands for the database handler."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def handler() -> Iterator[Handler]:
    with Handler() as server:
        yield server


def started(folder: Path, upstream: str, handler: Handler) -> ServiceProcess:
    """It, with the composition's servers and secrets where the test has them."""
    secret = Path(TOLD["AGGREGATOR_HANDLER_PASSWORD_FILE"]).name
    (folder / secret).write_text(f"{PASSWORD}\n")
    here = {
        "PROMETHEUS_ADDRESS": upstream,
        "AGGREGATOR_HANDLER_URL": handler.url,
        "AGGREGATOR_HANDLER_PASSWORD_FILE": str(folder / secret),
        "GRPC_PORT": "0",
    }
    return ServiceProcess("aggregator", folder, environment={**TOLD, **here}).start()


def probed(port: int) -> int:
    """The exit status of the composition's health check, asked at another port."""
    _, _, *options, told = SERVICE["healthcheck"]["test"]
    assert told == "8080"
    probe = [sys.executable, *options, str(port)]
    return subprocess.run(probe, capture_output=True, timeout=30, check=False).returncode


def test_composition_tells_clusters_with_their_costs(tmp_path: Path, handler: Handler) -> None:
    estate = Estate(7)
    with (
        FlavourUpstream("kubernetes", estate.series("kubernetes")) as upstream,
        started(tmp_path, upstream.url, handler) as service,
    ):
        service.wait_until_ready()
        assert probed(urlsplit(service.url).port or 0) == 0
        told = local_get(f"{service.url}/v1/topology", {"costs": "1"}).json()
    assert len(told["clusters"]) == len(estate.clusters)
    assert told["costs"]["state"] == "joined"
    signed = base64.b64encode(f"aggregator:{PASSWORD}".encode()).decode()
    assert handler.asked == [("/costs", f"Basic {signed}")]


def test_probe_fails_while_no_upstream_answers(tmp_path: Path, handler: Handler) -> None:
    with started(tmp_path, f"http://127.0.0.1:{free_port()}", handler) as service:
        until("it serves", service.has_begun, 60)
        assert probed(urlsplit(service.url).port or 0) == 1
        assert local_get(f"{service.url}/healthz").ok

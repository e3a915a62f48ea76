"""What end-to-end tests start from: one running database handler for all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import Run, start
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess
from tests.support.store import Store


@pytest.fixture(scope="session")
def handler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A database handler as a process of its own; commands find it by its data folder."""
    data = tmp_path_factory.mktemp("shared") / "data"
    data.mkdir()
    process = ServiceProcess(
        "db-handler",
        data.parent,
        data_dir=data,
        address_file=data / "handler.address",
        query_timeout_seconds=2,
    )
    with process.start():
        yield process.wait_until_ready()


@pytest.fixture(scope="session")
def store(handler: ServiceProcess) -> Store:
    """The store of that handler; every test has tables of its own."""
    return Store(handler.url, handler.address_file.parent)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A running `costwire demo`, without a terminal."""
    data = tmp_path_factory.mktemp("demo") / "data"
    process = start(["demo", "--data", data], environment={"CHECK": "1"})
    yield process
    process.kill()
    process.communicate(timeout=20)


@pytest.fixture(scope="session", autouse=True)
def _early(request: pytest.FixtureRequest) -> None:
    """The demonstration takes its time: it runs beside the tests before its own."""
    if any("demo" in item.fixturenames for item in request.session.items):  # type: ignore[attr-defined]
        request.getfixturevalue("demo")


@pytest.fixture
def direct(store: Store, tmp_path: Path) -> Pipeline:
    """Delivers to that store from this process, to get a test's table quickly where it wants it."""
    return Pipeline(store, tmp_path)


@pytest.fixture(scope="session")
def run(store: Store) -> Run:
    """Runs `costwire run --once` on that store."""
    return Run(store.data)

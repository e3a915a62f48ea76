"""What end-to-end tests start from: one running database handler for all of them."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.support.commands import Run
from tests.support.cratedb_store import for_handler
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess
from tests.support.store import ON_CRATEDB, Store


@pytest.fixture(scope="session")
def handler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A database handler as a process of its own; commands find it by its data folder."""
    data = tmp_path_factory.mktemp("shared") / "data"
    data.mkdir()
    with ExitStack() as opened:
        engine = opened.enter_context(for_handler(data)) if ON_CRATEDB else {}
        process = ServiceProcess(
            "db-handler",
            data.parent,
            data_dir=data,
            address_file=data / "handler.address",
            query_timeout_seconds=10 if ON_CRATEDB else 2,
            **engine,
        )
        opened.enter_context(process.start())
        yield process.wait_until_ready()


@pytest.fixture(scope="session")
def usual_ports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], AbstractContextManager[None]]:
    """Ports 2112 and 8088, for one at a time of all the processes that run tests."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if hasattr(request.config, "workerinput") else folder

    @contextmanager
    def locked() -> Iterator[None]:
        with (shared / "usual-ports.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    return locked


@pytest.fixture(scope="session")
def store(handler: ServiceProcess) -> Store:
    """The store of that handler; every test has tables of its own."""
    return Store(handler.url, handler.address_file.parent)


@pytest.fixture
def direct(store: Store, tmp_path: Path) -> Pipeline:
    """Delivers to that store from this process, to get a test's table quickly where it wants it."""
    return Pipeline(store, tmp_path)


@pytest.fixture(scope="session")
def run(store: Store) -> Run:
    """Runs `costwire run --once` on that store."""
    return Run(store.data)

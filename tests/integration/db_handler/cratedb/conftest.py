"""CrateDB stores of a test's own, on an empty database; nobody else uses it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.cratedb import cratedb_url, superuser
from tests.support.cratedb_store import alone, forget_all

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.stores import StoreLimits
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials, Session
from costwire_db_handler.stores.cratedb.store import CrateDBOptions, CrateDBStore

OpenReplica = Callable[..., CrateDBStore]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a CrateDB that is this module's alone."""
    found = cratedb_url()
    with alone():
        yield found


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    """Statements of the superuser, on an empty database."""
    forget_all(url)
    with superuser(url) as opened:
        yield opened


@pytest.fixture
def replica(url: str, session: Session, tmp_path: Path) -> Iterator[OpenReplica]:
    """Opens handlers' stores on the same database, each with a data folder of its name."""
    with ExitStack() as opened:

        def open_(name: str = "one", **options: Any) -> CrateDBStore:
            store = CrateDBStore.open(
                CrateDBOptions(ClusterOptions([url]), Credentials("crate", ""), **options),
                tmp_path / name,
                thresholds=Thresholds(),
                limits=StoreLimits(),
            )
            opened.callback(store.close)
            return store

        yield open_

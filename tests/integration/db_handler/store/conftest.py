"""The store under test, once for each engine, and what a test does with it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.factories import NOW, Report, part_body

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.sql.protocol import SqlRequest
from costwire_db_handler.stores import CostStore, StoreLimits, open_store
from costwire_db_handler.users import Role, User

READER = User("rita", Role.READER, "")


class Shop:
    """A store, opened again as often as a test wants, and short ways to use it."""

    def __init__(self, open_: Callable[[], CostStore]) -> None:
        self._open = open_
        self.store = open_()
        self.now = NOW

    def reopen(self) -> None:
        """Close the store and open it again, as a restart does."""
        self.store.close()
        self.store = self._open()

    def tick(self) -> datetime:
        """A moment later than all before."""
        self.now += timedelta(seconds=1)
        return self.now

    def open(self, report: Report, **how: Any) -> Entry:
        """Announce a delivery."""
        return self.store.open_delivery(report.manifest, self.tick(), **how)

    def stage(self, commit: int, report: Report) -> None:
        """Send all of a delivery."""
        for seq, part in enumerate(report.parts):
            digest = hashlib.sha256(part_body(part)).hexdigest()
            self.store.stage_part(commit, seq, part, digest)
        self.store.set_quarantine(commit, report.quarantine)

    def deliver(self, report: Report, *, dry_run: bool = False) -> Entry:
        """Announce, send and commit a delivery; gives the ledger's entry."""
        entry = self.open(report, dry_run=dry_run)
        if entry.state is not State.OPEN:
            return entry
        self.stage(entry.commit, report)
        return self.store.commit(entry.commit, self.tick(), dry_run=dry_run)

    def ask(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What a reader sees."""
        outcome = self.store.run_sql(READER, SqlRequest(statement, arguments))
        assert outcome.result is not None
        rows: list[tuple[Any, ...]] = []
        for batch in outcome.result.batches:
            rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return rows

    def costs(self, table: str = "costs") -> list[tuple[Any, ...]]:
        """Resource and billed cost of what a reader sees, in order."""
        rows = self.ask(f'SELECT "ResourceId", "BilledCost"::text FROM {table}')  # noqa: S608
        return sorted((resource, plain(cost)) for resource, cost in rows)


def plain(amount: str | None) -> str | None:
    """An amount's text without trailing zeros."""
    if amount is None or "." not in amount:
        return amount
    return amount.rstrip("0").rstrip(".")


OpenShop = Callable[..., Shop]


ROOMY_MIB = 1 << 20
"""More than a process that runs a thousand tests grows to; queries wait above the limit."""


def _open_duckdb(folder: Path, limits: StoreLimits | None = None, **thresholds: Any) -> Shop:
    told = Thresholds(**thresholds)
    roomy = replace(limits or StoreLimits(), process_memory_mib=ROOMY_MIB)
    return Shop(lambda: open_store(folder, thresholds=told, limits=roomy))


ENGINES: dict[str, OpenShop] = {"duckdb": _open_duckdb}


@pytest.fixture(scope="session", params=ENGINES)
def open_shop(request: pytest.FixtureRequest) -> OpenShop:
    """Opens a store of the engine under test in a folder, with the limits that a test wants."""
    return ENGINES[request.param]


@pytest.fixture
def make_shop(open_shop: OpenShop, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Opens a new store; it is closed at the end of the test."""
    with ExitStack() as opened:

        def make(limits: StoreLimits | None = None, **thresholds: Any) -> Shop:
            shop = open_shop(tmp_path / "data", limits, **thresholds)
            opened.callback(lambda: shop.store.close())
            return shop

        yield make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A new store."""
    return make_shop()


@pytest.fixture(scope="module")
def lasting_shop(
    open_shop: OpenShop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], tuple[Shop, str]]]:
    """One store for the tests of a file; gives it with a table that none of them has used."""
    shop = open_shop(tmp_path_factory.mktemp("lasting"))
    numbers = itertools.count()
    yield lambda: (shop, f"costs_{next(numbers)}")
    shop.store.close()


@pytest.fixture
def duckdb_shop(tmp_path: Path) -> Iterator[Shop]:
    """A new embedded store, for tests of what only its file tells."""
    shop = _open_duckdb(tmp_path / "data")
    yield shop
    shop.store.close()

"""The store under test, once for each engine, and what a test does with it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.factories import NOW, Changed, Report, part_body
from tests.support.cratedb import cratedb_url
from tests.support.cratedb_store import alone, forget_all

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.sql.answers import SqlAnswer, SqlCall
from costwire_db_handler.stores import CostStore, OnSettled, Store, StoreLimits, open_store
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials
from costwire_db_handler.stores.cratedb.store import CrateDBOptions
from costwire_db_handler.users import Caller, Role

READER = Caller("rita", Role.READER)
WRITER = Caller("will", Role.WRITER)


class Shop:
    """A store, opened again as often as a test wants, and short ways to use it."""

    def __init__(
        self,
        open_: Callable[[OnSettled], Store],
        reader: Caller = READER,
        writer: Caller = WRITER,
    ) -> None:
        self.heard: list[Entry] = []
        self._open = partial(open_, self.heard.append)
        self._opened = self._open()
        self._reader = reader
        self._writer = writer
        self.now = NOW

    @property
    def store(self) -> CostStore:
        """The store with the handler's own rights."""
        return self._opened.own

    @property
    def user(self) -> Caller:
        """Somebody who may decide."""
        return self._reader

    def of(self, caller: Caller) -> CostStore:
        """The store with a caller's rights."""
        return self._opened.acting_for(caller)

    def close(self) -> None:
        """Close the store."""
        self._opened.close()

    def reopen(self) -> None:
        """Close the store and open it again, as a restart does."""
        self.close()
        self._opened = self._open()

    def tick(self) -> datetime:
        """A moment later than all before."""
        self.now += timedelta(seconds=1)
        return self.now

    def open(self, report: Report, **how: Any) -> Entry:
        """Announce a delivery."""
        return self.store.open_delivery(report.manifest, self.tick, **how)

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
        return self.store.commit(entry.commit, self.tick, dry_run=dry_run)

    def stage_changes(self, commit: int, changed: Changed) -> None:
        """Send what a delivery changes."""
        for kind, part in (("added", changed.added), ("removed", changed.removed)):
            if part.num_rows:
                digest = hashlib.sha256(part_body(part)).hexdigest()
                self.store.stage_part(commit, 0, part, digest, kind)

    def deliver_changes(self, changed: Changed) -> Entry:
        """Announce, send and commit a delivery by its changes."""
        entry = self.open(changed.report)
        if entry.state is not State.OPEN:
            return entry
        self.stage_changes(entry.commit, changed)
        return self.store.commit_changes(entry.commit, self.tick)

    def run_sql(self, call: SqlCall) -> SqlAnswer:
        """A statement of a reader, as it comes and goes over HTTP."""
        return self._opened.acting_for(self._reader).run_sql(call)

    def ask(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What a reader sees."""
        return self._run(self._reader, statement, arguments)

    def change(self, statement: str, *arguments: Any) -> None:
        """What a user does who may have tables."""
        self._run(self._writer, statement, arguments)

    def _run(self, caller: Caller, statement: str, arguments: Any) -> list[tuple[Any, ...]]:
        call = SqlCall(json.dumps({"stmt": statement, "args": arguments}).encode())
        answer = self._opened.acting_for(caller).run_sql(call)
        told = json.loads(b"".join(answer.pieces), parse_float=Decimal)
        assert answer.status == 200, told
        return [tuple(row) for row in told["rows"]]

    def costs(self, table: str = "charges") -> list[tuple[Any, ...]]:
        """Resource and billed cost of what a reader sees, in order."""
        rows = self.ask(f"SELECT ResourceId, BilledCost::text FROM {table}")  # noqa: S608
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
    return Shop(lambda heard: open_store(folder, thresholds=told, limits=roomy, on_settled=heard))


def _open_cratedb(folder: Path, limits: StoreLimits | None = None, **thresholds: Any) -> Shop:
    url, told = cratedb_url(), Thresholds(**thresholds)
    admin = Credentials("crate", "")
    if not folder.exists():
        forget_all(url)
    options = CrateDBOptions(ClusterOptions([url]), admin)
    return Shop(
        lambda heard: open_store(
            folder,
            thresholds=told,
            limits=limits or StoreLimits(),
            cratedb=options,
            on_settled=heard,
        ),
        Caller("crate", None),
        Caller("crate", None),
    )


ENGINES: dict[str, OpenShop] = {"duckdb": _open_duckdb, "cratedb": _open_cratedb}


@pytest.fixture(scope="session", params=ENGINES)
def open_shop(request: pytest.FixtureRequest) -> Iterator[OpenShop]:
    """Opens a store of the engine under test in a folder, with the limits that a test wants."""
    with alone() if request.param == "cratedb" else nullcontext():
        yield ENGINES[request.param]


@pytest.fixture
def make_shop(open_shop: OpenShop, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Opens a new store; it is closed at the end of the test."""
    with ExitStack() as opened:

        def make(limits: StoreLimits | None = None, **thresholds: Any) -> Shop:
            shop = open_shop(tmp_path / "data", limits, **thresholds)
            opened.callback(shop.close)
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
    shop = open_shop(tmp_path_factory.mktemp("lasting") / "data")
    numbers = itertools.count()
    yield lambda: (shop, f"charges_{next(numbers)}")
    shop.close()


@pytest.fixture
def duckdb_shop(tmp_path: Path) -> Iterator[Shop]:
    """A new embedded store, for tests of what only its file tells."""
    shop = _open_duckdb(tmp_path / "data")
    yield shop
    shop.close()


@pytest.fixture(scope="session")
def open_duckdb() -> OpenShop:
    """Opens an embedded store in a folder; whoever does closes it."""
    return _open_duckdb


@pytest.fixture
def make_duckdb(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Opens a new embedded store with the thresholds that a test wants."""
    with ExitStack() as opened:

        def make(**thresholds: Any) -> Shop:
            shop = _open_duckdb(tmp_path / "data", **thresholds)
            opened.callback(shop.close)
            return shop

        yield make

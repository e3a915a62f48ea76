"""One CrateDB as the handler's store: connected, brought up to date, and left in order."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from costwire_db_handler.charges.prepare import Preparer
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.errors import CannotOpen, StoreInUse, UnknownDelivery
from costwire_db_handler.ledger import State
from costwire_db_handler.stores import OnSettled, StoreLimits
from costwire_db_handler.stores.cratedb import erasing, ledger, states
from costwire_db_handler.stores.cratedb.acting import Shared
from costwire_db_handler.stores.cratedb.catalog import Shaper
from costwire_db_handler.stores.cratedb.cluster import (
    Cluster,
    ClusterOptions,
    Credentials,
    Session,
)
from costwire_db_handler.stores.cratedb.cost_store import CrateDBCostStore
from costwire_db_handler.stores.cratedb.failures import PrivilegeMissing, StoreProblem
from costwire_db_handler.stores.cratedb.layout import Storage
from costwire_db_handler.stores.cratedb.loading import Bulk
from costwire_db_handler.stores.cratedb.parts import PartsStore
from costwire_db_handler.stores.cratedb.probe import Probe
from costwire_db_handler.stores.cratedb.schema import migrate
from costwire_db_handler.stores.cratedb.scratch import Scratch
from costwire_db_handler.stores.cratedb.sign_in import SignIn
from costwire_db_handler.stores.cratedb.statements import Statements
from costwire_db_handler.stores.cratedb.turns import Turns, read_row
from costwire_db_handler.users import Caller, Role
from costwire_runtime.problems import Problem

# Of every writer; an upload is delivered by the handler itself, so that no statement would tell.
_MAY_WRITE = "SELECT has_table_privilege('costwire.deliveries', 'INSERT')"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CrateDBOptions:
    """Where CrateDB is, and how it is used."""

    cluster: ClusterOptions
    account: Credentials | Callable[[], Credentials]
    """The handler's own: it makes tables and views, and finishes what a kill left behind.

    A function where its password may change.
    """
    storage: Storage = field(default_factory=Storage)
    bulk: Bulk = field(default_factory=Bulk)
    lease_seconds: float = 60.0
    wait_seconds: float = 45.0


class CrateDBStore:
    """One CrateDB, as several handlers may use it at the same time."""

    def __init__(self, cluster: Cluster, shared: Shared, lock: IO[str]) -> None:
        """`lock`: of the data folder, held for as long as the store is open."""
        self._cluster = cluster
        self._shared = shared
        self._probe = Probe(shared.own)
        self._lock = lock

    @classmethod
    def open(
        cls,
        options: CrateDBOptions,
        data_dir: Path,
        *,
        thresholds: Thresholds,
        limits: StoreLimits,
        on_settled: OnSettled = lambda entry: None,
    ) -> CrateDBStore:
        """Connect, bring the schema to this version, and finish or undo what a kill left behind.

        Raises `CannotOpen`.
        """
        replica, lock = _replica(data_dir)
        cluster = Cluster(options.cluster)
        own = cluster.own_session(options.account)
        scratch = data_dir / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        shared = Shared(
            own=own,
            account=own.credentials.name,
            storage=options.storage,
            bulk=options.bulk,
            parts=PartsStore(data_dir / "parts"),
            preparer=Preparer(),
            turns=Turns(replica, options.lease_seconds, options.wait_seconds),
            thresholds=thresholds,
            limits=limits,
            scratch=Scratch(scratch, limits),
            statements=Statements(own, timeout_seconds=limits.query_timeout_seconds),
            sign_in=SignIn(cluster),
            on_settled=on_settled,
        )
        store = cls(cluster, shared, lock)
        try:
            migrate(own)
            store._recover()
            states.complete(own)
        except StoreProblem as problem:
            store.close()
            raise CannotOpen(f"open the store: {problem.detail}") from problem
        except CannotOpen:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the connections."""
        self._shared.preparer.close()
        self._cluster.close()
        self._lock.close()

    @property
    def own(self) -> CrateDBCostStore:
        """The charges with the handler's own rights."""
        return CrateDBCostStore(self._shared, self._shared.own, None)

    def sign_in(self, name: str, password: str) -> Caller | None:
        """Whoever these credentials belong to; the database is asked on a connection of theirs."""
        return self._shared.sign_in.check(name, password)

    def allows(self, caller: Caller, role: Role) -> bool:
        """Whether the privilege of a writer or an admin is there; what is then done tells more."""
        session = self._session(caller)
        if role is Role.WRITER:
            (row,) = session.execute(_MAY_WRITE).rows
            return bool(row[0])
        if role is Role.ADMIN:  # the audit log, for one, is no table that CrateDB could refuse
            try:
                session.execute(erasing.ONLY_ADMINS)
            except PrivilegeMissing:
                return False
        return True

    def why_not_ready(self) -> str | None:
        """Why the database cannot be asked at this moment, or None."""
        return self._probe.why_not_ready()

    def acting_for(self, caller: Caller) -> CrateDBCostStore:
        """The charges with a caller's rights."""
        return CrateDBCostStore(self._shared, self._session(caller), caller.name)

    def receiving(self) -> AbstractContextManager[None]:
        """Statements of users run elsewhere, and keep memory from nothing here."""
        return contextlib.nullcontext()

    def _session(self, caller: Caller) -> Session:
        return self._cluster.session(Credentials(caller.name, caller.password))

    def _recover(self) -> None:
        """Finish or undo what was being settled; what another handler is at is left to it."""
        shared = self._shared
        shared.own.execute("REFRESH TABLE costwire.tables")
        rows = shared.own.execute("SELECT name FROM costwire.tables LIMIT 100000").rows
        turns = replace(shared.turns, wait_seconds=0.0)
        unmerged = set(erasing.wanted(shared.own))
        for (table,) in rows:
            row = read_row(shared.own, table)
            is_whole = row is None or (
                row.attempt is None and (not row.layout or row.layout.is_complete)
            )
            if is_whole and table not in unmerged:
                continue
            try:
                with turns.take(shared.own, table) as turn:
                    Shaper(shared.own, shared.own, shared.storage, turn).publish()
                    _logger.info("the table is as its ledger says", extra={"table": table})
                    erasing.merge_left(shared.own, turn)
            except Problem as problem:
                _logger.info("left to another handler", extra={"why": problem.detail})
        for commit in shared.parts.commits(shared.own):
            with contextlib.suppress(UnknownDelivery):
                if ledger.get(shared.own, commit).entry.state is State.OPEN:
                    continue
            shared.parts.clear(shared.own, commit)


def _replica(data_dir: Path) -> tuple[str, IO[str]]:
    """The name of the handler of this data folder, the same after a restart; and its lock.

    Whoever has the lock may take over what another process of that name has left. Raises
    `StoreInUse`.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "replica"
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as taken:
        file.close()
        raise StoreInUse(
            f"open {path}: another process has it open; give each handler a folder of its own"
        ) from taken
    file.seek(0)
    name = file.read().strip()
    if not name:
        name = uuid.uuid4().hex
        file.write(name)
        file.flush()
    return name, file

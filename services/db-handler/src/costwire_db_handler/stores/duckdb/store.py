"""The embedded store: one DuckDB file opened, signed in to, and closed."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from costwire_db_handler.charges.prepare import Preparer
from costwire_db_handler.charges.staging import StagingArea
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.errors import (
    CannotOpen,
    StoreDamaged,
)
from costwire_db_handler.ledger import State
from costwire_db_handler.stores import OnSettled, StoreLimits
from costwire_db_handler.stores.duckdb import damage, deliveries
from costwire_db_handler.stores.duckdb.bootstrap import ensure_admin
from costwire_db_handler.stores.duckdb.catalog import ensure_views
from costwire_db_handler.stores.duckdb.cost_store import OWN, DuckDBCostStore, Shared
from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.stores.duckdb.queries import Queries
from costwire_db_handler.stores.duckdb.replays import Replays
from costwire_db_handler.stores.duckdb.users import StoredUsers
from costwire_db_handler.users import Caller, CredentialCache, Role, SignIn

_STAGING = "staging"


class DuckDBStore:
    """One file with charges, ledger and users, staged parts beside it."""

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        thresholds: Thresholds,
        limits: StoreLimits,
        on_settled: OnSettled = lambda entry: None,
    ) -> None:
        preparer, credentials = Preparer(), CredentialCache()
        self._shared = Shared(
            database=database,
            staging=StagingArea(data_dir / _STAGING),
            preparer=preparer,
            replays=Replays(database, data_dir / _STAGING, preparer, thresholds),
            users=StoredUsers(database, on_change=credentials.clear),
            queries=Queries(
                database,
                timeout_seconds=limits.query_timeout_seconds,
                max_rows=limits.query_rows,
                ceiling_mib=limits.process_memory_mib,
            ),
            thresholds=thresholds,
            limits=limits,
            on_settled=on_settled,
        )
        self._sign_in = SignIn(self._shared.users, credentials)
        with database.writing() as sql:
            ensure_views(sql)
        # Staged parts outlive a kill only as long as their delivery is open.
        with database.reading() as sql:
            opened = deliveries.in_state(sql, State.OPEN)
        self._shared.staging.keep_only([entry.commit for entry in opened])

    @classmethod
    def open(
        cls,
        data_dir: Path,
        *,
        thresholds: Thresholds,
        limits: StoreLimits,
        on_settled: OnSettled = lambda entry: None,
    ) -> DuckDBStore:
        """Open or make the store of a data folder; raises `CannotOpen`, `StoreInUse`."""
        try:
            database = Database.open(
                data_dir, memory_bytes=limits.memory_bytes, threads=limits.threads
            )
            with ExitStack() as failing:
                failing.callback(database.close)
                store = cls(database, data_dir, thresholds, limits, on_settled)
                ensure_admin(store._shared.users, data_dir)
                failing.pop_all()
        except StoreDamaged as damaged:
            raise CannotOpen(f"open {data_dir}: {damaged.detail}: {damage.REMEDY}") from damaged
        return store

    @property
    def own(self) -> DuckDBCostStore:
        """The charges with the handler's own rights."""
        return self.acting_for(OWN)

    def sign_in(self, name: str, password: str) -> Caller | None:
        """The user of these credentials."""
        return self._sign_in.check(name, password)

    def allows(self, caller: Caller, role: Role) -> bool:
        """Whether the caller's role includes this one."""
        return caller.role is not None and caller.role.includes(role)

    def why_not_ready(self) -> str | None:
        """Nothing keeps it once it is open, but for the writing anew of its file."""
        if self._shared.database.is_being_rewritten:
            return "the file is being rewritten after an erasure"
        return None

    def acting_for(self, caller: Caller) -> DuckDBCostStore:
        """The charges for a caller, whose role the endpoints have checked."""
        return DuckDBCostStore(self._shared, caller)

    def close(self) -> None:
        """Finish what runs and close the file."""
        self._shared.queries.close()
        self._shared.preparer.close()
        self._shared.database.close()

    def receiving(self) -> AbstractContextManager[None]:
        """Around the taking in of a delivery: statements of users never keep memory from it."""
        return self._shared.database.headroom.unbounded()

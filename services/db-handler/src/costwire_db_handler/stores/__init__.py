"""The store port: what the handler needs of a database engine, and nothing else.

No engine is imported before `open_store` is called for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from costwire_db_handler.answers.rates import Rates
from costwire_db_handler.answers.versions import Versions
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.erasing import Erasure, ErasureRequest
from costwire_db_handler.ledger import Clock, Entry
from costwire_db_handler.repair_sheet import Replayed, ReplayRequest
from costwire_db_handler.sql.answers import SqlAnswer, SqlCall
from costwire_db_handler.standing import QuarantineOf
from costwire_db_handler.users import Caller, Role, Users
from costwire_focus.manifest import ChangeKind, Manifest

if TYPE_CHECKING:
    from costwire_db_handler.stores.cratedb.store import CrateDBOptions


@dataclass(frozen=True)
class StoreLimits:
    """What a store may take of the machine."""

    memory_bytes: int = 160 * 1024 * 1024
    """Of the engine, all its threads; what is larger spills to disk."""
    threads: int = 2
    """Of the engine."""
    process_memory_mib: int = 480
    """Above this the newest query of a user is ended."""
    query_timeout_seconds: float = 30.0
    query_rows: int = 100_000
    open_deliveries: int = 100
    open_deliveries_per_user: int = 80
    open_hours: float = 24.0
    """What is open for longer is given up when another delivery is opened."""


class Store(Protocol):
    """A database: who may use it, and the charges in it; safe to call from any thread."""

    @property
    def own(self) -> CostStore:
        """The charges with the handler's own rights: for what no request is waiting for."""
        ...

    def sign_in(self, name: str, password: str) -> Caller | None:
        """Whoever these credentials belong to; None when they are wrong.

        Credentials that are base64-encoded are accepted too.
        """
        ...

    def allows(self, caller: Caller, role: Role) -> bool:
        """Whether a caller may do what takes this role, as far as that shows before it is done."""
        ...

    def acting_for(self, caller: Caller) -> CostStore:
        """The charges with a caller's rights."""
        ...

    def receiving(self) -> AbstractContextManager[None]:
        """Around the taking in of a delivery: statements of users never keep memory from it."""
        ...

    def why_not_ready(self) -> str | None:
        """Why the database cannot be asked at this moment, or None; known within seconds."""
        ...

    def close(self) -> None:
        """Finish what runs and let go of the database."""
        ...


class CostStore(Protocol):
    """Versioned charges, the ledger, users, and SQL for them, with the rights of one caller.

    What decides on a delivery takes the clock: the time that counts is that at which the decision
    is made visible, not that of the request.
    """

    def open_delivery(self, manifest: Manifest, clock: Clock, *, dry_run: bool = False) -> Entry:
        """Record an arrival. The entry is open, or already settled when there is nothing to send.

        The same manifest that is still open, or was set aside, is the same delivery again. A dry
        run is in no list, and gone with its commit. Raises `TooManyOpen`.
        """
        ...

    def staged_parts(self, commit: int) -> list[int]:
        """The numbers of the parts that need not be sent again."""
        ...

    def stage_part(
        self,
        commit: int,
        seq: int,
        charges: pa.Table,
        digest: str,
        kind: ChangeKind | None = None,
    ) -> None:
        """Keep a part of an open delivery; the same part again changes nothing.

        `kind`: of what the delivery changes; None: of the whole. Raises `ChangesDoNotApply`.
        """
        ...

    def takes_changes(self, commit: int) -> bool:
        """Whether an open delivery may be told by its changes: readers see what it changes."""
        ...

    def set_quarantine(self, commit: int, rows: Iterable[dict[str, Any]]) -> None:
        """Keep the rows that the exporter could not use; replaces what was kept before."""
        ...

    def commit_changes(self, commit: int, clock: Clock) -> Entry:
        """Settle an open delivery by what was staged of its changes.

        Raises `ChangesDoNotApply` where the whole of it is wanted: then nothing has changed.
        """
        ...

    def commit(self, commit: int, clock: Clock, *, dry_run: bool = False) -> Entry:
        """Verify an open delivery against its manifest, and settle it in one step.

        Raises `Unbalanced` when counts or sums differ, `OutsideScope` when a charge lies outside
        the declared months: then nothing has changed, as after a dry run.
        """
        ...

    def abort(self, commit: int, clock: Clock) -> Entry | None:
        """Give up an open delivery; None of a trial, and of one that was aborted before."""
        ...

    def accept(self, commit: int, clock: Clock) -> Entry:
        """Make a held, rejected or superseded delivery what readers see."""
        ...

    def reject(self, commit: int, clock: Clock) -> Entry:
        """Decide that a held delivery is not to be seen."""
        ...

    def require_maker(self, table: str) -> None:
        """Raises a `Forbidden` where the table is new, and the caller may not make one."""
        ...

    def deliveries(self, table: str | None = None) -> list[Entry]:
        """The ledger, oldest first."""
        ...

    def delivery(self, commit: int) -> Entry:
        """One entry; raises `UnknownDelivery`."""
        ...

    def quarantine(self, commit: int) -> Iterator[dict[str, Any]]:
        """The quarantined rows of a delivery, without those that were repaired.

        Row (its number), file, line, raw (base64), column, rule, reason, cells.
        """
        ...

    def columns(self, commit: int) -> list[str]:
        """The columns of a delivery, in its report's order; raises `UnknownDelivery`."""
        ...

    def replay(
        self, commit: int, request: ReplayRequest, clock: Clock, *, dry_run: bool = False
    ) -> Replayed:
        """Store the repaired rows of a sheet as a new state of their delivery, or none of them.

        Raises `BadSheet`, `RowsBroken` when any is still wrong, and `CannotReplay` when readers do
        not see the delivery. Repeated, it changes nothing. A dry run tells what is wrong.
        """
        ...

    def standing(self, table: str | None = None) -> list[Entry]:
        """The deliveries whose figures are those of now, oldest first."""
        ...

    def quarantines(self, table: str | None = None) -> list[QuarantineOf]:
        """What of these is in quarantine; those of which nothing is are left out."""
        ...

    def adopt(self, table: str, clock: Clock) -> Entry:
        """Take over a table of the original handler, as one delivery; repeated, the same entry.

        Raises `UnknownTable` and `CannotAdopt`.
        """
        ...

    def versions(self, table: str, *, wide: bool = False) -> AbstractContextManager[Versions]:
        """All versions of a table's charges, as one moment has them; raises `UnknownTable`.

        `wide`: sums of any size, more slowly; without, a question may raise `SumTooLarge`.
        """
        ...

    @property
    def rates(self) -> Rates:
        """Where exchange rates are kept."""
        ...

    def erase(self, request: ErasureRequest, clock: Clock, *, dry_run: bool = False) -> Erasure:
        """Remove charges from every version, for good, and from the files of the database.

        Deliveries of the table that are open are given up. Repeated, it removes what is left.
        Raises `UnknownTable`, and `StoreBusy` when the files could not be written anew: then it is
        to be repeated.
        """
        ...

    def retire(self, table: str, cutoff: datetime, clock: Clock) -> Entry | None:
        """Remove what was closed or decided against before a time, as much as goes in a moment.

        Never current charges, nor held ones. None where there is nothing.
        """
        ...

    def horizon(self, table: str) -> int:
        """The first state of a table that can still be asked for; 0 where nothing has left."""
        ...

    def run_sql(self, call: SqlCall) -> SqlAnswer:
        """Run a statement within the limits; raises a `SqlError`."""
        ...

    @property
    def users(self) -> Users:
        """Where the users are kept."""
        ...


OnSettled = Callable[[Entry], None]
"""Hears of each delivery that was settled, decided on or given up, once that holds."""


def open_store(
    data_dir: Path,
    *,
    thresholds: Thresholds,
    limits: StoreLimits,
    cratedb: CrateDBOptions | None = None,
    on_settled: OnSettled = lambda entry: None,
) -> Store:
    """The store of these settings, migrated to this version's schema: CrateDB where it is told of,
    else the embedded one of the data folder.

    `on_settled` hears of a delivery once, and of none that only was tried.
    Raises `CannotOpen`, and of these `StoreInUse` when another process has the folder open.
    """
    if cratedb is not None:
        from costwire_db_handler.stores.cratedb.store import CrateDBStore

        return CrateDBStore.open(
            cratedb, data_dir, thresholds=thresholds, limits=limits, on_settled=on_settled
        )
    from costwire_db_handler.stores.duckdb.store import DuckDBStore

    return DuckDBStore.open(data_dir, thresholds=thresholds, limits=limits, on_settled=on_settled)

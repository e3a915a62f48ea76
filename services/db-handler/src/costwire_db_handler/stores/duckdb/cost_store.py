"""The port's operations for one caller, each in a transaction of the one DuckDB file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import duckdb
import pyarrow as pa

from costwire_db_handler import arrivals
from costwire_db_handler.answers.rates import Rates
from costwire_db_handler.answers.versions import Versions
from costwire_db_handler.charges.prepare import Preparer
from costwire_db_handler.charges.staging import StagingArea
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.erasing import Erasure, ErasureRequest
from costwire_db_handler.errors import (
    BadPart,
    CannotAdopt,
    ChangesDoNotApply,
    DeliveryNotOpen,
    StoreBusy,
    WrongState,
)
from costwire_db_handler.ledger import Clock, Entry, State
from costwire_db_handler.repair_sheet import Replayed, ReplayRequest
from costwire_db_handler.revising import Revision, changed_state
from costwire_db_handler.settle import Settlement
from costwire_db_handler.sql.answers import SqlAnswer, SqlCall, told
from costwire_db_handler.sql.protocol import read_request
from costwire_db_handler.standing import QuarantineOf, standing
from costwire_db_handler.stores import OnSettled, StoreLimits
from costwire_db_handler.stores.duckdb import deliveries, erasing, quarantine, retiring
from costwire_db_handler.stores.duckdb.asked import DuckDBVersions
from costwire_db_handler.stores.duckdb.books import DuckDBBooks
from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.stores.duckdb.queries import Queries
from costwire_db_handler.stores.duckdb.rates import DuckDBRates
from costwire_db_handler.stores.duckdb.replays import Replays
from costwire_db_handler.stores.duckdb.users import StoredUsers
from costwire_db_handler.users import Caller, Role
from costwire_focus.manifest import ChangeKind, Manifest

OWN = Caller("costwire", Role.ADMIN)
_WAITING = (State.HELD, State.SUPERSEDED, State.REJECTED)


@dataclass(frozen=True)
class Shared:
    """What the operations of all callers have in common."""

    database: Database
    staging: StagingArea
    preparer: Preparer
    replays: Replays
    users: StoredUsers
    queries: Queries
    thresholds: Thresholds
    limits: StoreLimits
    on_settled: OnSettled


class DuckDBCostStore:
    """Charges, ledger and users as one caller may use them."""

    def __init__(self, shared: Shared, caller: Caller) -> None:
        """`caller`: whose role the endpoints have checked."""
        self._database = shared.database
        self._staging = shared.staging
        self._preparer = shared.preparer
        self._replays = shared.replays
        self._queries = shared.queries
        self._thresholds = shared.thresholds
        self._limits = shared.limits
        self._on_settled = shared.on_settled
        self._caller = caller
        self.users = shared.users

    def open_delivery(self, manifest: Manifest, clock: Clock, *, dry_run: bool = False) -> Entry:
        """Record an arrival, or find the one that is open or set aside of the same manifest."""
        self._caller.rights.require_write(manifest.table)
        if dry_run:
            with self._database.writing(keep=False) as sql:
                told = self._arrived(sql, manifest, clock)
            if told.entry.state is not State.OPEN:
                return told.entry
        forsaken: list[Entry] = []
        with self._database.writing() as sql:
            books = DuckDBBooks(sql)
            delivery = None if dry_run else arrivals.continued(books, manifest)
            aside = None if delivery or dry_run else arrivals.aside_already(books, manifest)
            if aside is not None:
                return aside.entry
            if delivery is None:
                forsaken = self._give_up_forsaken(sql, clock)
                delivery = (
                    arrivals.new_delivery(books, manifest, clock(), by=self._by, dry_run=True)
                    if dry_run
                    else self._arrived(sql, manifest, clock)
                )
            if delivery.entry.state is State.OPEN:
                deliveries.put(sql, delivery)
        for old in forsaken:
            self._staging.clear(old.commit)
            if old.state is State.ABORTED:
                self._on_settled(old)
        if delivery.entry.state is not State.OPEN:
            self._on_settled(delivery.entry)
        return delivery.entry

    def _arrived(
        self, sql: duckdb.DuckDBPyConnection, manifest: Manifest, clock: Clock
    ) -> Delivery:
        """A new delivery: open, or settled where readers see its content already."""
        books = DuckDBBooks(sql)
        delivery = arrivals.new_delivery(books, manifest, clock(), by=self._by)
        if (earlier := arrivals.shown_already(books, manifest)) is None:
            return delivery
        settlement = Settlement(books, delivery, self._thresholds)
        return settlement.conclude(settlement.repeat(earlier), clock)

    def _give_up_forsaken(self, sql: duckdb.DuckDBPyConnection, clock: Clock) -> list[Entry]:
        """Their entries, of trials as they were."""
        limits, now = self._limits, clock()
        books = DuckDBBooks(sql)
        opened = books.in_state(State.OPEN)
        late = []
        for entry in arrivals.forsaken(opened, now, limits, self._by):
            delivery = books.get(entry.commit)
            if delivery.dry_run:
                deliveries.remove(sql, delivery.commit)
            else:
                delivery = delivery.aborted(now, None, arrivals.FORSAKEN)
                deliveries.put(sql, delivery)
            late.append(delivery.entry)
        return late

    def staged_parts(self, commit: int) -> list[int]:
        """The numbers of the parts that need not be sent again."""
        return self._staging.parts_of(commit).numbers

    def takes_changes(self, commit: int) -> bool:
        """Whether an open delivery may be told by its changes."""
        with self._database.reading() as sql:
            delivery = self._writable(sql, commit)
            is_for_good = not delivery.dry_run and delivery.entry.state is State.OPEN
            return is_for_good and changed_state(DuckDBBooks(sql), delivery.manifest) is not None

    def stage_part(
        self,
        commit: int,
        seq: int,
        charges: pa.Table,
        digest: str,
        kind: ChangeKind | None = None,
    ) -> None:
        """Keep a part of an open delivery, ready for the tables."""
        manifest = self._open(commit).manifest
        unknown = set(charges.column_names) - {column.name for column in manifest.columns}
        if unknown:
            raise BadPart(f"stage part {seq}: the manifest has no column {min(unknown)!r}")
        if kind is not None and manifest.changes is None:
            raise ChangesDoNotApply(f"stage part {seq} of {kind}: the manifest tells no changes")
        if not self._staging.holds(commit, seq, digest, kind):
            part = self._preparer.prepare(charges, seq)
            must_be_open = partial(self._must_be_open, commit)
            self._staging.place(commit, seq, part, digest, must_be_open, kind)

    def set_quarantine(self, commit: int, rows: Iterable[dict[str, Any]]) -> None:
        """Keep the rows that the exporter could not use."""
        with self._database.writing() as sql:
            _require_open(self._writable(sql, commit))
            quarantine.replace(sql, commit, "exporter", rows)

    def commit(self, commit: int, clock: Clock, *, dry_run: bool = False) -> Entry:
        """Verify an open delivery against its manifest, and settle it in one transaction."""
        parts = partial(self._staging.parts_of, commit)

        def settled(books: DuckDBBooks, delivery: Delivery) -> Delivery:
            settlement = Settlement(books, delivery, self._thresholds)
            return settlement.conclude(settlement.commit(parts(), clock()), clock)

        return self._committed(commit, settled, dry_run=dry_run)

    def commit_changes(self, commit: int, clock: Clock) -> Entry:
        """Settle an open delivery by its changes in one transaction."""
        parts = partial(self._staging.parts_of, commit)

        def settled(books: DuckDBBooks, delivery: Delivery) -> Delivery:
            revision = Revision(books, delivery, self._thresholds)
            found = revision.commit_changes(parts("added"), parts("removed"), clock())
            return revision.conclude(found, clock)

        return self._committed(commit, settled)

    def _committed(
        self,
        commit: int,
        settled: Callable[[DuckDBBooks, Delivery], Delivery],
        *,
        dry_run: bool = False,
    ) -> Entry:
        with self._database.reading() as sql:
            temporary = self._writable(sql, commit).dry_run
        keep = not (dry_run or temporary)
        with self._database.writing(keep=keep) as sql:
            delivery = deliveries.get(sql, commit)
            if delivery.entry.state is State.ABORTED:
                raise DeliveryNotOpen(f"commit {commit}: it was aborted; open it anew")
            settles = delivery.entry.state is State.OPEN
            if settles:
                delivery = settled(DuckDBBooks(sql), delivery)
        if temporary:
            self._forget(commit)
        elif keep:
            self._staging.clear(commit)
            if settles:
                self._on_settled(delivery.entry)
        return delivery.entry

    def abort(self, commit: int, clock: Clock) -> Entry | None:
        """Give up an open delivery."""
        with self._database.writing() as sql:
            delivery = self._writable(sql, commit)
            if delivery.entry.state is State.ABORTED:
                return None
            if delivery.entry.state is not State.OPEN:
                raise DeliveryNotOpen(f"abort {commit}: it is {delivery.entry.state} already")
            if not delivery.dry_run:
                delivery = delivery.aborted(clock(), self._by)
                deliveries.put(sql, delivery)
        if delivery.dry_run:
            self._forget(commit)
            return None
        self._staging.clear(commit)
        self._on_settled(delivery.entry)
        return delivery.entry

    def _forget(self, commit: int) -> None:
        with self._database.writing() as sql:
            deliveries.remove(sql, commit)
        self._staging.clear(commit)

    def accept(self, commit: int, clock: Clock) -> Entry:
        """Make a delivery that was set aside what readers see."""
        with self._database.writing() as sql:
            delivery = self._waiting(self._writable(sql, commit), "accept", _WAITING)
            settlement = Settlement(DuckDBBooks(sql), delivery, self._thresholds)
            delivery = settlement.conclude(settlement.accept(self._by), clock)
        self._on_settled(delivery.entry)
        return delivery.entry

    def reject(self, commit: int, clock: Clock) -> Entry:
        """Decide that a held delivery is not to be seen."""
        with self._database.writing() as sql:
            delivery = self._waiting(self._writable(sql, commit), "reject", (State.HELD,))
            delivery = delivery.rejected(clock(), self._by)
            deliveries.put(sql, delivery)
        self._on_settled(delivery.entry)
        return delivery.entry

    def require_maker(self, table: str) -> None:
        """Every writer may make tables, of the names that the rights allow."""
        self._caller.rights.require_write(table)

    def deliveries(self, table: str | None = None) -> list[Entry]:
        """The ledger, oldest first."""
        with self._database.reading() as sql:
            found = deliveries.entries(sql, table)
        return [entry for entry in found if self._caller.rights.may_read(entry.table)]

    def delivery(self, commit: int) -> Entry:
        """One entry; raises `UnknownDelivery`."""
        with self._database.reading() as sql:
            return self._readable(sql, commit).entry

    def quarantine(self, commit: int) -> Iterator[dict[str, Any]]:
        """The quarantined rows of a delivery."""
        with self._database.reading() as sql:
            delivery = self._readable(sql, commit)
            replays = [repair.commit for repair in delivery.entry.repairs]
            yield from quarantine.rows_of(sql, delivery.brought_by, replays)

    def columns(self, commit: int) -> list[str]:
        """The columns of a delivery."""
        with self._database.reading() as sql:
            return [column.name for column in self._readable(sql, commit).manifest.columns]

    def replay(
        self, commit: int, request: ReplayRequest, clock: Clock, *, dry_run: bool = False
    ) -> Replayed:
        """Store the repaired rows of a sheet beside the rest of their delivery."""
        with self._database.reading() as sql:
            self._writable(sql, commit)
        replayed = self._replays.replay(commit, request, clock, self._by, dry_run=dry_run)
        if not dry_run and (replayed.rows or replayed.corrected):
            self._on_settled(replayed.entry)
        return replayed

    def standing(self, table: str | None = None) -> list[Entry]:
        """The deliveries whose figures are those of now."""
        with self._database.reading() as sql:
            found = standing(deliveries.entries(sql, table), deliveries.shaping(sql))
        return [entry for entry in found if self._caller.rights.may_read(entry.table)]

    def quarantines(self, table: str | None = None) -> list[QuarantineOf]:
        """What of these is in quarantine."""
        return [
            each
            for each in self._replays.quarantines(table)
            if self._caller.rights.may_read(each.entry.table)
        ]

    def adopt(self, table: str, clock: Clock) -> Entry:
        """The original never wrote here."""
        raise CannotAdopt(
            f"adopt {table}: this handler has the embedded store, which holds no table of the "
            "original handler; ask the handler of the CrateDB that does"
        )

    @contextmanager
    def versions(self, table: str, *, wide: bool = False) -> Iterator[Versions]:
        """All versions of a table's charges, as one transaction sees them."""
        with self._database.reading() as sql:
            yield DuckDBVersions(
                sql, table, self._queries.limited, wide=wide, rights=self._caller.rights
            )

    @property
    def rates(self) -> Rates:
        """Where exchange rates are kept."""
        return DuckDBRates(self._database)

    def erase(self, request: ErasureRequest, clock: Clock, *, dry_run: bool = False) -> Erasure:
        """Remove charges from every version in one transaction, and write the file anew."""
        told = replace(request, by=self._caller.name)
        with self._database.writing(keep=not dry_run) as sql:
            erasure = erasing.erase(sql, told, clock)
        if not dry_run:
            for commit in erasure.aborted:
                self._staging.clear(commit)
            try:
                self._database.rewrite()
            except StoreBusy as busy:
                raise StoreBusy(
                    f"erase: {erasure.entry.rows.erased} charges are gone for readers (entry "
                    f"{erasure.entry.commit} of the ledger), but not from the file; repeat the "
                    f"erasure, or start the handler anew: {busy.detail}"
                ) from busy
        return erasure

    def retire(self, table: str, cutoff: datetime, clock: Clock) -> Entry | None:
        """Remove what is too old, in a transaction for each month."""
        return retiring.retire(self._database, table, cutoff, clock)

    def horizon(self, table: str) -> int:
        """The first state that can still be asked for."""
        with self._database.reading() as sql:
            return retiring.horizon(sql, table)

    def run_sql(self, call: SqlCall) -> SqlAnswer:
        """Run a statement with the caller's rights and within the limits."""
        started = time.perf_counter()
        request = read_request(call.body, content_encoding=call.content_encoding)
        outcome = self._queries.run(self._caller, request)
        milliseconds = (time.perf_counter() - started) * 1000
        with_types = "types" in parse_qs(call.query, keep_blank_values=True)
        return told(outcome, with_types=with_types, milliseconds=milliseconds)

    @property
    def _by(self) -> str | None:
        """Who decides; None for the handler itself."""
        return None if self._caller is OWN else self._caller.name

    def _readable(self, sql: duckdb.DuckDBPyConnection, commit: int) -> Delivery:
        """A delivery that the caller may know of; raises `UnknownDelivery`."""
        delivery = deliveries.get(sql, commit)
        if not self._caller.rights.may_read(delivery.entry.table):
            raise deliveries.unknown(commit)
        return delivery

    def _writable(self, sql: duckdb.DuckDBPyConnection, commit: int) -> Delivery:
        """A delivery that the caller may decide on; raises `Forbidden`, `UnknownDelivery`."""
        delivery = self._readable(sql, commit)
        self._caller.rights.require_write(delivery.entry.table)
        return delivery

    def _open(self, commit: int) -> Delivery:
        with self._database.reading() as sql:
            return _require_open(self._writable(sql, commit))

    def _must_be_open(self, commit: int) -> None:
        with self._database.reading() as sql:
            _refuse_unless_open(commit, deliveries.state(sql, commit))

    def _waiting(self, delivery: Delivery, act: str, states: Sequence[State]) -> Delivery:
        if delivery.entry.state not in states:
            possible = " or ".join(states)
            raise WrongState(
                f"{act} {delivery.commit}: it is {delivery.entry.state}, not {possible}"
            )
        return delivery


def _require_open(delivery: Delivery) -> Delivery:
    _refuse_unless_open(delivery.commit, delivery.entry.state)
    return delivery


def _refuse_unless_open(commit: int, state: State) -> None:
    if state is not State.OPEN:
        raise DeliveryNotOpen(f"delivery {commit} is {state}; nothing can be added to it")

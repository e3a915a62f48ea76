"""The port's operations on CrateDB, with the rights of whoever asks for them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from costwire_db_handler import arrivals
from costwire_db_handler.answers.rates import Rates
from costwire_db_handler.answers.versions import Versions
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.erasing import Erasure, ErasureRequest
from costwire_db_handler.errors import (
    BadPart,
    ChangesDoNotApply,
    DeliveryNotOpen,
    UnknownDelivery,
    WrongState,
)
from costwire_db_handler.ledger import Clock, Entry, State
from costwire_db_handler.sql.answers import SqlAnswer, SqlCall
from costwire_db_handler.stores.cratedb import erasing, ledger, quarantine, retiring
from costwire_db_handler.stores.cratedb.adopt import adopt
from costwire_db_handler.stores.cratedb.asked import CrateDBVersions
from costwire_db_handler.stores.cratedb.books import CrateDBBooks
from costwire_db_handler.stores.cratedb.catalog import Shaper
from costwire_db_handler.stores.cratedb.failures import PrivilegeMissing
from costwire_db_handler.stores.cratedb.loading import RowsRefused
from costwire_db_handler.stores.cratedb.originals import KEPT
from costwire_db_handler.stores.cratedb.privileges import MAY_MAKE_TABLES
from costwire_db_handler.stores.cratedb.quarantining import Quarantining
from costwire_db_handler.stores.cratedb.rates import CrateDBRates
from costwire_db_handler.stores.cratedb.turns import Turn, read_row
from costwire_db_handler.stores.cratedb.users import CrateDBUsers
from costwire_db_handler.users import Users
from costwire_focus.manifest import ChangeKind, Manifest

_WAITING = (State.HELD, State.SUPERSEDED, State.REJECTED)
_REFUSED_AT_MOST = 3
_AS_A_WHOLE = "CrateDB takes deliveries as a whole; send that"


class CrateDBCostStore(Quarantining):
    """The operations of the port for one caller."""

    def open_delivery(self, manifest: Manifest, clock: Clock, *, dry_run: bool = False) -> Entry:
        """Record an arrival, or find the one that is open or set aside of the same manifest."""
        books = CrateDBBooks(self._means())
        delivery = None if dry_run else arrivals.continued(books, manifest)
        if delivery is not None:
            ledger.update_open(self._session, delivery)
            return delivery.entry
        if not dry_run:
            if (aside := arrivals.aside_already(books, manifest)) is not None:
                return aside.entry
            self._give_up_forsaken(books, clock)
        earlier = arrivals.shown_already(books, manifest)
        delivery = arrivals.new_delivery(books, manifest, clock(), by=self._by, dry_run=dry_run)
        if earlier is not None and dry_run:
            settlement = self._settlement(books, delivery)
            return settlement.conclude(settlement.repeat(earlier), clock).entry
        ledger.insert(self._session, delivery)
        if earlier is not None:
            delivery = self._repeated(delivery, clock)
        return delivery.entry

    def _repeated(self, delivery: Delivery, clock: Clock) -> Delivery:
        """Settle a content that readers see already; where that has changed since, it is open."""
        manifest = delivery.manifest
        with self._turn(manifest.table) as turn:
            books = CrateDBBooks(self._means(), turn)
            earlier = arrivals.shown_already(books, manifest)
            if earlier is not None:
                settlement = self._settlement(books, delivery)
                repeated = settlement.repeat(earlier)
                delivery = self._flip(turn, books, partial(settlement.conclude, repeated, clock))
        if delivery.entry.state is not State.OPEN:
            self._shared.on_settled(delivery.entry)
        return delivery

    def _give_up_forsaken(self, books: CrateDBBooks, clock: Clock) -> None:
        limits, opened, now = self._shared.limits, self._opened(), clock()
        late = arrivals.forsaken(opened, now, limits, self._by)
        for entry in late:
            try:
                delivery = books.get(entry.commit)
            except UnknownDelivery:  # of a dry run that another handler gives up
                continue
            if delivery.dry_run:
                self._forget(delivery.commit)
                continue
            delivery = delivery.aborted(now, None, arrivals.FORSAKEN)
            if ledger.update_open(self._session, delivery):
                self._shared.parts.clear(self._session, delivery.commit)
                self._shared.on_settled(delivery.entry)

    def _opened(self) -> Sequence[Entry]:
        """The open deliveries; files of others are at hand for nothing."""
        opened = ledger.in_state(self._session, State.OPEN)
        self._shared.parts.keep_only([entry.commit for entry in opened])
        return opened

    def staged_parts(self, commit: int) -> list[int]:
        """The numbers of the parts that need not be sent again."""
        return self._shared.parts.numbers(self._session, commit)

    def takes_changes(self, commit: int) -> bool:
        """Deliveries come here as a whole."""
        return False

    def commit_changes(self, commit: int, clock: Clock) -> Entry:
        """Deliveries come here as a whole."""
        self._open(commit)
        raise ChangesDoNotApply(f"commit the changes of {commit}: {_AS_A_WHOLE}")

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
        if kind is not None:
            raise ChangesDoNotApply(f"stage part {seq} of {kind}: {_AS_A_WHOLE}")
        unknown = set(charges.column_names) - {column.name for column in manifest.columns}
        if unknown:
            raise BadPart(f"stage part {seq}: the manifest has no column {min(unknown)!r}")
        parts = self._shared.parts
        if not parts.holds(self._session, commit, seq, digest):
            part = self._shared.preparer.prepare(charges, seq)
            parts.place(self._session, commit, seq, part, digest)
            try:
                self._open(commit)
            except (DeliveryNotOpen, UnknownDelivery):
                parts.clear(self._session, commit)
                raise

    def commit(self, commit: int, clock: Clock, *, dry_run: bool = False) -> Entry:
        """Verify an open delivery against its manifest, and settle it in one step."""
        delivery = ledger.get(self._session, commit)
        if not self._can_settle(delivery):
            self._shared.parts.clear(self._session, commit)
            return delivery.entry
        if dry_run or delivery.dry_run:
            return self._tried(delivery, clock).entry
        with self._turn(delivery.manifest.table) as turn:
            delivery = ledger.get(self._session, commit)
            settles = self._can_settle(delivery)
            if settles:
                delivery = self._settled(turn, delivery, clock)
        if settles:
            self._shared.on_settled(delivery.entry)
        self._shared.parts.clear(self._session, commit)
        self._opened()
        return delivery.entry

    def _can_settle(self, delivery: Delivery) -> bool:
        if delivery.entry.state is State.ABORTED:
            raise DeliveryNotOpen(f"commit {delivery.commit}: it was aborted; open it anew")
        return delivery.entry.state is State.OPEN

    def _settled(self, turn: Turn, delivery: Delivery, clock: Clock) -> Delivery:
        """Settle within a turn; rows that the database refuses are quarantined in another try."""
        refused: dict[int, str] = {}
        with self._shared.parts.at_hand(self._session, delivery.commit) as parts:
            for _ in range(_REFUSED_AT_MOST):
                with self._means_with_scratch() as means:
                    books = CrateDBBooks(means, turn, refused=refused)
                    settlement = self._settlement(books, delivery)
                    try:
                        settled = settlement.commit(parts, clock())
                    except RowsRefused as told:
                        refused |= told.reasons
                        turn.heal()
                        continue
                    return self._flip(turn, books, partial(settlement.conclude, settled, clock))
        raise BadPart(f"commit {delivery.commit}: the database refuses ever more of its charges")

    def _tried(self, delivery: Delivery, clock: Clock) -> Delivery:
        """What would become of a delivery; nothing of that is kept."""
        with (
            self._shared.parts.at_hand(self._session, delivery.commit) as parts,
            self._means_with_scratch() as means,
        ):
            settlement = self._settlement(CrateDBBooks(means), delivery)
            tried = settlement.conclude(settlement.commit(parts, clock()), clock)
        if delivery.dry_run:
            self._forget(delivery.commit)
        return tried

    def abort(self, commit: int, clock: Clock) -> Entry | None:
        """Give up an open delivery."""
        delivery = ledger.get(self._session, commit)
        if delivery.entry.state is State.ABORTED:
            return None
        if delivery.dry_run:
            self._forget(commit)
            return None
        with self._turn(delivery.manifest.table) as turn:
            delivery = ledger.get(self._session, commit)
            if delivery.entry.state is not State.OPEN:
                raise DeliveryNotOpen(f"abort {commit}: it is {delivery.entry.state} already")
            delivery = delivery.aborted(clock(), self._by)
            ledger.update(self._session, delivery, turn.require)
        self._shared.parts.clear(self._session, commit)
        self._shared.on_settled(delivery.entry)
        return delivery.entry

    def _forget(self, commit: int) -> None:
        ledger.remove(self._session, commit)
        self._shared.parts.clear(self._session, commit)
        quarantine.forget(self._session, commit)

    def accept(self, commit: int, clock: Clock) -> Entry:
        """Make a delivery that was set aside what readers see."""
        table = ledger.get(self._session, commit).manifest.table
        with self._turn(table) as turn, self._means_with_scratch() as means:
            delivery = _waiting(ledger.get(self._session, commit), "accept", _WAITING)
            books = CrateDBBooks(means, turn)
            settlement = self._settlement(books, delivery)
            accepted = settlement.accept(self._by)
            delivery = self._flip(turn, books, partial(settlement.conclude, accepted, clock))
        self._shared.on_settled(delivery.entry)
        return delivery.entry

    def reject(self, commit: int, clock: Clock) -> Entry:
        """Decide that a held delivery is not to be seen."""
        table = ledger.get(self._session, commit).manifest.table
        with self._turn(table) as turn:
            delivery = _waiting(ledger.get(self._session, commit), "reject", (State.HELD,))
            delivery = delivery.rejected(clock(), self._by)
            ledger.update(self._session, delivery, turn.require)
        self._shared.on_settled(delivery.entry)
        return delivery.entry

    def require_maker(self, table: str) -> None:
        """Raises `PrivilegeMissing` where the table is new, and the caller may not make one."""
        row = read_row(self._session, table)
        if row is not None and row.layout is not None:
            return
        if not self._session.execute(MAY_MAKE_TABLES).rows[0][0]:
            raise PrivilegeMissing(
                f"upload to {table}: the table is new, and making it takes DDL on the schema doc"
            )

    def deliveries(self, table: str | None = None) -> list[Entry]:
        """The ledger, oldest first."""
        return ledger.entries(self._session, table)

    def delivery(self, commit: int) -> Entry:
        """One entry; raises `UnknownDelivery`."""
        return ledger.get(self._session, commit).entry

    def adopt(self, table: str, clock: Clock) -> Entry:
        """Take over a table of the original handler, as one delivery; one adoption at a time."""
        adopting = CrateDBCostStore(self._shared, self._session, self._by, adopting=True)
        with (
            self._turn(table + KEPT),
            tempfile.TemporaryDirectory(dir=self._shared.scratch.folder) as folder,
        ):
            return adopt(self._session, adopting, Path(folder), table, clock)

    @contextlib.contextmanager
    def versions(self, table: str, *, wide: bool = False) -> Iterator[Versions]:
        """All versions of a table's charges; sums are wide anyway."""
        seconds = self._shared.limits.query_timeout_seconds
        yield CrateDBVersions(
            self._shared.own, self._session, table, seconds, self._shared.scratch.for_question
        )

    @property
    def rates(self) -> Rates:
        """Where exchange rates are kept."""
        return CrateDBRates(self._shared.own, self._session)

    def erase(self, request: ErasureRequest, clock: Clock, *, dry_run: bool = False) -> Erasure:
        """Remove charges from every version within a turn, and merge the files."""
        session, table = self._session, request.table
        session.execute(erasing.ONLY_ADMINS)
        told = replace(request, by=session.credentials.name)
        if dry_run or read_row(session, table) is None:
            return erasing.tried(session, read_row(session, table), told, clock)
        with self._turn(table) as turn:
            self._shaper(turn).drop_older(table)
            erasure = erasing.erase(session, turn, self._shared.parts, told, clock)
            erasing.merge_wanted(self._shared.own, turn)
        self._opened()
        return erasure

    def retire(self, table: str, cutoff: datetime, clock: Clock) -> Entry | None:
        """Remove what is too old within a turn."""
        with self._turn(table) as turn:
            return retiring.retire(self._session, turn, self._shaper(turn), table, cutoff, clock)

    def horizon(self, table: str) -> int:
        """The first state that can still be asked for."""
        return retiring.horizon(self._shared.own, table)

    def _shaper(self, turn: Turn) -> Shaper:
        return Shaper(self._shared.own, self._session, self._shared.storage, turn)

    def run_sql(self, call: SqlCall) -> SqlAnswer:
        """Run a statement with the caller's rights, as CrateDB answers it."""
        return self._shared.statements.run(self._session, call)

    @property
    def users(self) -> Users:
        """The users of the database, with the rights of the caller."""
        return CrateDBUsers(self._session, self._shared.account, self._shared.sign_in.forget)


def _waiting(delivery: Delivery, act: str, states: Sequence[State]) -> Delivery:
    if delivery.entry.state not in states:
        possible = " or ".join(states)
        raise WrongState(f"{act} {delivery.commit}: it is {delivery.entry.state}, not {possible}")
    return delivery

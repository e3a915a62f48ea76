"""The embedded store: the port's operations, each in a transaction of the one DuckDB file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.errors import DeliveryNotOpen, WrongState
from costwire_db_handler.ledger import Entry, Rows, State, Times, sums_read
from costwire_db_handler.sql.checked import Outcome
from costwire_db_handler.sql.protocol import SqlRequest
from costwire_db_handler.stores import StoreLimits
from costwire_db_handler.stores.duckdb import deliveries, quarantine
from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.stores.duckdb.deliveries import Delivery
from costwire_db_handler.stores.duckdb.prepare import Preparer
from costwire_db_handler.stores.duckdb.queries import Queries
from costwire_db_handler.stores.duckdb.settle import Settlement, shown_already
from costwire_db_handler.stores.duckdb.staging import Staging
from costwire_db_handler.stores.duckdb.users import StoredUsers
from costwire_db_handler.users import User
from costwire_focus.manifest import Manifest

_STAGING = "staging"
_ROWS_OF_PART = 1 << 32
"""Row numbers of part n begin at n times this."""
_WAITING = (State.HELD, State.SUPERSEDED, State.REJECTED)


class DuckDBStore:
    """Charges, ledger and users in one file, staged parts beside it."""

    def __init__(
        self, database: Database, data_dir: Path, thresholds: Thresholds, limits: StoreLimits
    ) -> None:
        self._database = database
        self._staging_dir = data_dir / _STAGING
        self._thresholds = thresholds
        self._preparer = Preparer()
        self.users = StoredUsers(database)
        self._queries = Queries(
            database,
            timeout_seconds=limits.query_timeout_seconds,
            max_rows=limits.query_rows,
            ceiling_mib=limits.process_memory_mib,
        )
        self._forget_orphans()

    @classmethod
    def open(cls, data_dir: Path, *, thresholds: Thresholds, limits: StoreLimits) -> DuckDBStore:
        """Open or make the store of a data folder; raises `StoreInUse`."""
        database = Database.open(data_dir, memory_bytes=limits.memory_bytes)
        return cls(database, data_dir, thresholds, limits)

    def close(self) -> None:
        """Finish what runs and close the file."""
        self._queries.close()
        self._preparer.close()
        self._database.close()

    def _forget_orphans(self) -> None:
        """Staged parts outlive a kill only as long as their delivery is open."""
        with self._database.reading() as sql:
            open_ = {str(delivery.commit) for delivery in deliveries.in_state(sql, State.OPEN)}
        if self._staging_dir.is_dir():
            for folder in self._staging_dir.iterdir():
                if folder.name not in open_:
                    shutil.rmtree(folder, ignore_errors=True)

    def open_delivery(self, manifest: Manifest, now: datetime) -> Entry:
        """Record an arrival, or find the open one of the same content."""
        with self._database.writing() as sql:
            for opened in deliveries.same_content(sql, manifest, [State.OPEN]):
                if opened.manifest == manifest:
                    return opened.entry
            number = deliveries.next_number(sql)
            delivery = Delivery(manifest, _opened(manifest, number, now))
            earlier = shown_already(sql, manifest)
            if earlier is not None:
                delivery = Settlement(sql, delivery, self._thresholds, now).repeat(earlier)
            deliveries.put(sql, delivery)
            return delivery.entry

    def staged_parts(self, commit: int) -> list[int]:
        """The numbers of the parts that need not be sent again."""
        return self._staging(commit).parts()

    def stage_part(self, commit: int, seq: int, charges: pa.Table, digest: str) -> None:
        """Keep a part of an open delivery, ready for the tables."""
        self._must_be_open(commit)
        staging = self._staging(commit)
        if staging.holds(seq, digest):
            return
        part = self._preparer.prepare(charges, seq * _ROWS_OF_PART)
        staging.write(
            seq, part.charges, digest=digest, quarantine=part.quarantine, refused=part.refused
        )

    def set_quarantine(self, commit: int, rows: Sequence[dict[str, Any]]) -> None:
        """Keep the rows that the exporter could not use."""
        self._must_be_open(commit)
        with self._database.writing() as sql:
            quarantine.replace(sql, commit, "exporter", rows)

    def commit(self, commit: int, now: datetime, *, dry_run: bool = False) -> Entry:
        """Verify an open delivery against its manifest, and settle it in one transaction."""
        with self._database.writing(keep=not dry_run) as sql:
            delivery = deliveries.get(sql, commit)
            if delivery.entry.state is State.ABORTED:
                raise DeliveryNotOpen(f"commit {commit}: it was aborted; open it anew")
            if delivery.entry.state is State.OPEN:
                settlement = Settlement(sql, delivery, self._thresholds, now)
                delivery = settlement.commit(self._staging(commit))
                deliveries.put(sql, delivery)
        if dry_run:
            with self._database.writing() as sql:
                deliveries.remove(sql, commit)
        self._staging(commit).clear()
        return delivery.entry

    def abort(self, commit: int, now: datetime) -> None:
        """Give up an open delivery."""
        with self._database.writing() as sql:
            delivery = deliveries.get(sql, commit)
            if delivery.entry.state is State.ABORTED:
                return
            if delivery.entry.state is not State.OPEN:
                raise DeliveryNotOpen(f"abort {commit}: it is {delivery.entry.state} already")
            times = delivery.entry.times.model_copy(update={"committed": now})
            deliveries.put(sql, delivery.settled(state=State.ABORTED, times=times))
        self._staging(commit).clear()

    def accept(self, commit: int, now: datetime) -> Entry:
        """Make a delivery that was set aside what readers see."""
        with self._database.writing() as sql:
            delivery = self._waiting(deliveries.get(sql, commit), "accept", _WAITING)
            delivery = Settlement(sql, delivery, self._thresholds, now).accept()
            deliveries.put(sql, delivery)
        return delivery.entry

    def reject(self, commit: int, now: datetime) -> Entry:
        """Decide that a held delivery is not to be seen."""
        with self._database.writing() as sql:
            delivery = self._waiting(deliveries.get(sql, commit), "reject", (State.HELD,))
            times = delivery.entry.times.model_copy(update={"committed": now})
            delivery = delivery.settled(state=State.REJECTED, times=times)
            deliveries.put(sql, delivery)
        return delivery.entry

    def deliveries(self, table: str | None = None) -> list[Entry]:
        """The ledger, oldest first."""
        with self._database.reading() as sql:
            return [delivery.entry for delivery in deliveries.of_table(sql, table)]

    def delivery(self, commit: int) -> Entry:
        """One entry; raises `UnknownDelivery`."""
        with self._database.reading() as sql:
            return deliveries.get(sql, commit).entry

    def quarantine(self, commit: int) -> Iterator[dict[str, Any]]:
        """The quarantined rows of a delivery."""
        with self._database.reading() as sql:
            deliveries.get(sql, commit)
            yield from quarantine.rows_of(sql, commit)

    def run_sql(self, user: User, request: SqlRequest) -> Outcome:
        """Run a statement with a user's rights and within the limits."""
        return self._queries.run(user, request)

    def _staging(self, commit: int) -> Staging:
        return Staging(self._staging_dir / str(commit))

    def _must_be_open(self, commit: int) -> None:
        with self._database.reading() as sql:
            state = deliveries.get(sql, commit).entry.state
        if state is not State.OPEN:
            raise DeliveryNotOpen(f"delivery {commit} is {state}; nothing can be added to it")

    def _waiting(self, delivery: Delivery, act: str, states: Sequence[State]) -> Delivery:
        if delivery.entry.state not in states:
            possible = " or ".join(states)
            raise WrongState(
                f"{act} {delivery.commit}: it is {delivery.entry.state}, not {possible}"
            )
        return delivery


def _opened(manifest: Manifest, number: int, now: datetime) -> Entry:
    return Entry(
        commit=number,
        id=manifest.id,
        table=manifest.table,
        source=manifest.source,
        state=State.OPEN,
        generation=manifest.generation,
        focus_version=manifest.focus_version,
        billing_periods=manifest.scope.billing_periods,
        rows=Rows(read=manifest.rows.read, quarantined=manifest.rows.quarantined),
        sums=sums_read(manifest),
        findings={rule: finding.count for rule, finding in manifest.findings.items()},
        times=Times(read=manifest.times.read, opened=now),
    )

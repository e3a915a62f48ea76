"""The quarantine of deliveries on CrateDB: kept, listed, and repaired rows taken back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from costwire_db_handler.errors import DeliveryNotOpen, UnknownDelivery
from costwire_db_handler.ledger import Clock, Entry
from costwire_db_handler.repair_sheet import CheckedSheet, Replayed, ReplayRequest, check_sheet
from costwire_db_handler.replaying import Replay, require_known_money
from costwire_db_handler.standing import QuarantineOf, standing
from costwire_db_handler.stores.cratedb import ledger, quarantine, repairs
from costwire_db_handler.stores.cratedb.acting import Acting
from costwire_db_handler.stores.cratedb.books import CrateDBBooks
from costwire_db_handler.stores.cratedb.loading import RowsRefused


class Quarantining(Acting):
    """The operations of one caller on quarantined rows."""

    def set_quarantine(self, commit: int, rows: Iterable[dict[str, Any]]) -> None:
        """Keep the rows that the exporter could not use."""
        delivery = self._open(commit)
        rows = iter(rows)
        first = [*islice(rows, 1)]
        if not first and not quarantine.count(self._session, commit, "exporter"):
            return  # no turn is wanted for nothing
        rows = chain(first, rows)
        if delivery.dry_run:
            self._try_quarantine(commit, rows)
            return
        # Within a turn, as it is settled: what comes slowly would change a settled one otherwise.
        with self._turn(delivery.manifest.table) as turn:
            self._open(commit)
            quarantine.replace(self._session, commit, "exporter", rows, turn.require)

    def _try_quarantine(self, commit: int, rows: Iterable[dict[str, Any]]) -> None:
        try:
            quarantine.replace(self._session, commit, "exporter", rows, lambda: self._open(commit))
            self._open(commit)
        except (DeliveryNotOpen, UnknownDelivery):
            quarantine.forget(self._session, commit)
            raise

    def quarantine(self, commit: int) -> Iterator[dict[str, Any]]:
        """The quarantined rows of a delivery, without those that were repaired."""
        delivery = ledger.get(self._session, commit)
        replays = [repair.commit for repair in delivery.entry.repairs]
        if replays:
            self._shared.own.execute("REFRESH TABLE costwire.repairs")
        # What is no part of a bill is read with the handler's own rights.
        done = partial(repairs.numbers_of, self._shared.own, delivery.brought_by, replays)
        yield from quarantine.rows_of(self._session, delivery.brought_by, done)

    def columns(self, commit: int) -> list[str]:
        """The columns of a delivery."""
        return [column.name for column in ledger.get(self._session, commit).manifest.columns]

    def standing(self, table: str | None = None) -> list[Entry]:
        """The deliveries whose figures are those of now."""
        return standing(ledger.entries(self._session, table), ledger.shaping(self._shared.own))

    def quarantines(self, table: str | None = None) -> list[QuarantineOf]:
        """What of these is in quarantine."""
        found = []
        for entry in self.standing(table):
            if entry.rows.quarantined:
                brought_by = ledger.get(self._session, entry.commit).brought_by
                replays = [repair.commit for repair in entry.repairs]
                done = repairs.rule_counts(self._shared.own, brought_by, replays)
                rules = quarantine.rule_counts(self._session, brought_by, done)
                found.append(QuarantineOf(entry, rules))
        return found

    def replay(
        self, commit: int, request: ReplayRequest, clock: Clock, *, dry_run: bool = False
    ) -> Replayed:
        """Store the repaired rows of a sheet within a turn; nobody waits while it is read."""
        manifest = ledger.get(self._session, commit).manifest
        checked = check_sheet(request, manifest, self._shared.preparer)
        read_only = CrateDBBooks(self._means())
        require_known_money(read_only, ledger.get(self._session, commit))
        if dry_run:
            return self._replay(read_only, commit, checked, request).told()
        with (
            self._turn(manifest.table) as turn,
            self._means_with_scratch() as means,
            tempfile.TemporaryDirectory(dir=self._shared.scratch.folder) as folder,
        ):
            books = CrateDBBooks(means, turn)
            replay = self._replay(books, commit, checked, request)
            replay.require_sound()
            if replay.changes_nothing:
                return replay.told()
            try:
                settled = replay.settle(Path(folder), self._by, clock())
            except RowsRefused as refused:
                raise replay.refused_by_store(refused.reasons) from refused
            delivery = self._flip(turn, books, partial(replay.conclude, settled, clock))
        self._shared.on_settled(delivery.entry)
        return replay.told(delivery.entry)

    def _replay(
        self, books: CrateDBBooks, commit: int, checked: CheckedSheet, request: ReplayRequest
    ) -> Replay:
        asked = ledger.get(self._session, commit)
        return Replay(books, asked, self._shared.thresholds, checked, request)

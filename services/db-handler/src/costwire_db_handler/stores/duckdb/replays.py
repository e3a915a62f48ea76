"""Replaying repaired rows in one transaction of the file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from costwire_db_handler.charges.prepare import Preparer
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.ledger import Clock
from costwire_db_handler.repair_sheet import CheckedSheet, Replayed, ReplayRequest, check_sheet
from costwire_db_handler.replaying import Replay, require_known_money
from costwire_db_handler.standing import QuarantineOf, standing
from costwire_db_handler.stores.duckdb import deliveries, quarantine
from costwire_db_handler.stores.duckdb.books import DuckDBBooks
from costwire_db_handler.stores.duckdb.database import Database


@dataclass(frozen=True)
class Replays:
    """Takes repaired rows back into their deliveries."""

    database: Database
    staging: Path
    """Where parts stand; what a kill leaves there is cleared at the next start."""
    preparer: Preparer
    thresholds: Thresholds

    def replay(
        self,
        commit: int,
        request: ReplayRequest,
        clock: Clock,
        by: str | None,
        *,
        dry_run: bool,
    ) -> Replayed:
        """Store what a sheet repaired; nobody waits while the sheet is read."""
        with self.database.reading() as sql:
            manifest = deliveries.get(sql, commit).manifest
        checked = check_sheet(request, manifest, self.preparer)
        with self.database.reading() as sql:
            require_known_money(DuckDBBooks(sql), deliveries.get(sql, commit))
            if dry_run:
                return self._replay(DuckDBBooks(sql), commit, checked, request).told()
        self.staging.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=self.staging, prefix="replay-") as folder,
            self.database.writing() as sql,
        ):
            replay = self._replay(DuckDBBooks(sql), commit, checked, request)
            replay.require_sound()
            if replay.changes_nothing:
                return replay.told()
            settled = replay.settle(Path(folder), by, clock())
            return replay.told(replay.conclude(settled, clock).entry)

    def _replay(
        self, books: DuckDBBooks, commit: int, checked: CheckedSheet, request: ReplayRequest
    ) -> Replay:
        return Replay(books, books.get(commit), self.thresholds, checked, request)

    def quarantines(self, table: str | None) -> list[QuarantineOf]:
        """What of the deliveries that readers see is in quarantine, oldest first."""
        with self.database.reading() as sql:
            found = standing(deliveries.entries(sql, table), deliveries.shaping(sql))
            return [
                QuarantineOf(
                    entry,
                    quarantine.rule_counts(
                        sql,
                        deliveries.get(sql, entry.commit).brought_by,
                        [repair.commit for repair in entry.repairs],
                    ),
                )
                for entry in found
                if entry.rows.quarantined
            ]

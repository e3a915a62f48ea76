"""Ledger and charges as one transaction of the file sees and writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from costwire_db_handler.books import Counted
from costwire_db_handler.charges import difference
from costwire_db_handler.charges.difference import Difference
from costwire_db_handler.charges.fit import Fit, fit
from costwire_db_handler.charges.incoming import StagedCharges
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.quarantined import Repaired, Row
from costwire_db_handler.stores.duckdb import catalog, deliveries, quarantine, scales, versions
from costwire_db_handler.stores.duckdb.catalog import current, history
from costwire_db_handler.stores.duckdb.incoming import Incoming, KeptIncoming, StagedIncoming
from costwire_focus.columns import columns_of
from costwire_focus.manifest import Manifest


class DuckDBBooks:
    """The books of one transaction."""

    def __init__(self, sql: duckdb.DuckDBPyConnection) -> None:
        self._sql = sql

    def charges(self, manifest: Manifest) -> DuckDBCharges:
        """The table that a delivery is for, with all columns that it needs."""
        return DuckDBCharges(self._sql, manifest)

    def require_free(self, table: str) -> None:
        """No user has a table of this name."""
        catalog.require_free(self._sql, table)

    def next_number(self) -> int:
        """A commit number that was never used."""
        return deliveries.next_number(self._sql)

    def get(self, commit: int) -> Delivery:
        """One delivery."""
        return deliveries.get(self._sql, commit)

    def put(self, delivery: Delivery) -> None:
        """Write a delivery."""
        deliveries.put(self._sql, delivery)

    def enter(self, delivery: Delivery) -> None:
        """Write a delivery that was not there before."""
        deliveries.put(self._sql, delivery)

    def in_state(self, state: State) -> Sequence[Entry]:
        """The entries of the deliveries in a state."""
        return deliveries.in_state(self._sql, state)

    def same_content(self, manifest: Manifest, states: Sequence[State]) -> Sequence[int]:
        """The deliveries of the same content by the same source."""
        return deliveries.same_content(self._sql, manifest, states)

    def shapes(self, table: str, source: str) -> Mapping[str, Applied]:
        """For each billing period of a source, the delivery that shaped it last."""
        return deliveries.shapes(self._sql, table, source)

    def set_shapes(self, table: str, source: str, periods: Iterable[str], commit: int) -> None:
        """Record which delivery shaped these periods."""
        deliveries.set_shapes(self._sql, table, source, periods, commit)

    def last_state_time(self, table: str) -> datetime | None:
        """When the last state of a table was made visible."""
        return deliveries.last_state_time(self._sql, table)

    def keep_refused(self, commit: int, rows: Iterable[dict[str, Any]]) -> int:
        """Keep the rows that the table cannot hold."""
        return quarantine.replace(self._sql, commit, "handler", rows)

    def quarantined(self, commit: int) -> int:
        """How many rows the exporter quarantined."""
        return quarantine.count(self._sql, commit, "exporter")

    def quarantined_rows(
        self, commit: int, numbers: Collection[str] | None = None
    ) -> Iterable[Row]:
        """All rows that were quarantined of a delivery, or those of these numbers."""
        return quarantine.rows_of(self._sql, commit, numbers=numbers)

    def repaired(
        self, commit: int, replays: Sequence[int], numbers: Sequence[str]
    ) -> Mapping[str, Repaired]:
        """What these replays made of such rows of a delivery."""
        return quarantine.repaired(self._sql, commit, replays, numbers)

    def keep_repairs(self, commit: int, replay: int, rows: Sequence[Repaired]) -> None:
        """Keep what a replay made of rows."""
        quarantine.keep_repairs(self._sql, commit, replay, rows)


class DuckDBCharges:
    """The charges of one table and source in the file."""

    _incoming: Incoming

    def __init__(self, sql: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
        self._sql = sql
        self._table = manifest.table
        catalog.ensure_table(sql, self._table)
        brought = [column.name for column in manifest.columns]
        # What a partial report lacks can be asked for all the same: it is null.
        lacked = columns_of(manifest.focus_version).keys() - set(brought)
        self._names = catalog.add_columns(sql, self._table, [*brought, *sorted(lacked)])
        self._source = catalog.source_id(sql, self._table, manifest.source)

    def next_state(self, commit: int) -> int:
        """The number of the state that a delivery makes."""
        return deliveries.next_state(self._sql, commit)

    def load_staged(self, parts: StagedParts, default_period: str) -> Fit:
        """Widen the columns to what the delivery needs, and load its keys."""
        present = scales.scales(self._sql, self._table, self._names)
        chosen = fit(parts, present, self._integer_digits)
        scales.widen(self._sql, self._table, self._names, present, chosen.scales)
        staged = StagedCharges(parts, chosen, default_period)
        self._incoming = StagedIncoming(staged, self._names)
        self._incoming.load_keys(self._sql)
        return chosen

    def _integer_digits(self, column: str) -> int:
        return scales.integer_digits(self._sql, self._table, self._names[column])

    def load_kept(self, delivery: Delivery) -> None:
        """Load the keys of a delivery that was set aside."""
        self._incoming = KeptIncoming(self._table, delivery.commit)
        self._incoming.load_keys(self._sql)

    def loaded(self) -> int:
        """How many charges of the delivery are loaded."""
        return difference.loaded(self._sql)

    def named_periods(self) -> set[str]:
        """The billing periods that they name."""
        return difference.named_periods(self._sql)

    def present_periods(self) -> Sequence[PresentPeriod]:
        """The billing periods of which readers see charges of this source."""
        return versions.present_periods(self._sql, self._table, self._source)

    def shown_periods(self) -> Sequence[PresentPeriod]:
        """The billing periods of which readers see charges of any source."""
        return versions.present_periods(self._sql, self._table, None)

    def added_by_period(self) -> Mapping[str, int]:
        """How many charges are new, by the billing period they name."""
        return self._incoming.added_by_period(self._sql)

    def compare(self, periods: Sequence[str]) -> Difference:
        """Compare the delivery with what readers see of these periods."""
        seen = versions.seen_keys(self._table)
        return difference.compare(self._sql, seen, [self._source, list(periods)])

    def add_beside(self, periods: Sequence[str], dropped: pa.Array) -> Difference:
        """The comparison for charges that come beside what readers see of these periods."""
        seen = versions.seen_keys(self._table)
        return difference.beside(self._sql, seen, dropped, [self._source, list(periods)])

    def removed_of(self, states: Sequence[int]) -> int:
        """How many of the removed charges these states brought."""
        return versions.removed_of(self._sql, self._table, states)

    def add_to_all(self) -> Difference:
        """The comparison for a delivery that replaces nothing."""
        return difference.nothing_present(self._sql)

    def found_elsewhere(self, share: float) -> Mapping[str, int]:
        """How many of the delivery's charges each other source has now."""
        return versions.found_elsewhere(self._sql, self._table, self._source)

    def apply(self, number: int) -> None:
        """Close what the delivery no longer has, and add what is new in it."""
        versions.apply(self._sql, self._table, self._incoming, self._source, number)

    def keep_unseen(self, commit: int) -> int:
        """Store the delivery so that no reader sees it."""
        versions.keep_unseen(self._sql, self._table, self._incoming, self._source, commit)
        return commit

    def forget_kept(self, delivery: Delivery) -> None:
        """Take away what was kept unseen."""
        KeptIncoming(self._table, delivery.commit).remove(self._sql)

    def visible(self, periods: Sequence[str]) -> Counted:
        """What readers see of these periods of the source."""
        where = "_source = ? AND list_contains(?, _period)"
        return self._counted(current(self._table), where, [self._source, list(periods)])

    def brought(self, number: int | None) -> Counted:
        """What readers see of what a state brought."""
        where = "_source = ? AND _commit = ?"
        return self._counted(current(self._table), where, [self._source, number])

    def kept(self, number: int) -> Counted:
        """What was kept unseen."""
        return self._counted(history(self._table), "_commit = ? AND _ended = ?", [number, number])

    def _counted(self, relation: str, where: str, parameters: list[object]) -> Counted:
        return versions.stored_sums(self._sql, relation, where, parameters)

"""The books of one settlement on CrateDB: what it reads of the ledger, and what it decides.

Charges are written under the number of the attempt, where no reader sees them; what is decided for
the ledger is gathered in an `Outcome`, which the turn makes true in one update.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.quarantined import Repaired, Row
from costwire_db_handler.stores.cratedb import catalog, ledger, quarantine, repairs
from costwire_db_handler.stores.cratedb.charges import CrateDBCharges
from costwire_db_handler.stores.cratedb.ledger import Outcome
from costwire_db_handler.stores.cratedb.means import Means
from costwire_db_handler.stores.cratedb.tried_charges import TriedCharges
from costwire_db_handler.stores.cratedb.turns import Turn
from costwire_db_handler.stores.cratedb.written_charges import WrittenCharges
from costwire_focus.manifest import Manifest


class CrateDBBooks:
    """The books of one settlement; without a turn they can only be read, or tried."""

    def __init__(
        self,
        means: Means,
        turn: Turn | None = None,
        *,
        refused: Mapping[int, str] | None = None,
    ) -> None:
        """`refused`: rows of the delivery that the database did not take, with its words."""
        self._means = means
        self._turn = turn
        self._refused = refused or {}
        self.outcome = Outcome()
        self.head: int | None = None
        """The state that readers are to see."""

    def charges(self, manifest: Manifest) -> CrateDBCharges:
        """The table that a delivery is for."""
        if self._turn is None:
            return TriedCharges(self._means, self, manifest, self._refused)
        return WrittenCharges(self._means, self, manifest, self._refused, self._turn)

    def require_free(self, table: str) -> None:
        """No user has a table of this name."""
        catalog.require_free(self._means.own, table, adopting=self._means.adopting)

    def next_number(self) -> int:
        """A commit number that was never used."""
        return catalog.next_value(self._means.session, "commits")

    def get(self, commit: int) -> Delivery:
        """One delivery."""
        return self.outcome.deliveries.get(commit) or ledger.get(self._means.session, commit)

    def put(self, delivery: Delivery) -> None:
        """Decide on a delivery."""
        self.outcome.deliveries[delivery.commit] = delivery

    def enter(self, delivery: Delivery) -> None:
        """Decide on a delivery that was not there before."""
        self.outcome.note = delivery

    def in_state(self, state: State) -> Sequence[Entry]:
        """The entries of the deliveries in a state."""
        return ledger.in_state(self._means.session, state)

    def same_content(self, manifest: Manifest, states: Sequence[State]) -> Sequence[int]:
        """The deliveries of the same content by the same source."""
        return ledger.same_content(self._means.session, manifest, states)

    def shapes(self, table: str, source: str) -> Mapping[str, Applied]:
        """For each billing period of a source, the delivery that shaped it last."""
        return ledger.shapes(self._means.session, table, source)

    def set_shapes(self, table: str, source: str, periods: Iterable[str], commit: int) -> None:
        """Decide which delivery shaped these periods."""
        self.outcome.shapes |= {(table, source, period): commit for period in periods}

    def last_state_time(self, table: str) -> datetime | None:
        """When the last state of a table was made visible."""
        return ledger.last_state_time(self._means.session, table)

    def keep_refused(self, commit: int, rows: Iterable[dict[str, Any]]) -> int:
        """Keep the rows that the table cannot hold."""
        if self._turn is None:
            return sum(1 for _ in rows)
        return quarantine.replace(self._means.session, commit, "handler", rows, self._turn.require)

    def quarantined(self, commit: int) -> int:
        """How many rows the exporter quarantined."""
        return quarantine.count(self._means.session, commit, "exporter")

    def quarantined_rows(
        self, commit: int, numbers: Collection[str] | None = None
    ) -> Iterable[Row]:
        """All rows that were quarantined of a delivery, or those of these numbers."""
        if numbers is None:
            return quarantine.rows_of(self._means.session, commit)
        return quarantine.rows_named(self._means.session, commit, numbers)

    def repaired(
        self, commit: int, replays: Sequence[int], numbers: Sequence[str]
    ) -> Mapping[str, Repaired]:
        """What these replays made of such rows of a delivery."""
        return repairs.repaired(self._means.session, commit, replays, numbers)

    def keep_repairs(self, commit: int, replay: int, rows: Sequence[Repaired]) -> None:
        """Keep what a replay made of rows; it counts once the replay is in the ledger."""
        repairs.keep(self._means.session, commit, replay, rows)

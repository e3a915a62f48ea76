"""What settling a delivery asks of an engine: the rows of the ledger, and the charges of a table.

An engine gives both for one settlement at a time; all that is written through them holds together,
or none of it does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from costwire_db_handler.charges.difference import Difference
from costwire_db_handler.charges.fit import Fit
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.quarantined import Repaired, Row
from costwire_focus.amounts import CostSums
from costwire_focus.manifest import Manifest

Counted = tuple[int, CostSums]
"""How many charges, and their exact sums."""


class Charges(Protocol):
    """The charges of one table and source, and beside them those of the delivery."""

    def next_state(self, commit: int) -> int:
        """The number of the state that a delivery makes: larger than that of any state before.

        Deliveries may be settled in another order than they are opened, so the own may be too
        small.
        """
        ...

    def load_staged(self, parts: StagedParts, default_period: str) -> Fit:
        """Make ready what an open delivery brought; the columns get the scales that it needs.

        `default_period`: the billing period of charges that name none; '' where nothing tells it.
        """
        ...

    def load_kept(self, delivery: Delivery) -> None:
        """Make ready the charges of a delivery that was set aside."""
        ...

    def loaded(self) -> int:
        """How many charges of the delivery are ready."""
        ...

    def named_periods(self) -> set[str]:
        """The billing periods that they name."""
        ...

    def present_periods(self) -> Sequence[PresentPeriod]:
        """The billing periods of which readers see charges of this source."""
        ...

    def shown_periods(self) -> Sequence[PresentPeriod]:
        """The billing periods of which readers see charges of any source."""
        ...

    def added_by_period(self) -> Mapping[str, int]:
        """How many charges the comparison found to be new, by the billing period they name."""
        ...

    def compare(self, periods: Sequence[str]) -> Difference:
        """Compare the delivery with what readers see of these periods, copies counted."""
        ...

    def add_beside(self, periods: Sequence[str], dropped: pa.Array) -> Difference:
        """The comparison for charges that come beside what readers see of these periods.

        `dropped`: the contents (`HASH`) of charges seen there in whose place some of them come.
        What is not found stays out of `Difference.removed`.
        """
        ...

    def removed_of(self, states: Sequence[int]) -> int:
        """Of the charges that the comparison found to be removed, those that these states brought.

        To be asked before they are.
        """
        ...

    def add_to_all(self) -> Difference:
        """The comparison for a delivery that replaces nothing: all of it is added."""
        ...

    def found_elsewhere(self, share: float) -> Mapping[str, int]:
        """How many of the delivery's charges each other source has now, copies counted.

        Sources that have no more than this share of them may be left out.
        """
        ...

    def apply(self, number: int) -> None:
        """Close what the delivery no longer has, and add what is new in it, as this state."""
        ...

    def keep_unseen(self, commit: int) -> int:
        """Store the delivery so that no reader sees it; gives the number that its charges carry."""
        ...

    def forget_kept(self, delivery: Delivery) -> None:
        """Take away what was kept unseen, once the charges stand where readers see them."""
        ...

    def visible(self, periods: Sequence[str]) -> Counted:
        """What readers see of these periods of the source, once this settlement holds."""
        ...

    def brought(self, number: int | None) -> Counted:
        """What readers see of what a state brought, once this settlement holds."""
        ...

    def kept(self, number: int) -> Counted:
        """What was kept unseen under a number."""
        ...


class Books(Protocol):
    """The ledger, and the tables that it tells of."""

    def charges(self, manifest: Manifest) -> Charges:
        """The table that a delivery is for; it and its columns are made where they lack.

        Raises `TableTaken`.
        """
        ...

    def require_free(self, table: str) -> None:
        """No user has a table of this name; raises `TableTaken`."""
        ...

    def next_number(self) -> int:
        """A commit number that was never used."""
        ...

    def get(self, commit: int) -> Delivery:
        """One delivery; raises `UnknownDelivery`."""
        ...

    def put(self, delivery: Delivery) -> None:
        """Write a delivery, new or changed."""
        ...

    def enter(self, delivery: Delivery) -> None:
        """Write a delivery that comes into the ledger with this settlement."""
        ...

    def in_state(self, state: State) -> Sequence[Entry]:
        """The entries of the deliveries in a state, oldest first."""
        ...

    def same_content(self, manifest: Manifest, states: Sequence[State]) -> Sequence[int]:
        """The numbers of the deliveries of the same content by the same source.

        Of those in one of these states; dry runs are none. In the order in which readers saw
        them: it is not that of the numbers where one waited for its acceptance.
        """
        ...

    def shapes(self, table: str, source: str) -> Mapping[str, Applied]:
        """For each billing period of a source, the delivery that shaped it last."""
        ...

    def set_shapes(self, table: str, source: str, periods: Iterable[str], commit: int) -> None:
        """Record which delivery shaped these periods."""
        ...

    def last_state_time(self, table: str) -> datetime | None:
        """When the last state of a table was made visible; None where there is none."""
        ...

    def keep_refused(self, commit: int, rows: Iterable[dict[str, Any]]) -> int:
        """Keep the rows that the table cannot hold in the quarantine; gives their number."""
        ...

    def quarantined(self, commit: int) -> int:
        """How many rows the exporter quarantined of a delivery."""
        ...

    def quarantined_rows(
        self, commit: int, numbers: Collection[str] | None = None
    ) -> Iterable[Row]:
        """All rows that were quarantined of a delivery, the repaired ones included, in pages.

        Or those of these numbers that there are.
        """
        ...

    def repaired(
        self, commit: int, replays: Sequence[int], numbers: Sequence[str]
    ) -> Mapping[str, Repaired]:
        """What these replays made of such rows of a delivery, by number; the last counts."""
        ...

    def keep_repairs(self, commit: int, replay: int, rows: Sequence[Repaired]) -> None:
        """Keep what a replay made of rows that a delivery brought."""
        ...

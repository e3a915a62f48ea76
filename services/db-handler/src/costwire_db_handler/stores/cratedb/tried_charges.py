"""The charges of a delivery that is only tried."""

from __future__ import annotations

from collections.abc import Sequence

from costwire_db_handler.books import Counted
from costwire_db_handler.charges.fit import Fit
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.stores.cratedb import catalog
from costwire_db_handler.stores.cratedb.charges import CrateDBCharges
from costwire_db_handler.stores.cratedb.layout import Layout
from costwire_db_handler.stores.cratedb.turns import read_row


class TriedCharges(CrateDBCharges):
    """Charges of a delivery that is only tried: nothing is written.

    What readers would see of its scope, or of what it appends, is what it brings.
    """

    def _table(self) -> tuple[Layout, int]:
        row = read_row(self._session, self._manifest.table)
        layout = row.layout if row and row.layout else Layout(table=self._manifest.table)
        return layout, row.head if row else 0

    def _source_id(self) -> int:
        known = catalog.find_source(self._session, self._manifest.table, self._manifest.source)
        return -1 if known is None else known

    def _reshaped(self, chosen: Fit, parts: StagedParts) -> None:
        pass

    def next_state(self, commit: int) -> int:
        """No state is made."""
        return commit

    def apply(self, number: int) -> None:
        """Nothing is written."""

    def keep_unseen(self, commit: int) -> int:
        """Nothing is written."""
        return commit

    def visible(self, periods: Sequence[str]) -> Counted:
        """What readers would see of the scope: the delivery; of a repeated one what they see."""
        return self._sent or self._seen(periods)

    def brought(self, number: int | None) -> Counted:
        """What readers would see of what it appends."""
        return self._sent or super().brought(number)

    def kept(self, number: int) -> Counted:
        """What would be kept unseen."""
        if self._sent is None:
            raise ValueError("no delivery is loaded")
        return self._sent

"""The charges of one table on CrateDB, and beside them those of the delivery being settled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from costwire_db_handler.books import Counted
from costwire_db_handler.charges import difference
from costwire_db_handler.charges.difference import Difference
from costwire_db_handler.charges.fit import Fit, fit
from costwire_db_handler.charges.incoming import StagedCharges
from costwire_db_handler.charges.refused import refused_sums
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.stores.cratedb import versions
from costwire_db_handler.stores.cratedb.failures import StoreFailed
from costwire_db_handler.stores.cratedb.layout import Layout, visible_at
from costwire_db_handler.stores.cratedb.means import Means
from costwire_focus.amounts import CostSums
from costwire_focus.columns import columns_of
from costwire_focus.manifest import Manifest

if TYPE_CHECKING:
    from costwire_db_handler.stores.cratedb.books import CrateDBBooks

_SEEN = f"SELECT id, content, dimensions, period FROM {versions.SEEN}"
_KEYS_AT_ONCE = 10_000
_OF_PERIODS = '"_source" = ? AND "_period" = ANY(?)'


class CrateDBCharges(ABC):
    """The charges of one table and source, and what a delivery would change of them."""

    def __init__(
        self, means: Means, books: CrateDBBooks, manifest: Manifest, refused: Mapping[int, str]
    ) -> None:
        self._means = means
        self._session = means.session
        self._books = books
        self._manifest = manifest
        self._refused = refused
        self._sql = means.scratch()
        self._kept: Delivery | None = None
        self._sent: Counted | None = None
        self._staged: StagedCharges | None = None
        self._layout, self._head = self._table()
        self._source = self._source_id()

    @abstractmethod
    def _table(self) -> tuple[Layout, int]:
        """The table's layout, without columns where there is none yet, and what readers see."""

    @abstractmethod
    def _source_id(self) -> int:
        """The number of the source."""

    @abstractmethod
    def _reshaped(self, chosen: Fit, parts: StagedParts) -> None:
        """Make the table hold what is to come."""

    def _wanted_columns(self) -> list[str]:
        brought = [column.name for column in self._manifest.columns]
        # What a partial report lacks can be asked for all the same: it is null.
        lacked = columns_of(self._manifest.focus_version).keys() - set(brought)
        return [*brought, *sorted(lacked)]

    def load_staged(self, parts: StagedParts, default_period: str) -> Fit:
        """Choose the scales that the delivery needs, and load its keys."""
        wanted = self._layout.with_columns(self._wanted_columns())
        scales = {c.name: c.scale for c in wanted.columns if c.scale is not None}
        chosen = fit(parts, scales, self._integer_digits, self._refused)
        self._reshaped(chosen, parts)
        self._staged = StagedCharges(parts, chosen, default_period)
        self._staged.load_keys(self._sql)
        sums = CostSums.of(self._manifest.published_sums()).minus(refused_sums(parts, chosen))
        self._sent = self.loaded(), sums
        return chosen

    def _integer_digits(self, column: str) -> int:
        if column not in self._layout.names:
            return 0
        name = self._layout.names[column]
        return versions.integer_digits(self._session, self._layout, name)

    @property
    def _exists(self) -> bool:
        return bool(self._layout.columns)

    def load_kept(self, delivery: Delivery) -> None:
        """Load the keys of a delivery that was set aside."""
        if delivery.kept is None:
            raise ValueError(f"delivery {delivery.commit} was not set aside")
        self._kept = delivery
        condition = versions.kept_condition(delivery.kept)
        self._sent = versions.counted(self._session, self._layout, *condition)
        if self._sent[0] != delivery.entry.rows.stored:
            raise StoreFailed(
                f"accept {delivery.commit}: {self._sent[0]} of the "
                f"{delivery.entry.rows.stored} charges that were set aside are there"
            )
        versions.load_seen(self._sql, self._session, self._layout, *condition)
        difference.new_keys(self._sql)
        self._sql.execute(
            f"INSERT INTO {difference.KEYS} SELECT row, content, dimensions FROM {versions.SEEN};"
            f"INSERT INTO {difference.NAMED} SELECT DISTINCT period FROM {versions.SEEN}"
        )

    def loaded(self) -> int:
        """How many charges of the delivery are loaded."""
        return difference.loaded(self._sql)

    def named_periods(self) -> set[str]:
        """The billing periods that they name."""
        return difference.named_periods(self._sql)

    def present_periods(self) -> Sequence[PresentPeriod]:
        """The billing periods of which readers see charges of this source."""
        if not self._exists:
            return []
        return versions.present_periods(self._session, self._layout, self._head, self._source)

    def shown_periods(self) -> Sequence[PresentPeriod]:
        """The billing periods of which readers see charges of any source."""
        if not self._exists:
            return []
        return versions.present_periods(self._session, self._layout, self._head, None)

    def added_by_period(self) -> Mapping[str, int]:
        """How many charges are new, by the billing period they name."""
        if self._staged is None:
            raise ValueError("no delivery is loaded")
        return self._staged.count_by_period(difference.chosen(self._sql))

    def compare(self, periods: Sequence[str]) -> Difference:
        """Compare the delivery with what readers see of these periods."""
        if not self._exists:
            return difference.nothing_present(self._sql)
        where = f"{visible_at(self._head)} AND {_OF_PERIODS}"
        arguments = [self._source, list(periods)]
        versions.load_seen(self._sql, self._session, self._layout, where, arguments)
        return difference.compare(self._sql, _SEEN)

    def add_beside(self, periods: Sequence[str], dropped: pa.Array) -> Difference:
        """The comparison for charges that come beside what readers see of these periods."""
        self._sent = None  # what stands there then is more than what was sent
        where = f"{visible_at(self._head)} AND {_OF_PERIODS}"
        arguments = [self._source, list(periods)]
        versions.load_seen(self._sql, self._session, self._layout, where, arguments)
        return difference.beside(self._sql, _SEEN, dropped)

    def removed_of(self, states: Sequence[int]) -> int:
        """How many of the removed charges these states brought."""
        (row,) = self._sql.execute(
            f"SELECT count(*) FROM {versions.SEEN} "
            f'WHERE id IN ({difference.REMOVED}) AND list_contains(?, "commit")',
            [list(states)],
        ).fetchall()
        return int(row[0])

    def add_to_all(self) -> Difference:
        """The comparison for a delivery that replaces nothing."""
        return difference.nothing_present(self._sql)

    def found_elsewhere(self, share: float) -> Mapping[str, int]:
        """How many of the delivery's charges each other source has now."""
        if not self._exists:
            return {}
        return versions.found_elsewhere(
            self._sql, self._session, self._layout, self._head, self._source, share
        )

    @abstractmethod
    def next_state(self, commit: int) -> int:
        """The number of the state that a delivery makes."""

    @abstractmethod
    def apply(self, number: int) -> None:
        """Write what the delivery changes."""

    @abstractmethod
    def keep_unseen(self, commit: int) -> int:
        """Store the delivery so that no reader sees it."""

    def forget_kept(self, delivery: Delivery) -> None:
        """Take away what was kept unseen, once this settlement holds."""
        if delivery.kept is not None:
            self._books.outcome.forgotten.append(delivery.kept)

    @abstractmethod
    def visible(self, periods: Sequence[str]) -> Counted:
        """What readers see of these periods of the source."""

    def brought(self, number: int | None) -> Counted:
        """What readers see of what a state brought."""
        where = f'{visible_at(self._head)} AND "_source" = ? AND "_commit" = ?'
        if not self._exists or number is None:
            return 0, CostSums()
        return versions.counted(self._session, self._layout, where, [self._source, number])

    @abstractmethod
    def kept(self, number: int) -> Counted:
        """What was kept unseen under a number."""

    def _seen(self, periods: Sequence[str]) -> Counted:
        if not self._exists:
            return 0, CostSums()
        where = f"{visible_at(self._head)} AND {_OF_PERIODS}"
        arguments = [self._source, list(periods)]
        return versions.counted(self._session, self._layout, where, arguments)

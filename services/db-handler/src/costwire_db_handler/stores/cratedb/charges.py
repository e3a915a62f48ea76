"""The charges of one table on CrateDB, and beside them those of the delivery being settled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from costwire_db_handler.books import Counted
from costwire_db_handler.charges import difference
from costwire_db_handler.charges.difference import Difference
from costwire_db_handler.charges.fit import Fit, fit
from costwire_db_handler.charges.incoming import StagedCharges
from costwire_db_handler.charges.refused import refused_sums
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.charges.verify import published_sums
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.stores.cratedb import catalog, rows, versions
from costwire_db_handler.stores.cratedb.failures import StoreFailed
from costwire_db_handler.stores.cratedb.layout import Layout, insert_rows, visible_at
from costwire_db_handler.stores.cratedb.loading import Loader
from costwire_db_handler.stores.cratedb.means import Means
from costwire_db_handler.stores.cratedb.needs import long_columns, tag_keys
from costwire_db_handler.stores.cratedb.rows import Versioning
from costwire_db_handler.stores.cratedb.turns import Turn, read_row
from costwire_focus.amounts import COST_COLUMNS, CostSums
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
        sums = published_sums(self._manifest).minus(refused_sums(parts, chosen))
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

    def add_beside(self, periods: Sequence[str], dropped: Sequence[str]) -> Difference:
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


def _same(left: Counted, right: Counted) -> bool:
    """Whether both count the same; a column that is absent is one without amounts."""
    currencies = {*left[1].currencies(), *right[1].currencies()}
    return left[0] == right[0] and all(
        (left[1].get(currency, name) or 0) == (right[1].get(currency, name) or 0)
        for currency in currencies
        for name in COST_COLUMNS
    )


class WrittenCharges(CrateDBCharges):
    """Charges that are written, within a turn."""

    def __init__(
        self,
        means: Means,
        books: CrateDBBooks,
        manifest: Manifest,
        refused: Mapping[int, str],
        turn: Turn,
    ) -> None:
        self._turn = turn
        self._number: int | None = None
        super().__init__(means, books, manifest, refused)

    def _table(self) -> tuple[Layout, int]:
        shaper = self._shaper()
        layout = shaper.ensure(self._manifest.table, self._wanted_columns())
        return layout, self._turn.row.head

    def _shaper(self) -> catalog.Shaper:
        means = self._means
        return catalog.Shaper(
            means.own, self._session, means.storage, self._turn, adopting=means.adopting
        )

    def _source_id(self) -> int:
        return catalog.ensure_source(self._session, self._manifest.table, self._manifest.source)

    def _reshaped(self, chosen: Fit, parts: StagedParts) -> None:
        shaper = self._shaper()
        wider = {
            name: scale
            for name, scale in chosen.scales.items()
            if scale > (self._layout.by_name(name).scale or 0)
        }
        told = parts.summary
        self._layout = shaper.reshape(
            self._layout, wider, long_columns(told, self._layout), tag_keys(told, self._layout)
        )

    def next_state(self, commit: int) -> int:
        """The number of the state that is written."""
        if self._number is None:
            self._number = self._turn.begin(commit, self._books.next_number)
        return self._number

    def apply(self, number: int) -> None:
        """Close what the delivery no longer has, and add what is new in it."""
        if self._kept is not None and self._kept.kept is not None:
            chosen = difference.chosen(self._sql)
            for _ in versions.copy_kept(
                self._session, self._layout, self._kept.kept, number, chosen
            ):
                self._turn.check()
        else:
            self._insert(Versioning.visible, number, difference.chosen(self._sql))
        self._close(number)
        self._session.execute(f"REFRESH TABLE {self._layout.physical}")
        self._head = self._books.head = number

    def _insert(
        self,
        kind: Callable[[int, int, str], Versioning],
        number: int,
        chosen: difference.Rows | None,
    ) -> None:
        staged = self._staged
        if staged is None:
            raise ValueError("no delivery is loaded")
        schema = staged.schema()
        if not len(schema):
            return
        columns = rows.stored_columns(self._layout, schema)
        versioning = kind(number, self._source, staged.default_period)
        by_month = self._means.storage.by_month
        bulk = self._means.bulk

        def batches() -> Iterator[rows.Rows]:
            for part in staged.tables(schema, chosen, plain=False):
                encoded = rows.encoded(part, list(columns), versioning, by_month=by_month)
                yield from encoded.batches(bulk.rows, bulk.bytes)

        statement = insert_rows(self._layout, list(columns.values()))
        loader = Loader(self._session, statement, bulk, self._turn.check, self._means.pause)
        loader.load(batches())

    def _close(self, number: int) -> None:
        for _ in versions.close(self._session, self._layout, number, self._removed()):
            self._turn.check()

    def _removed(self) -> Iterator[tuple[int, str, int]]:
        ((number,),) = self._sql.execute("SELECT count(*) FROM removed").fetchall()
        if number:
            rows = self._sql.execute(
                f'SELECT "commit", month, row FROM {versions.SEEN} '
                f"WHERE id IN ({difference.REMOVED}) ORDER BY ALL"
            )
            while piece := rows.fetchmany(_KEYS_AT_ONCE):
                yield from piece

    def keep_unseen(self, commit: int) -> int:
        """Store the delivery so that no reader sees it."""
        number = self.next_state(commit)
        self._insert(Versioning.unseen, number, None)
        self._session.execute(f"REFRESH TABLE {self._layout.physical}")
        return number

    def visible(self, periods: Sequence[str]) -> Counted:
        """What readers see of these periods of the source, once this settlement holds."""
        return self._verified(self._seen(periods))

    def brought(self, number: int | None) -> Counted:
        """What readers see of what a state brought, once this settlement holds."""
        counted = super().brought(number)
        return self._verified(counted) if number == self._number else counted

    def _verified(self, counted: Counted) -> Counted:
        """What stands there is what was sent, or nothing of it may hold."""
        sent = self._sent
        if sent is not None and not _same(counted, sent):
            raise StoreFailed(
                f"write charges: the store holds {counted[0]} with other sums than the "
                f"{sent[0]} that were sent; nothing of it is shown, try again"
            )
        return counted

    def kept(self, number: int) -> Counted:
        """What was kept unseen under a number."""
        where, arguments = versions.kept_condition(number)
        return self._verified(versions.counted(self._session, self._layout, where, arguments))


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

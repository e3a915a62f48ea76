"""The charges of a delivery as they are written within a turn, where no reader sees them yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from costwire_db_handler.books import Counted
from costwire_db_handler.charges import difference
from costwire_db_handler.charges.fit import Fit
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.stores.cratedb import catalog, rows, versions
from costwire_db_handler.stores.cratedb.charges import CrateDBCharges
from costwire_db_handler.stores.cratedb.failures import StoreFailed
from costwire_db_handler.stores.cratedb.layout import Layout, insert_rows
from costwire_db_handler.stores.cratedb.loading import Loader
from costwire_db_handler.stores.cratedb.means import Means
from costwire_db_handler.stores.cratedb.needs import long_columns, tag_keys
from costwire_db_handler.stores.cratedb.rows import Versioning
from costwire_db_handler.stores.cratedb.turns import Turn
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.manifest import Manifest

if TYPE_CHECKING:
    from costwire_db_handler.stores.cratedb.books import CrateDBBooks

_KEYS_AT_ONCE = 10_000


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
            for part in staged.tables(schema, chosen):
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


def _same(left: Counted, right: Counted) -> bool:
    """Whether both count the same; a column that is absent is one without amounts."""
    currencies = {*left[1].currencies(), *right[1].currencies()}
    return left[0] == right[0] and all(
        (left[1].get(currency, name) or 0) == (right[1].get(currency, name) or 0)
        for currency in currencies
        for name in COST_COLUMNS
    )

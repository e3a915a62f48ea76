"""Ledger and charges as one settlement on CrateDB sees and writes them.

Charges are written under the number of the attempt, where no reader sees them; what is decided for
the ledger is gathered in an `Outcome`, which the turn makes true in one update.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.books import Counted
from costwire_db_handler.charges import difference
from costwire_db_handler.charges.difference import Difference
from costwire_db_handler.charges.fit import Fit, fit
from costwire_db_handler.charges.incoming import StagedCharges
from costwire_db_handler.charges.prepare import CELL, ROW
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import State
from costwire_db_handler.stores.cratedb import catalog, ledger, quarantine, rows, versions
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreFailed
from costwire_db_handler.stores.cratedb.layout import (
    LONGEST_INDEXED_BYTES,
    Layout,
    Storage,
    insert_rows,
)
from costwire_db_handler.stores.cratedb.ledger import Outcome
from costwire_db_handler.stores.cratedb.loading import Bulk, Loader
from costwire_db_handler.stores.cratedb.rows import Versioning
from costwire_db_handler.stores.cratedb.turns import Turn
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.columns import ValueType, columns_of
from costwire_focus.manifest import Manifest

_SEEN = f"SELECT id, content, dimensions, period FROM {versions.SEEN}"


@dataclass(frozen=True)
class Means:
    """What settlements work with."""

    session: Session
    """The caller's."""
    own: Session
    """The handler's, for what belongs to it: the shape of tables and their views."""
    storage: Storage
    bulk: Bulk
    scratch: Callable[[], duckdb.DuckDBPyConnection]
    """A DuckDB of one's own, in which keys are compared."""
    pause: Callable[[float], None] = time.sleep


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
        catalog.require_free(self._means.own, table)

    def next_number(self) -> int:
        """A commit number that was never used."""
        return catalog.next_value(self._means.session, "commits")

    def get(self, commit: int) -> Delivery:
        """One delivery."""
        return self.outcome.deliveries.get(commit) or ledger.get(self._means.session, commit)

    def put(self, delivery: Delivery) -> None:
        """Decide on a delivery."""
        self.outcome.deliveries[delivery.commit] = delivery

    def in_state(self, state: State) -> Sequence[Delivery]:
        """The deliveries in a state."""
        return ledger.in_state(self._means.session, state)

    def same_content(self, manifest: Manifest, states: Sequence[State]) -> Sequence[Delivery]:
        """Deliveries of the same content by the same source."""
        return ledger.same_content(self._means.session, manifest, states)

    def shapes(self, table: str, source: str) -> Mapping[str, Applied]:
        """For each billing period of a source, the delivery that shaped it last."""
        return ledger.shapes(self._means.session, table, source)

    def set_shapes(self, table: str, source: str, periods: Iterable[str], commit: int) -> None:
        """Decide which delivery shaped these periods."""
        self.outcome.shapes |= {(table, source, period): commit for period in periods}

    def keep_refused(self, commit: int, rows: Iterable[dict[str, Any]]) -> int:
        """Keep the rows that the table cannot hold."""
        if self._turn is None:
            return sum(1 for _ in rows)
        return quarantine.replace(self._means.session, commit, "handler", rows)

    def quarantined(self, commit: int) -> int:
        """How many rows the exporter quarantined."""
        return quarantine.count(self._means.session, commit, "exporter")


class CrateDBCharges:
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
        self._staged: StagedCharges | None = None
        self._layout, self._head = self._table()
        self._source = self._source_id()

    def _table(self) -> tuple[Layout, int]:
        """The table's layout, and the state that readers see."""
        raise NotImplementedError

    def _source_id(self) -> int:
        raise NotImplementedError

    def _reshaped(self, chosen: Fit, parts: StagedParts) -> None:
        """Make the table hold what is to come."""
        raise NotImplementedError

    def _wanted_columns(self) -> list[str]:
        brought = [column.name for column in self._manifest.columns]
        # What a partial report lacks can be asked for all the same: it is null.
        lacked = columns_of(self._manifest.focus_version).keys() - set(brought)
        return [*brought, *sorted(lacked)]

    def load_staged(self, parts: StagedParts, default_period: str) -> Fit:
        """Choose the scales that the delivery needs, and load its keys."""
        scales = {c.name: c.scale for c in self._layout.columns if c.scale is not None}
        chosen = fit(parts, scales, self._integer_digits, self._refused)
        self._reshaped(chosen, parts)
        self._staged = StagedCharges(parts, chosen, default_period)
        self._staged.load_keys(self._sql)
        return chosen

    def _integer_digits(self, column: str) -> int:
        if not self._exists:
            return 0
        return versions.integer_digits(
            self._session, self._layout, self._layout.by_name(column).sql_name
        )

    @property
    def _exists(self) -> bool:
        return True

    def load_kept(self, delivery: Delivery) -> None:
        """Load the keys of a delivery that was set aside."""
        if delivery.kept is None:
            raise ValueError(f"delivery {delivery.commit} was not set aside")
        self._kept = delivery
        versions.load_seen(self._sql, self._session, self._layout, *_kept_condition(delivery.kept))
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

    def compare(self, periods: Sequence[str]) -> Difference:
        """Compare the delivery with what readers see of these periods."""
        if not self._exists:
            return difference.nothing_present(self._sql)
        where = f"{versions.visible_at(self._head)} AND {_OF_PERIODS}"
        arguments = [self._source, list(periods)]
        versions.load_seen(self._sql, self._session, self._layout, where, arguments)
        return difference.compare(self._sql, _SEEN)

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

    def next_state(self, commit: int) -> int:
        """The number of the state that a delivery makes."""
        raise NotImplementedError

    def apply(self, number: int) -> None:
        """Write what the delivery changes."""
        raise NotImplementedError

    def keep_unseen(self, commit: int) -> int:
        """Store the delivery so that no reader sees it."""
        raise NotImplementedError

    def forget_kept(self, delivery: Delivery) -> None:
        """Take away what was kept unseen, once this settlement holds."""
        if delivery.kept is not None:
            self._books.outcome.forgotten.append(delivery.kept)

    def visible(self, periods: Sequence[str]) -> Counted:
        """What readers see of these periods of the source."""
        raise NotImplementedError

    def brought(self, number: int | None) -> Counted:
        """What readers see of what a state brought."""
        where = f'{versions.visible_at(self._head)} AND "_source" = ? AND "_commit" = ?'
        if not self._exists or number is None:
            return 0, CostSums()
        return versions.counted(self._session, self._layout, where, [self._source, number])

    def kept(self, number: int) -> Counted:
        """What was kept unseen under a number."""
        raise NotImplementedError

    def _seen(self, periods: Sequence[str]) -> Counted:
        where = f"{versions.visible_at(self._head)} AND {_OF_PERIODS}"
        arguments = [self._source, list(periods)]
        return versions.counted(self._session, self._layout, where, arguments)

    def _expected(self) -> Counted:
        """The delivery's own count of its charges."""
        if self._staged is None:
            raise ValueError("no delivery is loaded")
        sums = CostSums()
        schema = self._staged.schema()
        if not len(schema):
            return 0, sums
        names = [CELL + name for name in (*COST_COLUMNS, "BillingCurrency")]
        present = [name for name in names if name in schema.names]
        chosen = pa.schema([schema.field(name) for name in [ROW, *present]])
        for part in self._staged.tables(chosen, None):
            sums.add_typed(
                part.select(present).rename_columns([n.removeprefix(CELL) for n in present])
            )
        return self.loaded(), sums


def _same(left: Counted, right: Counted) -> bool:
    """Whether both count the same; a column that is absent is one without amounts."""
    currencies = {*left[1].currencies(), *right[1].currencies()}
    return left[0] == right[0] and all(
        (left[1].get(currency, name) or 0) == (right[1].get(currency, name) or 0)
        for currency in currencies
        for name in COST_COLUMNS
    )


_OF_PERIODS = '"_source" = ? AND "_period" = ANY(?)'


def _kept_condition(number: int) -> tuple[str, list[int]]:
    return '"_commit" = ? AND "_last" = ?', [number, number - 1]


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
        shaper = catalog.Shaper(self._means.own, self._session, self._means.storage, self._turn)
        layout = shaper.ensure(self._manifest.table, self._wanted_columns())
        return layout, self._turn.row.head

    def _source_id(self) -> int:
        return catalog.ensure_source(self._session, self._manifest.table, self._manifest.source)

    def _reshaped(self, chosen: Fit, parts: StagedParts) -> None:
        shaper = catalog.Shaper(self._means.own, self._session, self._means.storage, self._turn)
        wider = {
            name: scale
            for name, scale in chosen.scales.items()
            if scale > (self._layout.by_name(name).scale or 0)
        }
        self._layout = shaper.reshape(
            self._layout, wider, _long_columns(parts, self._layout), _tag_keys(parts, self._layout)
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
            wanted = None if chosen is None else [int(row) for row in chosen]
            versions.copy_kept(self._session, self._layout, self._kept.kept, number, wanted)
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

        def batches() -> Iterator[tuple[Sequence[int], Sequence[str]]]:
            for part in staged.tables(schema, chosen):
                numbers = part.column(ROW).to_pylist()
                encoded = rows.encoded(part, list(columns), versioning, by_month=by_month)
                at = 0
                for batch in rows.batches(encoded, bulk.rows, bulk.bytes):
                    yield numbers[at : at + len(batch)], batch
                    at += len(batch)

        statement = insert_rows(self._layout, list(columns.values()))
        loader = Loader(self._session, statement, bulk, self._turn.check, self._means.pause)
        loader.load(batches())

    def _close(self, number: int) -> None:
        for _ in versions.close(self._session, self._layout, number, self._removed()):
            self._turn.check()

    def _removed(self) -> list[tuple[int, str, int]]:
        ((number,),) = self._sql.execute("SELECT count(*) FROM removed").fetchall()
        if not number:
            return []
        return self._sql.execute(
            f'SELECT "commit", month, row FROM {versions.SEEN} '
            f"WHERE id IN ({difference.REMOVED}) ORDER BY ALL"
        ).fetchall()

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
        if self._staged is not None and not _same(counted, self._expected()):
            raise StoreFailed(
                f"write charges: the store holds {counted[0]} with other sums than the "
                f"{self.loaded()} that were sent; nothing of it is shown, try again"
            )
        return counted

    def kept(self, number: int) -> Counted:
        """What was kept unseen under a number."""
        where, arguments = _kept_condition(number)
        return self._verified(versions.counted(self._session, self._layout, where, arguments))


class TriedCharges(CrateDBCharges):
    """Charges of a delivery that is only tried: nothing is written.

    What readers would see of its scope, or of what it appends, is what it brings.
    """

    def _table(self) -> tuple[Layout, int]:
        row = catalog.table_row(self._session, self._manifest.table)
        self._present = row is not None and row.layout is not None
        layout = row.layout if row and row.layout else Layout(table=self._manifest.table)
        return layout.with_columns(self._wanted_columns()), row.head if row else 0

    @property
    def _exists(self) -> bool:
        return self._present

    def _source_id(self) -> int:
        known = catalog.find_source(self._session, self._manifest.table, self._manifest.source)
        return -1 if known is None else known

    def _integer_digits(self, column: str) -> int:
        row = catalog.table_row(self._session, self._manifest.table)
        stands = row is not None and row.layout is not None and column in row.layout.names
        return super()._integer_digits(column) if stands else 0

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
        return self._expected() if self._staged is not None else self._seen(periods)

    def brought(self, number: int | None) -> Counted:
        """What readers would see of what it appends."""
        return super().brought(number) if self._staged is None else self._expected()

    def kept(self, number: int) -> Counted:
        """What would be kept unseen."""
        return self._expected()


def _long_columns(parts: StagedParts, layout: Layout) -> set[str]:
    """The columns of texts that are longer than what an index takes."""
    candidates = {
        CELL + column.name: column.name
        for column in layout.columns
        if column.kind is ValueType.TEXT and not column.plain
    }
    return {
        candidates[name]
        for part in parts.read(list(candidates))
        for name in part.column_names
        if (pc.max(pc.binary_length(part.column(name).cast(pa.large_string()))).as_py() or 0)
        > LONGEST_INDEXED_BYTES
    }


def _tag_keys(parts: StagedParts, layout: Layout) -> dict[str, dict[str, bool]]:
    """The keys of tags by SQL name of their column, the most frequent first.

    Each with whether no text of it is too long for an index.
    """
    tags = {CELL + c.name: c.sql_name for c in layout.columns if c.kind is ValueType.TAGS}
    found: dict[str, Counter[str]] = {name: Counter() for name in tags.values()}
    long: dict[str, set[str]] = {name: set() for name in tags.values()}
    for part in parts.read(list(tags)):
        for name in part.column_names:
            for chunk in part.column(name).chunks:
                keys = chunk.keys
                for count in pc.value_counts(keys).to_pylist():
                    found[tags[name]][count["values"]] += count["counts"]
                lengths = pc.binary_length(chunk.items)
                over = pc.fill_null(pc.greater(lengths, LONGEST_INDEXED_BYTES), False)
                long[tags[name]] |= set(pc.unique(keys.filter(over)).to_pylist())
    return {
        name: {key: key not in long[name] for key, _ in sorted(counts.items(), key=_most_frequent)}
        for name, counts in found.items()
    }


def _most_frequent(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]

"""The catalog of versioned tables in CrateDB: numbers, sources, and the shape of the tables."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal

from costwire_db_handler.beside import in_the_way, require_table_name, views_of
from costwire_db_handler.errors import TableTaken, Unbalanced
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.cratedb import layout as shapes
from costwire_db_handler.stores.cratedb import originals, states
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import (
    OutcomeUnknown,
    PrivilegeMissing,
    StatementRefused,
)
from costwire_db_handler.stores.cratedb.layout import Layout, Storage
from costwire_db_handler.stores.cratedb.privileges import MAY_MAKE_TABLES
from costwire_db_handler.stores.cratedb.turns import Turn, read_row

_COPIED_AT_ONCE = 100_000
_logger = logging.getLogger(__name__)


def next_value(session: Session, counter: str) -> int:
    """A number that a counter never gave before; none is given twice, some may never be used."""
    statement = (
        "INSERT INTO costwire.counters (name, value) VALUES (?, 1) "
        "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
    )
    for _ in range(3):
        try:
            return int(session.execute(statement, [counter]).rows[0][0])
        except OutcomeUnknown:
            continue
    raise OutcomeUnknown(f"count {counter}: the store does not answer; try again")


def require_free(own: Session, table: str, *, adopting: bool = False) -> None:
    """Nobody has a table or view of this name, or of its views; raises `TableTaken`.

    A table of the original that is being taken over is in the way of all but that.
    """
    row = read_row(own, table)
    layout = row.layout if row is not None else None
    if layout is not None and layout.shown:
        return
    require_table_name(table)
    if layout is None:
        require_views_free(own, table)
    if layout is not None or not _present(own, table):
        if not adopting and _is_of_original(own, table + originals.KEPT):
            raise TableTaken(
                f"deliver to {table}: a table of the original handler is being taken over; "
                f"`costwire adopt --table {table}` finishes that"
            )
        return
    if _is_of_original(own, table):
        raise TableTaken(
            f"deliver to {table}: it is a table of the original handler, which holds a charge for "
            f"each of its keys; `costwire adopt --table {table}` takes its charges over and keeps "
            "it under another name"
        )
    raise in_the_way(table, table)


def require_views_free(own: Session, table: str) -> None:
    """Nothing has the name of a view that is to be beside a new table; raises `TableTaken`."""
    for name in _present(own, *views_of(table)):
        raise in_the_way(table, name)


def _present(own: Session, *names: str) -> list[str]:
    """Which of these are tables or views."""
    found = own.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'doc' AND table_name = ANY(?) ORDER BY table_name",
        [list(names)],
    ).rows
    return [name for (name,) in found]


def _is_of_original(own: Session, table: str) -> bool:
    key = own.execute(
        "SELECT column_name FROM information_schema.key_column_usage "
        "WHERE table_schema = 'doc' AND table_name = ?",
        [table],
    ).rows
    return originals.is_key(name for (name,) in key)


def find_source(session: Session, table: str, name: str) -> int | None:
    """The number that stands for a source in the table's rows."""
    rows = session.execute(
        "SELECT id FROM costwire.sources WHERE table_name = ? AND name = ?", [table, name]
    ).rows
    return int(rows[0][0]) if rows else None


def ensure_source(session: Session, table: str, name: str) -> int:
    """The number of a source; a new one where it is new."""
    known = find_source(session, table, name)
    if known is None:
        session.execute(
            "INSERT INTO costwire.sources (table_name, name, id) VALUES (?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            [table, name, next_value(session, "sources")],
            repeatable=True,
        )
        known = find_source(session, table, name)
    if known is None:
        raise Unbalanced(f"the source {name!r} was not kept; try again")
    return known


def source_names(session: Session, table: str) -> dict[int, str]:
    """The sources of a table by number."""
    session.execute("REFRESH TABLE costwire.sources")
    rows = session.execute(
        "SELECT id, name FROM costwire.sources WHERE table_name = ? LIMIT 100000", [table]
    ).rows
    return {number: name for number, name in rows}


class Shaper:
    """Makes and changes tables, with the handler's own rights, within a turn.

    The tables and views are the handler's: a view works for its readers as long as its owner may
    read what it shows, and users come and go.
    """

    def __init__(
        self,
        own: Session,
        caller: Session,
        storage: Storage,
        turn: Turn,
        *,
        adopting: bool = False,
    ) -> None:
        self._own = own
        self._adopting = adopting
        self._caller = caller
        self._storage = storage
        self._turn = turn

    def ensure(self, table: str, columns: Iterable[str]) -> Layout:
        """The layout of a table with these columns; the table is made, or gets what it lacks."""
        before = self._turn.row.layout
        if before is None:
            require_free(self._own, table, adopting=self._adopting)
            self._require_maker(table)
        after = before or Layout(table=table)
        after = after.with_columns(columns, self._storage.plain_columns)
        if after == before and before.is_complete:
            self.drop_older(table)
            return before
        self._turn.check()
        if before is None:
            self._own.execute(shapes.create_table(after, self._storage), repeatable=True)
        self._change(after)
        self._turn.change(layout=after)
        return self._publish(after)

    def reshape(
        self,
        before: Layout,
        scales: Mapping[str, int],
        plain: Iterable[str],
        tag_keys: Mapping[str, Mapping[str, bool]],
    ) -> Layout:
        """Give columns other scales, or any length, and declare keys of tags.

        `tag_keys`: SQL name of tags -> the keys that come, and whether each can be declared.
        """
        after = before
        long_keys = {
            column: {key for key in before.tag_keys.get(column, ()) if keys.get(key) is False}
            for column, keys in tag_keys.items()
        }
        if scales or set(plain) or any(long_keys.values()):
            generation = 1 + next_value(self._own, "generations")
            after = before.rebuilt(generation, scales, plain, long_keys)
            after = self._rebuild(before, after)
        declared = after
        for column, keys in tag_keys.items():
            declared = declared.with_tag_keys(column, keys, self._storage.tag_keys)
        if declared != after:
            self._change(declared)
            self._turn.change(layout=declared)
        return declared

    def _rebuild(self, before: Layout, after: Layout) -> Layout:
        """Copy all versions into a table of the new shape: CrateDB changes no column's type.

        Its name was never used before, so that nobody who is late can mean another table by it. The
        old table is dropped at a later settlement: queries may be reading it.
        """
        self._own.execute(shapes.create_table(after, self._storage), repeatable=True)
        self._change(after)
        self._own.execute(f"REFRESH TABLE {before.physical}")
        was = self._totals(before)
        for low, high in shapes.hash_ranges(max(1, int(-(-was[0] // _COPIED_AT_ONCE)))):
            self._turn.check()
            self._own.execute(shapes.copy_rows(before, after, low, high))
        self._own.execute(f"REFRESH TABLE {after.physical}")
        if was != self._totals(after):
            raise Unbalanced(
                f"the charges copied into {after.physical} are not those of {before.physical}; "
                "try again"
            )
        # From here on the copy is the table, whenever we are killed.
        self._turn.change(layout=after)
        return self._publish(after)

    def drop_older(self, table: str) -> None:
        """Drop what was copied into another shape, or was never finished."""
        layout = self._turn.row.layout
        if layout is None:
            return
        tables = self._own.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'costwire' "
            "AND table_name LIKE ? LIMIT 1000",
            [f"{table}\\_\\_%"],
        ).rows
        for (name,) in tables:
            generation = name.removeprefix(f"{table}__")
            if generation.isdigit() and name != layout.physical_name:
                self._turn.require()
                self._own.execute(f"DROP TABLE IF EXISTS costwire.{quoted(name)}", repeatable=True)

    def _totals(self, layout: Layout) -> list[Decimal]:
        """How many rows, and the sum of each amount: a copy drops in silence what does not fit."""
        names = [quoted(c.sql_name) for c in layout.columns if c.scale is not None]
        sums = "".join(f", count({name}), sum({name})::TEXT" for name in names)
        (row,) = self._own.execute(f"SELECT count(*){sums} FROM {layout.physical}").rows
        return [Decimal(value or 0) for value in row]

    def _change(self, after: Layout) -> None:
        """Add the columns that the table lacks."""
        present = self._own.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'costwire' AND table_name = ? LIMIT 100000",
            [after.physical_name],
        ).rows
        statement = shapes.add_columns(after, {name for (name,) in present})
        if statement is None:
            return
        self._turn.check()
        try:
            self._own.execute(statement)
        except StatementRefused:
            # The limit is that of the day on which the table was made.
            self._own.execute(shapes.raise_limit(after, len(present), self._storage))
            self._own.execute(statement)

    def publish(self) -> None:
        """Show readers the table as its row says, where that was not done yet."""
        layout = self._turn.row.layout
        if layout is not None and not layout.is_complete:
            self._publish(layout)

    def begin_at(self, horizon: int) -> None:
        """Have the readers' views tell of no state before this one."""
        layout = self._turn.row.layout
        if layout is not None and layout.horizon < horizon:
            self._publish(layout.model_copy(update={"horizon": horizon}))

    def _publish(self, layout: Layout) -> Layout:
        """Show a layout to readers, and note that it is shown."""
        statements = shapes.create_views(layout)
        views = 0
        if self._may_view_states(layout.table):
            statements.append(states.create_view(layout.table, layout.horizon))
            views = shapes.VIEWS
        for statement in statements:
            self._turn.check()
            self._own.execute(statement, repeatable=True)
        published = layout.model_copy(
            update={"published": True, "shown": len(layout.columns), "views": views}
        )
        self._turn.change(layout=published)
        return published

    def _may_view_states(self, table: str) -> bool:
        """Whether no user has the name: one may, since before there was such a view."""
        _, name = views_of(table)
        mine = self._own.execute(
            "SELECT table_name FROM information_schema.views "
            "WHERE table_schema = 'doc' AND table_name = ? AND owner = CURRENT_USER",
            [name],
        ).rows
        if not mine and _present(self._own, name):
            _logger.warning("a table has the name of a view", extra={"table": name})
            return False
        return True

    def _require_maker(self, table: str) -> None:
        (row,) = self._caller.execute(MAY_MAKE_TABLES).rows
        if not row[0]:
            raise PrivilegeMissing(
                f"deliver to {table}: the table is new, and making it takes DDL on the schema doc"
            )

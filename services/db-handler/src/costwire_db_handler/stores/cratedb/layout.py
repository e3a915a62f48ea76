"""How a versioned table stands in CrateDB: its columns, and the statements that make it, as text.

Charges stand in `costwire."<table>__<generation>"`, every version of them. Beside the columns of
reports each row has `_commit`, the state it came with, and `_last`, the last state that has it; so
the state `n` is `_commit <= n AND _last >= n`. Readers ask the view `doc."<table>"`, whose state is
the `head` of the table's row in `costwire.tables`, or `doc."<table>__versions"` for any other, and
`doc."<table>__states"` for the states that there were.

Names are lower-case, because CrateDB folds what is not quoted: so queries need no quotes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from costwire_db_handler.beside import OPEN as OPEN
from costwire_db_handler.beside import views_of
from costwire_db_handler.names import json_name, quoted, sql_names
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DEFAULT_SCALE, DIGITS

LONGEST_INDEXED_BYTES = 32_766
"""What a text may have where it is indexed or in the column store; more is refused."""
VIEWS = 2
"""Which views are made beside a table: counted up where that changes."""
HASH_COLUMNS = ("_content_hi", "_content_lo", "_dimensions_hi", "_dimensions_lo")
KEY_COLUMNS = ("_commit", "_row", "_month")
INTERNAL_NAMES = (*KEY_COLUMNS, "_last", "_source", "_period", *HASH_COLUMNS)
_SHOWN_OF_VERSIONS = ("_last", "_source", "_period", "_row", *HASH_COLUMNS)
_CAME = '"_came"'
"""In the view of all versions: the state that a row came with, also one before the horizon."""
_VERSIONING = (
    '"_commit" BIGINT NOT NULL',
    '"_row" BIGINT NOT NULL',
    '"_month" TEXT NOT NULL',
    '"_last" BIGINT NOT NULL',
    '"_source" INTEGER NOT NULL',
    '"_period" TEXT NOT NULL',
    *(f'"{name}" BIGINT NOT NULL' for name in HASH_COLUMNS),
)
_HALF = 1 << 63
_PLAIN = "INDEX OFF STORAGE WITH (columnstore = false)"
_FIELDS_BESIDE_TAGS = 1_000
# Of a sub-column: what CrateDB refuses in its name, the names of its own, and names that we cannot
# tell it. Such tags are found all the same, more slowly.
_LEFT_AT_MOST = 2_000
_TOO_MANY = "."
"""Stands for more keys than are noted: none is declared any more. No key like it ever is."""
_UNDECLARED = re.compile(r"[.\[\]\x00-\x1f\x7f\"']|^\s|\s$|^_|^$|.{200}")


@dataclass(frozen=True)
class Storage:
    """How new tables are stored; each with its measured effect in `docs/cratedb.md`."""

    shards: int = 2
    replicas: str = "0-1"
    refresh_milliseconds: int = 0
    """0: only when a delivery was written. Statements of ours ask for it; nobody reads between."""
    by_month: bool = True
    tag_keys: int = 200
    """Of each table; the tags beyond are found, but more slowly, and more make inserts slower."""
    plain_columns: frozenset[str] = frozenset()
    """Columns that nobody filters or groups by: faster to write, and of any length."""


class Column(BaseModel):
    """A column of reports, and what stands for it."""

    model_config = ConfigDict(frozen=True)

    name: str
    sql_name: str
    scale: int | None = None
    """Of an amount."""
    plain: bool = False
    """Neither indexed nor in the column store: slower to search, and of any length."""

    @property
    def kind(self) -> ValueType:
        """What its cells are."""
        return value_type(self.name)

    @property
    def json_name(self) -> str:
        """Of tags: the column with the exact text."""
        return json_name(self.sql_name).lower()

    def public(self) -> list[str]:
        """The SQL columns that users see."""
        names = [self.sql_name]
        return [*names, self.json_name] if self.kind is ValueType.TAGS else names

    def definitions(self) -> list[str]:
        """The SQL columns with their types."""
        name = quoted(self.sql_name)
        if self.kind is ValueType.AMOUNT:
            return [f"{name} NUMERIC({DIGITS},{self.scale})"]
        if self.kind is ValueType.INSTANT:
            return [f"{name} TIMESTAMP WITHOUT TIME ZONE"]
        if self.kind is ValueType.TAGS:
            return [f"{name} OBJECT(IGNORED)", f"{quoted(self.json_name)} TEXT {_PLAIN}"]
        return [f"{name} TEXT {_PLAIN}" if self.plain else f"{name} TEXT"]


class Layout(BaseModel):
    """The columns of one table as they are."""

    model_config = ConfigDict(frozen=True)

    table: str
    generation: int = 1
    published: bool = False
    """Whether the readers' views show all of it; if not, that is still to be done."""
    shown: int = 0
    """How many of the columns they show."""
    horizon: int = 0
    """The first state that the readers' views tell of; what is older has left."""
    views: int = 0
    """The `VIEWS` that were made; fewer where an earlier version did, or a name is taken."""
    columns: tuple[Column, ...] = ()
    tag_keys: Mapping[str, tuple[str, ...]] = {}
    """SQL name of tags -> the keys that are columns of their own."""
    left_keys: Mapping[str, tuple[str, ...]] = {}
    """SQL name of tags -> the keys that could be, and came when there was no room for them."""

    @property
    def is_complete(self) -> bool:
        """Whether readers have all views, and these show all of it."""
        return self.published and self.views == VIEWS

    @property
    def physical_name(self) -> str:
        """The table in which the charges stand."""
        return f"{self.table}__{self.generation}"

    @property
    def physical(self) -> str:
        """The same in a statement."""
        return f"costwire.{quoted(self.physical_name)}"

    @property
    def names(self) -> dict[str, str]:
        """column -> SQL name"""
        return {column.name: column.sql_name for column in self.columns}

    def by_name(self, name: str) -> Column:
        """One column of reports."""
        return next(column for column in self.columns if column.name == name)

    def public(self) -> list[str]:
        """The SQL columns that users see, in order."""
        return [name for column in self.columns for name in column.public()]

    def public_now(self) -> list[str]:
        """The SQL columns that the readers' views have for certain."""
        return [name for column in self.columns[: self.shown] for name in column.public()]

    def with_columns(self, names: Iterable[str], plain: Iterable[str] = ()) -> Layout:
        """The layout with columns added that it lacks; `plain`: SQL names."""
        known = self.names
        mapped = sql_names(names, known)
        unindexed = set(plain)
        added = [
            Column(
                name=name,
                sql_name=sql_name.lower(),
                scale=DEFAULT_SCALE if value_type(name) is ValueType.AMOUNT else None,
                plain=sql_name.lower() in unindexed,
            )
            for name, sql_name in mapped.items()
            if name not in known
        ]
        if not added:
            return self
        return self.model_copy(update={"columns": (*self.columns, *added), "published": False})

    def rebuilt(
        self,
        generation: int,
        scales: Mapping[str, int],
        long: Iterable[str],
        long_keys: Mapping[str, Collection[str]],
    ) -> Layout:
        """Another generation, in which columns have other scales or take texts of any length.

        `long`: columns; `long_keys`: SQL name of tags -> keys that are columns no more.
        """
        unindexed = set(long)
        columns = tuple(
            column.model_copy(
                update={
                    "scale": scales.get(column.name, column.scale),
                    "plain": column.plain or column.name in unindexed,
                }
            )
            for column in self.columns
        )
        return self.model_copy(
            update={
                "columns": columns,
                "generation": generation,
                "published": False,
                "tag_keys": {
                    name: tuple(key for key in keys if key not in long_keys.get(name, ()))
                    for name, keys in self.tag_keys.items()
                },
                "left_keys": {
                    name: _noted({*self.left_keys.get(name, ()), *long_keys.get(name, ())})
                    for name in self.tag_keys
                },
            }
        )

    def with_tag_keys(self, column: str, keys: Mapping[str, bool], most: int) -> Layout:
        """The layout with keys of tags as columns of their own, as many as may be.

        `keys`: the keys that come, the most frequent first, and whether each can be declared. A key
        that was stored undeclared once stays so: CrateDB would not find the charges from before.
        """
        known, left = self.tag_keys.get(column, ()), self.left_keys.get(column, ())
        if _TOO_MANY in left:
            return self
        before = {*known, *left}
        room = max(0, most - sum(map(len, self.tag_keys.values())))
        new = [key for key in keys if key not in before and not _UNDECLARED.search(key)]
        declared = [key for key in new if keys[key]][:room]
        others = _noted({*left, *new} - {*declared})
        return self.model_copy(
            update={
                "tag_keys": {**self.tag_keys, column: (*known, *declared)},
                "left_keys": {**self.left_keys, column: others},
            }
        )


def _noted(left: Collection[str]) -> tuple[str, ...]:
    """Keys that are never to be declared."""
    if len(left) > _LEFT_AT_MOST or _TOO_MANY in left:
        return (_TOO_MANY,)
    return tuple(sorted(left))


def visible_at(state: int) -> str:
    """The condition of what readers see in a state."""
    return f'"_commit" <= {state:d} AND "_last" >= {state:d}'


def hash_ranges(count: int) -> Iterator[tuple[int, int]]:
    """So many ranges of `_content_hi`, both ends included, that together hold every row.

    Hashes are evenly spread: a range holds its share of any table.
    """
    edges = [-_HALF + (2 * _HALF * number) // count for number in range(count + 1)]
    for low, high in pairwise(edges):
        yield max(low, -_HALF + 1), min(high - 1, _HALF - 2)


def create_table(layout: Layout, storage: Storage) -> str:
    """The statement that makes the table."""
    columns = [*_VERSIONING]
    for column in layout.columns:
        columns += column.definitions()
    partitions = ' PARTITIONED BY ("_month")' if storage.by_month else ""
    fields = _FIELDS_BESIDE_TAGS + storage.tag_keys
    return (
        f"CREATE TABLE IF NOT EXISTS {layout.physical} ({', '.join(columns)}, "
        'PRIMARY KEY ("_commit", "_row", "_month")) '
        f"CLUSTERED INTO {storage.shards:d} SHARDS{partitions} WITH ("
        f"number_of_replicas = '{storage.replicas}', "
        f"refresh_interval = {storage.refresh_milliseconds:d}, "
        f"\"mapping.total_fields.limit\" = {fields:d}, column_policy = 'strict')"
    )


def add_columns(layout: Layout, present: Collection[str]) -> str | None:
    """The statement that adds what a table lacks; None where that is nothing.

    `present`: its columns, as `information_schema` names them.
    """
    added = [
        f"ADD COLUMN {definition}"
        for column in layout.columns
        if column.sql_name not in present
        for definition in column.definitions()
    ]
    for name, keys in layout.tag_keys.items():
        added += [
            f"ADD COLUMN {quoted(name)}['{key}'] TEXT"
            for key in keys
            if f"{name}['{key}']" not in present
        ]
    return f"ALTER TABLE {layout.physical} {', '.join(added)}" if added else None


def create_views(layout: Layout) -> list[str]:
    """The statements that make the readers' views, or make them anew."""
    shown = ", ".join(map(quoted, layout.public()))
    table = layout.table
    versions, _ = views_of(table)
    return [
        f"CREATE OR REPLACE VIEW doc.{quoted(versions)} AS "
        f'SELECT {shown}, {_first_state(layout.horizon)} AS "_commit", "_commit" AS {_CAME}, '
        f"{', '.join(map(quoted, _SHOWN_OF_VERSIONS))} FROM {layout.physical}",
        # BETWEEN reads the head once for both of its comparisons; written twice, it might change
        # between the one and the other.
        f"CREATE OR REPLACE VIEW doc.{quoted(table)} AS SELECT {shown} FROM {layout.physical} "
        f"WHERE (SELECT head FROM costwire.tables WHERE name = '{table}') "
        'BETWEEN "_commit" AND "_last"',
    ]


def _first_state(horizon: int) -> str:
    """The first state that has a row, of those that can still be asked for."""
    return f'greatest("_commit", {horizon:d}::BIGINT)' if horizon else '"_commit"'


def all_versions(layout: Layout) -> str:
    """What a statement of ours reads in place of the view of all versions, as a relation.

    There `_commit` is the state that a row came with. A view of an earlier version has no other.
    """
    versions, _ = views_of(layout.table)
    view = f"doc.{quoted(versions)}"
    if not layout.horizon and layout.views < VIEWS:
        return view
    names = ", ".join(map(quoted, (*layout.public(), *_SHOWN_OF_VERSIONS)))
    return f'(SELECT {names}, {_CAME} AS "_commit" FROM {view}) AS versions'


def raise_limit(layout: Layout, present: int, storage: Storage) -> str:
    """The statement that lets a table have as many columns as it is to get."""
    fields = max(present, _FIELDS_BESIDE_TAGS) + storage.tag_keys + len(layout.columns)
    return f'ALTER TABLE {layout.physical} SET ("mapping.total_fields.limit" = {fields:d})'


def copy_rows(before: Layout, after: Layout, low: int, high: int) -> str:
    """The statement that copies every version in a range of hashes into another generation."""
    columns = ", ".join(map(quoted, [*INTERNAL_NAMES, *before.public()]))
    return (
        f"INSERT INTO {after.physical} ({columns}) (SELECT {columns} FROM {before.physical} "
        f'WHERE "_content_hi" >= {low:d} AND "_content_hi" <= {high:d}) ON CONFLICT DO NOTHING'
    )


def insert_rows(layout: Layout, columns: Sequence[str]) -> str:
    """The statement that stores charges: our columns, then these."""
    names = [*INTERNAL_NAMES, *columns]
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {layout.physical} ({', '.join(map(quoted, names))}) VALUES ({marks})"

"""Why charges changed: those that went and those that came, paired in the tables of a DuckDB.

An engine loads two temporary tables, `gone` (what readers saw before and not after) and `came`
(after and not before), with the columns that `ChangedColumns` names. Pairs, in this order:

    equal content           no change: it went and came back, or to another source
    equal dimensions        corrected: its amounts differ
    equal money             re-dimensioned: the same amounts of the same charge period, resource,
                            SKU price and category, under other dimensions

Of the others those that went are withdrawn. Those that came are late where their charge period had
ended when the newest charges of their source and billing period began that were there before; the
others are new. Several that could be paired are, in the order of their hashes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from costwire_db_handler.answers.grouping import Dimension, Group, currency
from costwire_db_handler.answers.questions import MOST_ROWS
from costwire_db_handler.answers.speech import Fragment, Speech, TableColumn
from costwire_db_handler.charges.sums import exact_sums
from costwire_db_handler.errors import BadQuestion
from costwire_focus.amounts import NO_CURRENCY
from costwire_focus.canonical import exact_sum
from costwire_focus.columns import ValueType

if TYPE_CHECKING:
    # Imported at run time, it stays until the process ends, and DuckDB tells of leaks on stderr.
    import duckdb

GONE, CAME = "gone", "came"
_SAME_MONEY = ("ChargeCategory", "ResourceId", "SkuPriceId")


class Kind(StrEnum):
    """Why a charge changed."""

    NEW = "new"
    LATE = "late"
    CORRECTED = "corrected"
    REDIMENSIONED = "redimensioned"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Loaded:
    """A column of `gone` and `came`."""

    name: str
    sql: Fragment
    """In the words of the engine that has the charges."""
    kind: str
    """The type that DuckDB gives it."""


class ChangedColumns:
    """Which columns of the charges are needed, and what stands for them."""

    def __init__(self, speech: Speech, groups: Sequence[Dimension], metrics: Sequence[str]) -> None:
        self.groups = [*groups, Dimension("currency", Fragment(currency(speech)))]
        columns = speech.columns
        self.amounts = [c for c in columns.values() if c.kind is ValueType.AMOUNT]
        self.metrics = list(metrics)
        self._same = [columns[name] for name in _SAME_MONEY if name in columns]
        self._began = columns.get("ChargePeriodStart")
        self._ended = columns.get("ChargePeriodEnd")
        self.dimensions = [c for c in columns.values() if c.kind is not ValueType.AMOUNT]
        """Of which a re-dimensioned charge may have others."""
        self._speech = speech
        self.wide = speech.wide

    def loaded(self) -> list[Loaded]:
        """The columns of the two tables, after their keys."""
        text = self._speech.text
        return [
            Loaded("began", _or_null(self._began), "TIMESTAMP"),
            Loaded("ended", _or_null(self._ended), "TIMESTAMP"),
            *(
                Loaded(f"g{n}", each.sql, "TIMESTAMP" if each.is_instant else "VARCHAR")
                for n, each in enumerate(self.groups)
            ),
            *(Loaded(f"i{n}", Fragment(text(c)), "VARCHAR") for n, c in enumerate(self._same)),
            *(
                Loaded(f"a{n}", Fragment(c.sql), f"DECIMAL(38,{c.scale or 0:d})")
                for n, c in enumerate(self.amounts)
            ),
        ]

    @property
    def group_names(self) -> list[str]:
        """The groups' columns, the currency last."""
        return [f"g{n}" for n in range(len(self.groups))]

    @property
    def amount_names(self) -> list[str]:
        """The amounts' columns."""
        return [f"a{n}" for n in range(len(self.amounts))]

    @property
    def money(self) -> str:
        """What a re-dimensioned charge has in common with the one before."""
        names = [*(f"i{n}" for n in range(len(self._same))), *self.amount_names]
        fields = ", ".join(["source", "period", "began", "ended", self.group_names[-1], *names])
        return f"hash({fields})"


def _or_null(column: TableColumn | None) -> Fragment:
    return Fragment("CAST(NULL AS TIMESTAMP)" if column is None else column.sql)


class Changed(Protocol):
    """Charges that went and came, loaded into a DuckDB."""

    @property
    def sql(self) -> duckdb.DuckDBPyConnection:
        """It has the tables: `id`, `content`, `dimensions`, `source`, `period`, the loaded ones."""
        ...

    def columns_at_once(self, pairs: int) -> int:
        """Of how many columns the cells of so many pairs are compared at once."""
        ...

    def cells(self, side: str, ids: str, columns: Sequence[TableColumn]) -> str:
        """A relation of `id` and `d0`, `d1`, ...: the cells of these columns, or their hashes.

        `ids`: a query of the ids, of charges in the table of this side, that are wanted.
        """
        ...

    def newest(self) -> Sequence[tuple[int, str, str | None]]:
        """Of the state before: when the newest charge of each source and billing period began."""
        ...


@dataclass(frozen=True)
class Explained:
    """What one kind of change did to one group."""

    group: Group
    currency: str
    kind: Kind
    added: int
    removed: int
    differences: Mapping[str, Decimal]
    """By metric."""
    columns: Mapping[str, int]
    """Column -> in how many of the charges it differs."""


def explained(changed: Changed, columns: ChangedColumns) -> list[Explained]:
    """Pair the charges, and sum up what each kind of change did to each group.

    Raises: `BadQuestion` for more groups than one answer can have.
    """
    sql = changed.sql
    _drop_same(sql)
    _pair(sql, Kind.CORRECTED, "dimensions")
    _pair(sql, Kind.REDIMENSIONED, "money", columns.money)
    _label(changed)
    rows = sql.execute(_summing(columns)).fetchall()
    if len(rows) > MOST_ROWS:
        raise BadQuestion(
            f"changes: more than {MOST_ROWS:,} groups changed; ask for fewer dimensions"
        )
    differing = _differing(changed, columns)
    return [_read(row, columns, differing) for row in rows]


def _drop_same(sql: duckdb.DuckDBPyConnection) -> None:
    """Leave in `gone_left` and `came_left` what has no copy of equal content on the other side."""
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE same AS SELECT content, least(g.n, c.n) AS n "
        f"FROM (SELECT content, count(*) AS n FROM {GONE} GROUP BY 1) AS g "
        f"JOIN (SELECT content, count(*) AS n FROM {CAME} GROUP BY 1) AS c USING (content)"
    )
    for side in (GONE, CAME):
        sql.execute(
            f"CREATE OR REPLACE TEMP TABLE {side}_left AS "
            f"SELECT id, content, dimensions FROM {side} ANTI JOIN same USING (content) "
            "UNION ALL SELECT id, content, dimensions FROM ("
            "SELECT id, content, dimensions, n, "
            f"row_number() OVER (PARTITION BY content ORDER BY id) AS copy FROM {side} "
            "JOIN same USING (content)) WHERE copy > n"
        )
    sql.execute("CREATE OR REPLACE TEMP TABLE pairs (kind VARCHAR, gone_id BIGINT, came_id BIGINT)")


def _pair(sql: duckdb.DuckDBPyConnection, kind: Kind, key: str, expression: str = "") -> None:
    """Pair what is left by a key, each charge once, and take it out of what is left.

    Nearly every key stands for one charge on either side; only the others are put in order.
    """
    keyed = {side: f"{side}_left" for side in (GONE, CAME)}
    if expression:
        keyed = {side: f"{side}_keyed" for side in keyed}
        for side, name in keyed.items():
            sql.execute(
                f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT id, {side}.content AS content, "
                f"{expression} AS {key} FROM {side}_left JOIN {side} USING (id)"
            )
    one, other = (
        f"(SELECT {key}, count(*) AS n, any_value(id) AS id FROM {name} GROUP BY 1)"
        for name in keyed.values()
    )
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE common AS SELECT {key}, g.n + c.n AS n, g.id AS gone_id, "
        f"c.id AS came_id FROM {one} AS g JOIN {other} AS c USING ({key})"
    )
    several = {
        side: f"SELECT id, {key}, row_number() OVER (PARTITION BY {key} ORDER BY content) AS copy "
        f"FROM {name} SEMI JOIN (SELECT {key} FROM common WHERE n > 2) USING ({key})"
        for side, name in keyed.items()
    }
    sql.execute(
        "INSERT INTO pairs SELECT $kind, gone_id, came_id FROM common WHERE n = 2 UNION ALL "
        f"SELECT $kind, g.id, c.id FROM ({several[GONE]}) AS g "
        f"JOIN ({several[CAME]}) AS c USING ({key}, copy)",
        {"kind": kind.value},
    )
    for side in (GONE, CAME):
        sql.execute(
            f"CREATE OR REPLACE TEMP TABLE {side}_left AS SELECT * FROM {side}_left "
            f"ANTI JOIN (SELECT {side}_id AS id FROM pairs) USING (id)"
        )


def _label(changed: Changed) -> None:
    """Give every charge that changed its kind, in `labels`: side, id, kind."""
    sql = changed.sql
    sql.execute(
        "CREATE OR REPLACE TEMP TABLE newest (source BIGINT, period VARCHAR, latest TIMESTAMP)"
    )
    unpaired = sql.execute("SELECT count(*) FROM came_left").fetchall() != [(0,)]
    if unpaired and (newest := changed.newest()):
        sql.executemany("INSERT INTO newest VALUES (?, ?, ?)", newest)
    sql.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE gone_labels AS
        SELECT gone_id AS id, kind FROM pairs
        UNION ALL SELECT id, '{Kind.WITHDRAWN}' FROM gone_left;
        CREATE OR REPLACE TEMP TABLE came_labels AS
        SELECT came_id AS id, kind FROM pairs
        UNION ALL SELECT id, CASE WHEN coalesce(ended, began) <= latest
            THEN '{Kind.LATE}' ELSE '{Kind.NEW}' END
        FROM came_left JOIN {CAME} USING (id) LEFT JOIN newest USING (source, period)"""
    )


def _summing(columns: ChangedColumns) -> str:
    """The query of what each kind did to each group: groups, kind, numbers, sums of metrics."""
    places = {column.name: n for n, column in enumerate(columns.amounts)}
    sums: list[str] = []
    for name in columns.metrics:
        if name in places:
            scale = columns.amounts[places[name]].scale or 0
            sums += exact_sums(f"a{places[name]}", scale, wide=columns.wide)
    groups = ", ".join(columns.group_names)
    sides = [
        f"SELECT {groups}, kind, {sign} AS sign, count(*) AS n{''.join(f', {s}' for s in named)} "
        f"FROM {side} JOIN {side}_labels USING (id) GROUP BY {groups}, kind"
        for side, sign in ((GONE, -1), (CAME, 1))
        for named in [[f"{each} AS s{n}" for n, each in enumerate(sums)]]
    ]
    told = "".join(
        f", max(CASE WHEN sign < 0 THEN s{n} END), max(CASE WHEN sign > 0 THEN s{n} END)"
        for n in range(len(sums))
    )
    return (
        f"SELECT {groups}, kind, coalesce(max(CASE WHEN sign > 0 THEN n END), 0), "
        f"coalesce(max(CASE WHEN sign < 0 THEN n END), 0){told} "
        f"FROM ({' UNION ALL '.join(sides)}) GROUP BY {groups}, kind LIMIT {MOST_ROWS + 1:d}"
    )


def _read(
    row: Sequence[object], columns: ChangedColumns, differing: Mapping[object, Mapping[str, int]]
) -> Explained:
    count = len(columns.groups)
    cells = zip(columns.groups, row[:count], strict=True)
    *group, code = (dimension.told(cell) for dimension, cell in cells)
    kind, added, removed = Kind(str(row[count])), int(str(row[count + 1])), int(str(row[count + 2]))
    at, differences = count + 3, {}
    present = {column.name: column for column in columns.amounts}
    for name in columns.metrics:
        pieces = 0
        if name in present:
            pieces = len(exact_sums("a", present[name].scale or 0, wide=columns.wide))
        sums = row[at : at + 2 * pieces]
        before = [Decimal(str(cell)).copy_negate() for cell in sums[::2] if cell is not None]
        after = [Decimal(str(cell)) for cell in sums[1::2] if cell is not None]
        differences[name] = exact_sum(chain(before, after))
        at += 2 * pieces
    told = differing.get((*row[:count], kind.value), {})
    return Explained(tuple(group), code or NO_CURRENCY, kind, added, removed, differences, told)


def _differing(changed: Changed, columns: ChangedColumns) -> dict[object, Counter[str]]:
    """In how many pairs of each group and kind each column differs."""
    found: dict[object, Counter[str]] = defaultdict(Counter)
    amounts = {
        column.name: f"{GONE}.a{n} IS DISTINCT FROM {CAME}.a{n}"
        for n, column in enumerate(columns.amounts)
    }
    join = f"JOIN {GONE} ON {GONE}.id = gone_id"
    _count(changed.sql, columns, Kind.CORRECTED, join, amounts, found)
    moved = f"FROM pairs WHERE kind = '{Kind.REDIMENSIONED}'"
    ((pairs,),) = changed.sql.execute(f"SELECT count(*) {moved}").fetchall()
    if not pairs:
        return found
    at_once = changed.columns_at_once(pairs)
    for start in range(0, len(columns.dimensions), at_once):
        some = columns.dimensions[start : start + at_once]
        joins = " ".join(
            f"JOIN {changed.cells(side, f'SELECT {side}_id AS id {moved}', some)} AS {side}_cells "
            f"ON {side}_cells.id = {side}_id"
            for side in (GONE, CAME)
        )
        cells = {
            column.name: f"{GONE}_cells.d{n} IS DISTINCT FROM {CAME}_cells.d{n}"
            for n, column in enumerate(some)
        }
        _count(changed.sql, columns, Kind.REDIMENSIONED, joins, cells, found)
    return found


def _count(
    sql: duckdb.DuckDBPyConnection,
    columns: ChangedColumns,
    kind: Kind,
    joins: str,
    differs: Mapping[str, str],
    found: dict[object, Counter[str]],
) -> None:
    """Add in how many pairs of each group the condition of each column holds."""
    groups = ", ".join(f"{CAME}.{name}" for name in columns.group_names)
    counts = "".join(f", count_if({condition})" for condition in differs.values())
    rows = sql.execute(
        f"SELECT {groups}, kind{counts} FROM pairs JOIN {CAME} ON {CAME}.id = came_id {joins} "
        f"WHERE kind = '{kind}' GROUP BY {groups}, kind"
    ).fetchall()
    width = len(columns.group_names) + 1
    for row in rows:
        numbers = zip(differs, row[width:], strict=True)
        found[row[:width]].update({name: number for name, number in numbers if number})

"""The versions of a table's charges in CrateDB: reading their keys, closing, copying, counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.books import Counted
from costwire_db_handler.charges.difference import KEYS, Rows
from costwire_db_handler.charges.hashes import HASH
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.cratedb import catalog
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreFailed
from costwire_db_handler.stores.cratedb.layout import (
    HASH_COLUMNS,
    OPEN,
    Layout,
    hash_ranges,
    visible_at,
)
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY, CostSums

SEEN = "seen"
"""The temporary table of what readers see: id, content, dimensions, period; and its key."""
SEEN_SCHEMA = pa.schema(
    [
        ("commit", pa.int64()),
        ("row", pa.int64()),
        ("month", pa.string()),
        ("period", pa.string()),
        ("content", HASH),
        ("dimensions", HASH),
    ]
)
_PAGE_ROWS = 20_000
_PAGE_ROWS_AT_MOST = 2 * _PAGE_ROWS
_CLOSED_AT_ONCE = 5_000
_COPIED_AT_ONCE = 100_000
_MINE = "mine"
"""The temporary table of the delivery's contents in order: content, how many copies."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def present_periods(
    session: Session, layout: Layout, state: int, source: int | None
) -> list[PresentPeriod]:
    """The billing periods of which readers see charges of a source; None: of any."""
    of_source, arguments = ("", []) if source is None else (' AND "_source" = ?', [source])
    end = "billingperiodend" if "billingperiodend" in layout.public() else "NULL::TIMESTAMP"
    rows = session.execute(
        f"SELECT _period, try_cast(nullif(_period, '') AS TIMESTAMP), {end}, count(*) "
        f"FROM {layout.physical} WHERE {visible_at(state)}{of_source} "
        "GROUP BY 1, 2, 3 LIMIT 100000",
        arguments,
    ).rows
    return [PresentPeriod(name, _instant(start), _instant(end)) for name, start, end, _ in rows]


def count(session: Session, relation: str, where: str, arguments: Sequence[object]) -> int:
    """How many rows fulfil a condition."""
    answer = session.execute(f"SELECT count(*) FROM {relation} WHERE {where}", arguments)
    return int(answer.rows[0][0])


def load_seen(
    sql: duckdb.DuckDBPyConnection,
    session: Session,
    layout: Layout,
    where: str,
    arguments: Sequence[object],
) -> None:
    """Fill the temporary table `seen` with the keys of the rows that fulfil a condition."""
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE {SEEN} (id BIGINT, commit BIGINT, row BIGINT, "
        "month VARCHAR, period VARCHAR, content UHUGEINT, dimensions UHUGEINT)"
    )
    sql.execute("CREATE OR REPLACE TEMP SEQUENCE seen_ids")
    for page in key_pages(session, layout, where, arguments):
        sql.register("page", pa.Table.from_batches([page]))
        sql.execute(f"INSERT INTO {SEEN} SELECT nextval('seen_ids'), * FROM page")
        sql.unregister("page")


def key_pages(
    session: Session, layout: Layout, where: str, arguments: Sequence[object]
) -> Iterator[pa.RecordBatch]:
    """The keys of rows, in pages."""
    names = ", ".join(map(quoted, ["_commit", "_row", "_month", "_period", *HASH_COLUMNS]))
    pages = row_pages(session, layout.physical, Fragment(names), where, arguments)
    return (_key_batch(page) for page in pages)


def row_pages(
    session: Session,
    relation: str,
    select: Fragment,
    where: str,
    arguments: Sequence[object],
    timeout_seconds: float | None = None,
) -> Iterator[list[list[Any]]]:
    """Columns of the rows of a condition, in pages of ranges of the hash of their content.

    CrateDB holds a whole answer in memory, so none may be large; hashes are evenly spread.
    """
    rows = count(session, relation, where, arguments)
    told = 0
    for low, high in hash_ranges(max(1, -(-rows // _PAGE_ROWS))):
        within = f'({where}) AND "_content_hi" >= {low:d} AND "_content_hi" <= {high:d}'
        for page in _pages_of_range(session, relation, select, within, arguments, timeout_seconds):
            told += len(page)
            if page:
                yield page
    if told != rows:
        raise StoreFailed(f"read the charges: {told} came, {rows} were counted; try again")


def _pages_of_range(
    session: Session,
    relation: str,
    select: Fragment,
    within: str,
    arguments: Sequence[object],
    timeout_seconds: float | None,
) -> Iterator[list[list[Any]]]:
    """The rows of a range of hashes: one page, unless it has many copies of a charge."""

    def page(where: str) -> list[list[Any]]:
        return session.execute(
            f"SELECT {select.text} FROM {relation} WHERE {where} LIMIT {_PAGE_ROWS_AT_MOST + 1:d}",
            [*select.arguments, *arguments],
            timeout_seconds=timeout_seconds,
        ).rows

    whole = page(within)
    if len(whole) <= _PAGE_ROWS_AT_MOST:
        yield whole
        return
    del whole
    for piece in _pieces(session, relation, within, arguments):
        yield page(piece)


def _pieces(
    session: Session, relation: str, where: str, arguments: Sequence[object]
) -> Iterator[str]:
    """Conditions that each hold for no more rows than a page may have, together for all of these.

    They are cut in two by their keys: copies of a charge share the hash, but no two rows the key.
    """
    waiting = [where]
    while waiting:
        condition = waiting.pop()
        ((rows, *edges),) = session.execute(
            'SELECT count(*), min("_row"), max("_row"), min("_commit"), max("_commit") '
            f"FROM {relation} WHERE {condition}",
            arguments,
        ).rows
        cut = None if rows <= _PAGE_ROWS_AT_MOST else _cut(*edges)
        if cut is None:
            yield condition
        else:
            column, middle = cut
            waiting.append(f'{condition} AND "{column}" > {middle:d}')
            waiting.append(f'{condition} AND "{column}" <= {middle:d}')


def _cut(
    first_row: int, last_row: int, first_commit: int, last_commit: int
) -> tuple[str, int] | None:
    """Where rows are cut in two: a column of their key, and its last value of the lower half."""
    if first_row < last_row:
        return "_row", (first_row + last_row) // 2
    if first_commit < last_commit:
        return "_commit", (first_commit + last_commit) // 2
    return None


def _key_batch(rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    commit, row, month, period, *halves = zip(*rows, strict=True)
    content, dimensions = halves[:2], halves[2:]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(commit, pa.int64()),
            pa.array(row, pa.int64()),
            pa.array(month, pa.string()),
            pa.array(period, pa.string()),
            joined_hash(*content),
            joined_hash(*dimensions),
        ],
        schema=SEEN_SCHEMA,
    )


def joined_hash(upper: Sequence[int], lower: Sequence[int]) -> pa.Array:
    """Hashes of 128 bits from their halves."""
    halves = np.empty((len(upper), 2), np.int64)
    halves[:, 0], halves[:, 1] = lower, upper
    storage = pa.Array.from_buffers(pa.binary(16), len(halves), [None, pa.py_buffer(halves)])
    return pa.ExtensionArray.from_storage(HASH, storage)


def found_elsewhere(
    sql: duckdb.DuckDBPyConnection,
    session: Session,
    layout: Layout,
    state: int,
    source: int,
    share: float,
) -> dict[str, int]:
    """How many of the loaded charges each other source has now, copies counted.

    Ends as soon as no source can have more than this share of them: hashes are evenly spread, so a
    delivery of a new source is known for one after a small part of the table.
    """
    where = f'{visible_at(state)} AND "_source" <> ?'
    there = count(session, layout.physical, where, [source])
    ((rows,),) = sql.execute(f"SELECT count(*) FROM {KEYS}").fetchall()
    if not there or not rows:
        return {}
    # Grouped once, and in order: a range then reads its own share of them, and little more.
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE {_MINE} AS "
        f"SELECT content, count(*) AS n FROM {KEYS} GROUP BY ALL ORDER BY content"
    )
    found: Counter[int] = Counter()
    looked_at = 0
    for low, high in hash_ranges(-(-there // _PAGE_ROWS)):
        theirs = session.execute(
            'SELECT "_source", "_content_hi", "_content_lo", count(*) '
            f"FROM {layout.physical} WHERE {where} "
            f'AND "_content_hi" >= {low:d} AND "_content_hi" <= {high:d} '
            "GROUP BY 1, 2, 3 LIMIT 10000000",
            [source],
        ).rows
        looked_at += _count_common(sql, found, theirs, low, high)
        most = max(found.values(), default=0)
        if most + rows - looked_at <= share * rows:
            break
    sql.execute(f"DROP TABLE {_MINE}")
    names = catalog.source_names(session, layout.table)
    return {names[number]: common for number, common in found.items() if common}


def _count_common(
    sql: duckdb.DuckDBPyConnection,
    found: Counter[int],
    theirs: Sequence[Sequence[int]],
    low: int,
    high: int,
) -> int:
    """Count what both have in a range of hashes; gives how many of the delivery's are in it."""
    mine = f"(SELECT * FROM {_MINE} WHERE {_in_range(low, high)})"
    sources, upper, lower, numbers = zip(*theirs, strict=True) if theirs else ((),) * 4
    sql.register(
        "theirs",
        pa.table(
            {
                "source": pa.array(sources, pa.int64()),
                "content": joined_hash(upper, lower),
                "n": pa.array(numbers, pa.int64()),
            }
        ),
    )
    common = sql.execute(
        f"SELECT source, sum(least(mine.n, theirs.n))::BIGINT FROM {mine} AS mine "
        "JOIN theirs USING (content) GROUP BY ALL"
    ).fetchall()
    sql.unregister("theirs")
    for source, n in common:
        found[source] += n
    ((between,),) = sql.execute(f"SELECT coalesce(sum(n), 0)::BIGINT FROM {mine}").fetchall()
    return int(between)


def _in_range(low: int, high: int) -> str:
    """The condition of hashes whose upper half is in a range."""
    first, last = _hash_edge(low, 0), _hash_edge(high, (1 << 64) - 1)
    # Halves are compared as signed numbers there: a range begins below zero or not.
    joint = "AND" if first <= last else "OR"
    return f"(content >= {first:d}::UHUGEINT {joint} content <= {last:d}::UHUGEINT)"


def _hash_edge(upper: int, lower: int) -> int:
    return ((upper % (1 << 64)) << 64) | lower


def close(
    session: Session, layout: Layout, number: int, removed: Iterable[tuple[int, str, int]]
) -> Iterator[None]:
    """End charges with the state before `number`, statement by statement.

    `removed`: (commit, month, row), sorted.
    """
    for (commit, month), keys in groupby(removed, itemgetter(0, 1)):
        rows = (row for _, _, row in keys)
        while piece := list(islice(rows, _CLOSED_AT_ONCE)):
            session.execute(
                f'UPDATE {layout.physical} SET "_last" = ? '
                'WHERE "_commit" = ? AND "_month" = ? AND "_row" = ANY(?) AND "_last" = ?',
                [number - 1, commit, month, piece, OPEN],
                repeatable=True,
            )
            yield


def copy_kept(
    session: Session, layout: Layout, kept: int, number: int, rows: Rows | None
) -> Iterator[None]:
    """Copy charges that were kept unseen, all or these rows, statement by statement.

    They become charges of the state `number`, which readers see. A row that cannot be copied is
    left out without a word: count them afterwards.
    """
    names = [*layout.public(), "_row", "_month", "_source", "_period", *HASH_COLUMNS]
    columns = ", ".join(map(quoted, names))
    for condition, arguments in _pieces_of_kept(session, layout, kept, rows):
        session.execute(
            f'INSERT INTO {layout.physical} ({columns}, "_commit", "_last") '
            f"(SELECT {columns}, {number:d}, {OPEN:d} FROM {layout.physical} "
            f'WHERE "_commit" = ? AND "_last" = ? AND {condition}) '
            "ON CONFLICT DO NOTHING",
            [kept, kept - 1, *arguments],
            repeatable=True,
        )
        yield


def _pieces_of_kept(
    session: Session, layout: Layout, kept: int, rows: Rows | None
) -> Iterator[tuple[str, list[Any]]]:
    if rows is None:
        there = count(session, layout.physical, *kept_condition(kept))
        for low, high in hash_ranges(max(1, -(-there // _COPIED_AT_ONCE))):
            yield f'"_content_hi" >= {low:d} AND "_content_hi" <= {high:d}', []
    else:
        for start in range(0, len(rows), _CLOSED_AT_ONCE):
            yield '"_row" = ANY(?)', [rows[start : start + _CLOSED_AT_ONCE].tolist()]


def kept_condition(number: int) -> tuple[str, list[int]]:
    """The condition of what was kept unseen under a number, and its arguments."""
    return '"_commit" = ? AND "_last" = ?', [number, number - 1]


def counted(session: Session, layout: Layout, where: str, arguments: Sequence[object]) -> Counted:
    """Rows and exact sums of what fulfils a condition: the ledger's own look at the store."""
    present = set(layout.names)
    costs = [name for name in COST_COLUMNS if name in present]
    currency = f"'{NO_CURRENCY}'"
    if "BillingCurrency" in present:
        currency = f"coalesce(billingcurrency, '{NO_CURRENCY}')"
    sums = "".join(f", sum({name.lower()})::TEXT" for name in costs)
    rows = session.execute(
        f"SELECT {currency}, count(*){sums} FROM {layout.physical} WHERE {where} "
        "GROUP BY 1 LIMIT 10000",
        arguments,
    ).rows
    totals = {
        name: dict(zip(costs, (Decimal(text or 0) for text in texts), strict=True))
        for name, _, *texts in rows
    }
    return sum(number for _, number, *_ in rows), CostSums.of(totals)


def integer_digits(session: Session, layout: Layout, column: str) -> int:
    """Digits before the point of the largest amount that the table holds; 0 below 1."""
    name = quoted(column)
    (found,) = session.execute(
        f"SELECT max({name})::TEXT, min({name})::TEXT FROM {layout.physical}"
    ).rows
    largest = max((abs(Decimal(text)) for text in found if text is not None), default=Decimal(0))
    return len(str(int(largest)).lstrip("0"))


def _instant(milliseconds: int | None) -> datetime | None:
    """A time in UTC, without zone as the embedded store gives it."""
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)

"""The quarantined rows of deliveries in CrateDB."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from costwire_db_handler.errors import BadPart
from costwire_db_handler.quarantined import (
    LONG_FIELDS,
    Origin,
    Row,
    RuleCount,
    fitting,
    pieces,
    row_key,
    told,
    written,
)
from costwire_db_handler.stores.cratedb.cluster import Session

_NAMES = 'file, line, raw, "column", rule, reason, cells'
_SIZE = " + ".join(f"coalesce(octet_length({name}), 0)" for name in LONG_FIELDS)
_AFTER = (
    " AND (file > ? OR (file = ? AND (line > ? OR (line = ? AND "
    "(origin > ? OR (origin = ? AND number > ?))))))"
)
_CHUNK = 2_000


def replace(
    session: Session,
    commit: int,
    origin: Origin,
    rows: Iterable[dict[str, Any]],
    require: Callable[[], object],
) -> int:
    """Keep these rows instead of those that the same side told before; gives their number.

    `require` raises when they may not be changed any more, and is asked before each change.
    """
    kept = 0
    for chunk in pieces(rows, _CHUNK):
        require()
        _put(session, commit, origin, kept, chunk)
        kept += len(chunk)
    session.execute("REFRESH TABLE costwire.quarantine")
    require()
    session.execute(
        'DELETE FROM costwire.quarantine WHERE "commit" = ? AND origin = ? AND number >= ?',
        [commit, origin, kept],
        repeatable=True,
    )
    session.execute("REFRESH TABLE costwire.quarantine")
    return kept


def _put(
    session: Session, commit: int, origin: Origin, first: int, rows: list[dict[str, Any]]
) -> None:
    body = ",".join(
        json.dumps([commit, origin, number, *written(row)], ensure_ascii=False)
        for number, row in enumerate(rows, first)
    )
    items = session.execute_many(
        f'INSERT INTO costwire.quarantine ("commit", origin, number, {_NAMES}) '
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("commit", origin, number) '
        "DO UPDATE SET file = excluded.file, line = excluded.line, raw = excluded.raw, "
        '"column" = excluded."column", rule = excluded.rule, reason = excluded.reason, '
        "cells = excluded.cells",
        body.encode(),
        repeatable=True,
    )
    for item in items:
        if item.rowcount < 0:
            raise BadPart(f"keep the quarantine: the store refuses a row of it ({item.message})")


def forget(session: Session, commit: int) -> None:
    """Remove the rows of a delivery that is no more."""
    session.execute("REFRESH TABLE costwire.quarantine")
    session.execute('DELETE FROM costwire.quarantine WHERE "commit" = ?', [commit], repeatable=True)


def count(session: Session, commit: int, origin: Origin) -> int:
    """How many rows one side told."""
    session.execute("REFRESH TABLE costwire.quarantine")
    rows = session.execute(
        'SELECT count(*) FROM costwire.quarantine WHERE "commit" = ? AND origin = ?',
        [commit, origin],
    ).rows
    return int(rows[0][0])


def rows_of(
    session: Session,
    commit: int,
    repaired: Callable[[list[str]], Collection[str]] = lambda numbers: (),
) -> Iterator[Row]:
    """The rows of a delivery, by file and line; `repaired` tells which of a page are left out."""
    session.execute("REFRESH TABLE costwire.quarantine")
    for page in _pages(session, '"commit" = ?', [commit]):
        done = repaired([row["row"] for row in page])
        yield from (row for row in page if row["row"] not in done)


def rows_named(session: Session, commit: int, numbers: Iterable[str]) -> Iterator[Row]:
    """Those rows of a delivery that have one of these numbers."""
    session.execute("REFRESH TABLE costwire.quarantine")
    wanted: dict[Origin, list[int]] = {"exporter": [], "handler": []}
    for named in numbers:
        if (key := row_key(named)) is not None:
            wanted[key[0]].append(key[1])
    where = '"commit" = ? AND origin = ? AND number = ANY(?)'
    for origin, known in wanted.items():
        for at in range(0, len(known), _CHUNK):
            for page in _pages(session, where, [commit, origin, known[at : at + _CHUNK]]):
                yield from page


def _pages(session: Session, where: str, arguments: list[Any]) -> Iterator[list[Row]]:
    """Rows of a condition, by file and line, as many at a time as fit.

    CrateDB holds a whole answer in memory, so it is asked first how long the next rows are.
    """
    after: list[Any] = []
    while True:
        further = where + (_AFTER if after else "")
        sizes = _page(session, _SIZE, further, [*arguments, *after], _CHUNK)
        if not sizes:
            return
        fit = fitting([size for (size,) in sizes])
        rows = _page(session, f"{_NAMES}, origin, number", further, [*arguments, *after], fit)
        yield [told(origin, number, fields) for *fields, origin, number in rows]
        if len(rows) == len(sizes) < _CHUNK or not rows:
            return
        file, line, *_, origin, number = rows[-1]
        after = [file, file, line, line, origin, origin, number]


def _page(
    session: Session, what: str, where: str, arguments: list[Any], most: int
) -> list[list[Any]]:
    return session.execute(
        f"SELECT {what} FROM costwire.quarantine WHERE {where} "
        f"ORDER BY file, line, origin, number LIMIT {most:d}",
        arguments,
    ).rows


def rule_counts(
    session: Session, commit: int, repaired: Iterable[RuleCount] = ()
) -> list[RuleCount]:
    """How many rows of a delivery are left that broke each rule in each column."""
    session.execute("REFRESH TABLE costwire.quarantine")
    counts: Counter[tuple[str, str | None]] = Counter()
    unknown: Counter[tuple[str, str | None]] = Counter()
    for condition, counted in (
        ("", counts),
        (" AND cells IS NULL AND origin = 'exporter'", unknown),
    ):
        for rule, column, number in session.execute(
            'SELECT rule, "column", count(*) FROM costwire.quarantine '
            f'WHERE "commit" = ?{condition} GROUP BY 1, 2 LIMIT 100000',
            [commit],
        ).rows:
            counted[rule, column] += number
    for done in repaired:
        counts[done.rule, done.column] -= done.rows
        unknown[done.rule, done.column] -= done.unknown
    left = sorted((+counts).items(), key=lambda item: (-item[1], str(item[0])))
    return [RuleCount.of(*key, number, unknown[key]) for key, number in left]

"""The quarantined rows of deliveries in CrateDB."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from costwire_db_handler.errors import BadPart
from costwire_db_handler.quarantined import FIELDS, LONG_FIELDS, Origin, fitting, pieces
from costwire_db_handler.stores.cratedb.cluster import Session

_NAMES = 'file, line, raw, "column", rule, reason'
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
    told = 0
    for chunk in pieces(rows, _CHUNK):
        require()
        _put(session, commit, origin, told, chunk)
        told += len(chunk)
    session.execute("REFRESH TABLE costwire.quarantine")
    require()
    session.execute(
        'DELETE FROM costwire.quarantine WHERE "commit" = ? AND origin = ? AND number >= ?',
        [commit, origin, told],
        repeatable=True,
    )
    session.execute("REFRESH TABLE costwire.quarantine")
    return told


def _put(
    session: Session, commit: int, origin: Origin, first: int, rows: list[dict[str, Any]]
) -> None:
    body = ",".join(
        json.dumps([commit, origin, number, *(row[name] for name in FIELDS)], ensure_ascii=False)
        for number, row in enumerate(rows, first)
    )
    items = session.execute_many(
        f'INSERT INTO costwire.quarantine ("commit", origin, number, {_NAMES}) '
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("commit", origin, number) DO UPDATE SET '
        "file = excluded.file, line = excluded.line, raw = excluded.raw, "
        '"column" = excluded."column", rule = excluded.rule, reason = excluded.reason',
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


def rows_of(session: Session, commit: int) -> Iterator[dict[str, Any]]:
    """The rows of a delivery, by file and line.

    CrateDB holds a whole answer in memory, so it is asked first how long the next rows are.
    """
    session.execute("REFRESH TABLE costwire.quarantine")
    after: list[Any] = []
    while True:
        where = f'"commit" = ?{_AFTER if after else ""}'
        sizes = _page(session, _SIZE, where, [commit, *after], _CHUNK)
        if not sizes:
            return
        fit = fitting([size for (size,) in sizes])
        rows = _page(session, f"{_NAMES}, origin, number", where, [commit, *after], fit)
        for row in rows:
            yield dict(zip(FIELDS, row, strict=False))
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

"""The quarantined rows of deliveries in CrateDB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from costwire_db_handler.errors import BadPart
from costwire_db_handler.quarantined import FIELDS, Origin, pieces
from costwire_db_handler.stores.cratedb.cluster import Session

_NAMES = 'file, line, raw, "column", rule, reason'
_CHUNK = 2_000


def replace(session: Session, commit: int, origin: Origin, rows: Iterable[dict[str, Any]]) -> int:
    """Keep these rows instead of those that the same side told before; gives their number."""
    told = 0
    for chunk in pieces(rows, _CHUNK):
        _put(session, commit, origin, told, chunk)
        told += len(chunk)
    session.execute("REFRESH TABLE costwire.quarantine")
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


def count(session: Session, commit: int, origin: Origin) -> int:
    """How many rows one side told."""
    session.execute("REFRESH TABLE costwire.quarantine")
    rows = session.execute(
        'SELECT count(*) FROM costwire.quarantine WHERE "commit" = ? AND origin = ?',
        [commit, origin],
    ).rows
    return int(rows[0][0])


def rows_of(session: Session, commit: int) -> Iterator[dict[str, Any]]:
    """The rows of a delivery, by file and line."""
    session.execute("REFRESH TABLE costwire.quarantine")
    after: list[Any] = []
    while True:
        where = ""
        if after:
            where = (
                " AND (file > ? OR (file = ? AND (line > ? OR (line = ? AND "
                "(origin > ? OR (origin = ? AND number > ?))))))"
            )
        rows = session.execute(
            f'SELECT {_NAMES}, origin, number FROM costwire.quarantine WHERE "commit" = ?{where} '
            f"ORDER BY file, line, origin, number LIMIT {_CHUNK}",
            [commit, *after],
        ).rows
        for row in rows:
            yield dict(zip(FIELDS, row, strict=False))
        if len(rows) < _CHUNK:
            return
        file, line, *_, origin, number = rows[-1]
        after = [file, file, line, line, origin, origin, number]

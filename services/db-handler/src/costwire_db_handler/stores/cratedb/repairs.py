"""What replays made of quarantined rows, in CrateDB: written before the flip, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from costwire_db_handler.quarantined import Money, Repaired
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreFailed

_FIELDS = '"row", content, was, now, rule, "column", is_cut'
_CHUNK = 2_000


def keep(session: Session, commit: int, replay: int, rows: Sequence[Repaired]) -> None:
    """Keep what a replay made of rows that a delivery brought; may be repeated."""
    for first in range(0, len(rows), _CHUNK):
        body = ",".join(
            json.dumps(
                [
                    commit,
                    replay,
                    *(r.row, r.content, r.was.to_json(), r.now.to_json()),
                    *(r.rule, r.column, r.is_cut),
                ],
                ensure_ascii=False,
            )
            for r in rows[first : first + _CHUNK]
        )
        items = session.execute_many(
            f'INSERT INTO costwire.repairs ("commit", replay, {_FIELDS}) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            body.encode(),
            repeatable=True,
        )
        if any(item.rowcount < 0 for item in items):
            raise StoreFailed("keep the repairs: the store refuses one; nothing is shown")
    session.execute("REFRESH TABLE costwire.repairs")


def repaired(session: Session, commit: int, replays: Sequence[int]) -> dict[str, Repaired]:
    """What these replays made of a delivery's rows; of the same row the last one counts."""
    found: dict[str, Repaired] = {}
    if not replays:
        return found
    session.execute("REFRESH TABLE costwire.repairs")
    for replay in sorted(replays):
        after = ""
        while True:
            rows = session.execute(
                f'SELECT {_FIELDS} FROM costwire.repairs WHERE "commit" = ? AND replay = ? '
                f'AND "row" > ? ORDER BY "row" LIMIT {_CHUNK}',
                [commit, replay, after],
            ).rows
            for number, content, was, now, *rest in rows:
                known = Money.from_json(was), Money.from_json(now)
                found[number] = Repaired(number, content, *known, *rest)
            if len(rows) < _CHUNK:
                break
            after = rows[-1][0]
    return found

"""What replays made of quarantined rows, in CrateDB: written before the flip, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from costwire_db_handler.quarantined import Money, Repaired, RuleCount
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


def repaired(
    session: Session, commit: int, replays: Sequence[int], numbers: Sequence[str]
) -> dict[str, Repaired]:
    """What these replays made of such rows of a delivery; of the same row the last one counts."""
    found: dict[str, Repaired] = {}
    if replays:
        session.execute("REFRESH TABLE costwire.repairs")
    for replay in sorted(replays):
        for at in range(0, len(numbers), _CHUNK):
            for number, content, was, now, *rest in session.execute(
                f'SELECT {_FIELDS} FROM costwire.repairs WHERE "commit" = ? AND replay = ? '
                f'AND "row" = ANY(?) LIMIT {_CHUNK}',
                [commit, replay, list(numbers[at : at + _CHUNK])],
            ).rows:
                known = Money.from_json(was), Money.from_json(now)
                found[number] = Repaired(number, content, *known, *rest)
    return found


def numbers_of(
    session: Session, commit: int, replays: Sequence[int], numbers: Sequence[str]
) -> set[str]:
    """Which of these rows of a delivery these replays repaired."""
    if not replays:
        return set()
    rows = session.execute(
        'SELECT DISTINCT "row" FROM costwire.repairs '
        f'WHERE "commit" = ? AND replay = ANY(?) AND "row" = ANY(?) LIMIT {len(numbers)}',
        [commit, list(replays), list(numbers)],
    ).rows
    return {number for (number,) in rows}


def rule_counts(session: Session, commit: int, replays: Sequence[int]) -> list[RuleCount]:
    """How many rows of a delivery these replays repaired, by the rule that they had broken."""
    if not replays:
        return []
    session.execute("REFRESH TABLE costwire.repairs")
    rows = session.execute(
        'SELECT rule, "column", count(DISTINCT "row"), '
        'count(DISTINCT CASE WHEN is_cut THEN NULL ELSE "row" END) FROM costwire.repairs '
        'WHERE "commit" = ? AND replay = ANY(?) GROUP BY 1, 2 LIMIT 100000',
        [commit, list(replays)],
    ).rows
    return [RuleCount(*row) for row in rows]

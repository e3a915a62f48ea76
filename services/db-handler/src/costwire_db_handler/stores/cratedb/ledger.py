"""The rows of the ledger in CrateDB: one for each delivery, with its manifest.

What a settlement decides is written as the `outcome` of the table's row together with the state
that readers see, and from there into the ledger. Whoever reads the ledger looks at both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import UnknownDelivery
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_focus.manifest import Manifest

_COLUMNS = "manifest, entry, periods, applied, kept, twin, dry_run"
_PAGE = 2_000
_CHANGED = "state = ?, entry = ?, periods = ?, applied = ?, kept = ?, twin = ?"


@dataclass
class Outcome:
    """What a settlement decided, beside the charges themselves."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    shapes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(table, source, period) -> the delivery that shaped it last."""
    forgotten: list[int] = field(default_factory=list)
    """Numbers of charges that were kept unseen, and are not needed any more."""

    def to_json(self) -> str:
        """The JSON text by which it is found again after a kill."""
        return json.dumps(
            {
                "deliveries": [
                    [commit, *_changed(delivery)] for commit, delivery in self.deliveries.items()
                ],
                "shapes": [[*key, commit] for key, commit in self.shapes.items()],
                "forgotten": self.forgotten,
            }
        )


def write_outcome(session: Session, text: str, require: Callable[[], None]) -> list[int]:
    """Write what a settlement decided into the ledger; gives the numbers to be forgotten.

    May be repeated. `require` raises when the turn is lost.
    """
    told = json.loads(text)
    for commit, *changed in told["deliveries"]:
        _write(session, commit, changed, require)
    if told["shapes"]:
        require()
        rows = ",".join(json.dumps(shape) for shape in told["shapes"])
        session.execute_many(
            'INSERT INTO costwire.shapes (table_name, source, period, "commit") '
            "VALUES (?, ?, ?, ?) "
            'ON CONFLICT (table_name, source, period) DO UPDATE SET "commit" = excluded."commit"',
            rows.encode(),
            repeatable=True,
        )
    forgotten: list[int] = told["forgotten"]
    return forgotten


def _write(
    session: Session, commit: int, changed: Sequence[Any], require: Callable[[], None]
) -> None:
    """Change a row unless another handler did since the turn was last known to be ours."""
    while True:
        rows = session.execute(
            'SELECT _seq_no, _primary_term FROM costwire.deliveries WHERE "commit" = ?', [commit]
        ).rows
        require()
        if not rows:
            return
        done = session.execute(
            f'UPDATE costwire.deliveries SET {_CHANGED} WHERE "commit" = ? '
            "AND _seq_no = ? AND _primary_term = ?",
            [*changed, commit, *rows[0]],
        )
        if done.rowcount == 1:
            return


def insert(session: Session, delivery: Delivery) -> None:
    """Write a new delivery; its number is its own, so it may be repeated."""
    entry, manifest = delivery.entry, delivery.manifest
    session.execute(
        'INSERT INTO costwire.deliveries ("commit", id, table_name, source, mode, manifest, '
        "dry_run, state, entry, periods, applied, kept, twin) "
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("commit") DO NOTHING',
        [
            entry.commit,
            entry.id,
            entry.table,
            entry.source,
            manifest.mode,
            manifest.to_json(),
            delivery.dry_run,
            *_changed(delivery),
        ],
        repeatable=True,
    )


def update(session: Session, delivery: Delivery, require: Callable[[], None]) -> None:
    """Write what was decided on a delivery, within a turn; `require` raises when that is lost."""
    _write(session, delivery.commit, _changed(delivery), require)


def update_open(session: Session, delivery: Delivery) -> bool:
    """Write what has changed of a delivery that is open, without a turn; False when it is not.

    The row's sequence number tells whether it was settled meanwhile: a condition on the state
    would be looked up in what was refreshed last, and not again when the row is written.
    """
    rows = session.execute(
        'SELECT state, _seq_no, _primary_term FROM costwire.deliveries WHERE "commit" = ?',
        [delivery.commit],
    ).rows
    if not rows or rows[0][0] != State.OPEN.value:
        return False
    changed = session.execute(
        f"UPDATE costwire.deliveries SET {_CHANGED}, manifest = ? "
        'WHERE "commit" = ? AND _seq_no = ? AND _primary_term = ?',
        [*_changed(delivery), delivery.manifest.to_json(), delivery.commit, *rows[0][1:]],
    )
    return changed.rowcount == 1


def remove(session: Session, commit: int) -> None:
    """Forget a delivery that only tried what would happen."""
    for table in ("quarantine", "deliveries"):
        session.execute(
            f'DELETE FROM costwire.{table} WHERE "commit" = ?', [commit], repeatable=True
        )


def get(session: Session, commit: int) -> Delivery:
    """One delivery as it is now; raises `UnknownDelivery`."""
    rows = session.execute(
        f'SELECT {_COLUMNS} FROM costwire.deliveries WHERE "commit" = ?', [commit]
    ).rows
    if not rows:
        raise UnknownDelivery(f"no delivery has the number {commit}; GET /deliveries lists them")
    return _overlaid(session, [_delivery(rows[0])])[0]


def entries(session: Session, table: str | None) -> list[Entry]:
    """The ledger: all entries, or those of one table, oldest first."""
    session.execute("REFRESH TABLE costwire.deliveries")
    where = "NOT dry_run" + ("" if table is None else " AND table_name = ?")
    arguments = [] if table is None else [table]
    found: list[tuple[int, str, str]] = []
    while True:
        after = found[-1][0] if found else -1
        rows = session.execute(
            'SELECT "commit", table_name, entry FROM costwire.deliveries '
            f'WHERE {where} AND "commit" > ? ORDER BY "commit" LIMIT {_PAGE}',
            [*arguments, after],
        ).rows
        found += [(commit, name, entry) for commit, name, entry in rows]
        if len(rows) < _PAGE:
            break
    decided = _decided(session, {name for _, name, _ in found})
    return [
        Entry.model_validate_json(decided[commit][1] if commit in decided else entry)
        for commit, _, entry in found
    ]


def in_state(session: Session, state: State) -> list[Delivery]:
    """The deliveries in a state, oldest first."""
    return [
        delivery
        for delivery in _overlaid(session, find(session, "state = ?", [state.value]))
        if delivery.entry.state is state
    ]


def same_content(session: Session, manifest: Manifest, states: Sequence[State]) -> list[Delivery]:
    """Deliveries of the same content by the same source, in one of these states, oldest first."""
    found = find(
        session,
        "id = ? AND table_name = ? AND source = ? AND mode = ? AND NOT dry_run",
        [manifest.id, manifest.table, manifest.source, manifest.mode],
    )
    return [each for each in _overlaid(session, found) if each.entry.state in states]


def shapes(session: Session, table: str, source: str) -> Mapping[str, Applied]:
    """For each billing period of a source, the delivery that shaped it last."""
    session.execute("REFRESH TABLE costwire.shapes")
    rows = session.execute(
        'SELECT period, "commit" FROM costwire.shapes WHERE table_name = ? AND source = ? '
        "LIMIT 100000",
        [table, source],
    ).rows
    known: dict[int, Applied] = {}
    for _, commit in rows:
        if commit not in known:
            entry = get(session, commit).entry
            known[commit] = Applied(commit, entry.id, entry.generation, entry.times.read)
    return {period: known[commit] for period, commit in rows}


def find(session: Session, where: str, arguments: Sequence[Any]) -> list[Delivery]:
    """The deliveries of a condition as they are written, oldest first."""
    session.execute("REFRESH TABLE costwire.deliveries")
    rows = session.execute(
        f'SELECT {_COLUMNS} FROM costwire.deliveries WHERE {where} ORDER BY "commit" LIMIT 100000',
        arguments,
    ).rows
    return [_delivery(row) for row in rows]


def _overlaid(session: Session, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """The deliveries with what was decided a moment ago and is not written into the ledger yet."""
    decided = _decided(session, {delivery.manifest.table for delivery in deliveries})
    return [
        _with(delivery, *decided[delivery.commit]) if delivery.commit in decided else delivery
        for delivery in deliveries
    ]


def _decided(session: Session, tables: Iterable[str]) -> dict[int, Sequence[Any]]:
    """What was decided on these tables and is not written yet: commit -> the changed columns."""
    decided: dict[int, Sequence[Any]] = {}
    for table in tables:
        rows = session.execute("SELECT outcome FROM costwire.tables WHERE name = ?", [table]).rows
        if rows and rows[0][0] is not None:
            decided |= {
                commit: changed for commit, *changed in json.loads(rows[0][0])["deliveries"]
            }
    return decided


def _changed(delivery: Delivery) -> list[Any]:
    return [
        delivery.entry.state.value,
        delivery.entry.to_json(),
        delivery.periods,
        delivery.applied,
        delivery.kept,
        delivery.twin,
    ]


def _with(
    delivery: Delivery,
    _state: str,
    entry: str,
    periods: list[str],
    applied: int | None,
    kept: int | None,
    twin: int | None,
) -> Delivery:
    return replace(
        delivery,
        entry=Entry.model_validate_json(entry),
        periods=periods,
        applied=applied,
        kept=kept,
        twin=twin,
    )


def _delivery(row: Sequence[Any]) -> Delivery:
    manifest, entry, periods, applied, kept, twin, dry_run = row
    return Delivery(
        manifest=Manifest.model_validate_json(manifest),
        entry=Entry.model_validate_json(entry),
        periods=periods or [],
        applied=applied,
        kept=kept,
        twin=twin,
        dry_run=dry_run,
    )

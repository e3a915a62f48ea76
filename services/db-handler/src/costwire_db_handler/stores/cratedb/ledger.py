"""The rows of the ledger in CrateDB: one for each delivery, with its manifest.

What a settlement decides is written as the `outcome` of the table's row together with the state
that readers see, and from there into the ledger. Whoever reads the ledger looks at both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from costwire_db_handler.answers.moments import Line
from costwire_db_handler.decide import Applied
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import UnknownDelivery
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_focus.manifest import Manifest

_PAGE = 2_000
_PAGE_OF_DELIVERIES = 200


class _Changed(NamedTuple):
    """The columns of a delivery that a decision changes."""

    state: str
    entry: str
    periods: list[str]
    applied: int | None
    kept: int | None
    twin: int | None


_OF_A_MOMENT = ("state", "entry", "applied")
_CHANGED = ", ".join(f"{name} = ?" for name in _Changed._fields)


@dataclass
class Outcome:
    """What a settlement decided, beside the charges themselves."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    shapes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(table, source, period) -> the delivery that shaped it last."""
    forgotten: list[int] = field(default_factory=list)
    """Numbers of charges that were kept unseen, and are not needed any more."""
    erased: str | None = None
    """The condition of charges that leave every version."""
    retired: tuple[int, list[str]] | None = None
    """A state, and the months in which what was closed by it leaves."""
    note: Delivery | None = None
    """An entry that comes into the ledger with this settlement, and was not there before."""

    def to_json(self) -> str:
        """The JSON text by which it is found again after a kill."""
        return json.dumps(
            {
                "deliveries": [
                    [commit, *_changed(delivery)] for commit, delivery in self.deliveries.items()
                ],
                "shapes": [[*key, commit] for key, commit in self.shapes.items()],
                "forgotten": self.forgotten,
                "erased": self.erased,
                "retired": self.retired,
                "note": None if self.note is None else _row(self.note),
            }
        )


def write_outcome(session: Session, text: str, require: Callable[[], None]) -> list[int]:
    """Write what a settlement decided into the ledger; gives the numbers to be forgotten.

    May be repeated. `require` raises when the turn is lost.
    """
    told = json.loads(text)
    for commit, *changed in told["deliveries"]:
        _write(session, commit, changed, require)
    if told.get("note") is not None:
        require()
        _insert(session, told["note"])
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
    _insert(session, _row(delivery))


def _insert(session: Session, row: Sequence[Any]) -> None:
    session.execute(
        'INSERT INTO costwire.deliveries ("commit", id, table_name, source, mode, manifest, '
        "dry_run, state, entry, periods, applied, kept, twin) "
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("commit") DO NOTHING',
        row,
        repeatable=True,
    )


def _row(delivery: Delivery) -> list[Any]:
    entry, manifest = delivery.entry, delivery.manifest
    return [
        entry.commit,
        entry.id,
        entry.table,
        entry.source,
        manifest.mode,
        manifest.to_json(),
        delivery.dry_run,
        *_changed(delivery),
    ]


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
        "SELECT manifest, entry, periods, applied, kept, twin, dry_run FROM costwire.deliveries "
        'WHERE "commit" = ?',
        [commit],
    ).rows
    if not rows:
        raise UnknownDelivery(f"no delivery has the number {commit}; GET /deliveries lists them")
    manifest, entry, periods, applied, kept, twin, dry_run = rows[0]
    manifest = Manifest.model_validate_json(manifest)
    decided = _decided(session, [manifest.table]).get(commit)
    if decided is not None:
        _, entry, periods, applied, kept, twin = decided
    return Delivery(
        manifest=manifest,
        entry=Entry.model_validate_json(entry),
        periods=periods or [],
        applied=applied,
        kept=kept,
        twin=twin,
        dry_run=dry_run,
    )


def all_of(session: Session, table: str) -> list[Delivery]:
    """The deliveries of a table as they are now, trials too, oldest first."""
    session.execute("REFRESH TABLE costwire.deliveries")
    decided = _decided(session, [table])
    found: list[Delivery] = []
    while True:
        rows = session.execute(
            'SELECT manifest, entry, periods, applied, kept, twin, "commit", dry_run '
            'FROM costwire.deliveries WHERE table_name = ? AND "commit" > ? '
            f'ORDER BY "commit" LIMIT {_PAGE_OF_DELIVERIES}',
            [table, found[-1].commit if found else -1],
        ).rows
        for manifest, *changed, commit, dry_run in rows:
            if commit in decided:
                changed = list(decided[commit][1:])
            entry, periods, applied, kept, twin = changed
            found.append(
                Delivery(
                    Manifest.model_validate_json(manifest),
                    Entry.model_validate_json(entry),
                    periods=periods or [],
                    applied=applied,
                    kept=kept,
                    twin=twin,
                    dry_run=dry_run,
                )
            )
        if len(rows) < _PAGE_OF_DELIVERIES:
            return found


def entries(session: Session, table: str | None) -> list[Entry]:
    """The ledger: all entries, or those of one table, oldest first."""
    if table is None:
        return _entries(session, "NOT dry_run", [])
    return _entries(session, "NOT dry_run AND table_name = ?", [table])


def in_state(session: Session, state: State) -> list[Entry]:
    """The entries of the deliveries in a state, oldest first."""
    found = _entries(session, "state = ?", [state.value])
    return [entry for entry in found if entry.state is state]


def shaping(session: Session) -> set[int]:
    """The deliveries that shaped a billing period last, or appended to one."""
    session.execute("REFRESH TABLE costwire.shapes, costwire.deliveries")
    shaped = session.execute('SELECT DISTINCT "commit" FROM costwire.shapes LIMIT 100000').rows
    appended = session.execute(
        "SELECT \"commit\" FROM costwire.deliveries WHERE mode = 'append' "
        "AND state = 'committed' LIMIT 100000"
    ).rows
    return {commit for (commit,) in [*shaped, *appended]}


def same_content(session: Session, manifest: Manifest, states: Sequence[State]) -> list[int]:
    """The deliveries of the same content by the same source, in one of these states."""
    session.execute("REFRESH TABLE costwire.deliveries")
    found = session.execute(
        'SELECT "commit", state, applied FROM costwire.deliveries WHERE id = ? AND table_name = ? '
        "AND source = ? AND mode = ? AND NOT dry_run LIMIT 100000",
        [manifest.id, manifest.table, manifest.source, manifest.mode],
    ).rows
    decided = _decided(session, [manifest.table])
    same = {commit: (state, applied) for commit, state, applied in found}
    same |= {
        commit: (decided[commit].state, decided[commit].applied)
        for commit in same.keys() & decided.keys()
    }
    shown = sorted(same, key=lambda commit: (same[commit][1] or 0, commit))
    return [commit for commit in shown if same[commit][0] in states]


def log(session: Session, table: str) -> list[Line]:
    """What the ledger tells of the moments of a table, oldest first."""
    session.execute("REFRESH TABLE costwire.deliveries")
    found: list[list[Any]] = []
    while True:
        after = found[-1][0] if found else -1
        rows = session.execute(
            'SELECT "commit", id, source, state, entry, applied FROM costwire.deliveries '
            'WHERE table_name = ? AND NOT dry_run AND "commit" > ? '
            f'ORDER BY "commit" LIMIT {_PAGE}',
            [table, after],
        ).rows
        found += rows
        if len(rows) < _PAGE:
            break
    decided = _decided(session, [table])
    lines = []
    for commit, delivery, source, state, entry, applied in found:
        if commit in decided:
            state, entry, applied = (getattr(decided[commit], n) for n in _OF_A_MOMENT)
        told = json.loads(entry)["times"].get("committed")
        at = None if told is None else datetime.fromisoformat(told)
        lines.append(Line(commit, delivery, source, State(state), at, applied))
    return lines


def last_state_time(session: Session, table: str) -> datetime | None:
    """When the last state of a table was made visible; None where there is none.

    Within a turn nothing is decided of the table that is not written.
    """
    session.execute("REFRESH TABLE costwire.deliveries")
    rows = session.execute(
        "SELECT entry FROM costwire.deliveries "
        "WHERE table_name = ? AND applied IS NOT NULL AND NOT dry_run "
        "ORDER BY applied DESC LIMIT 1",
        [table],
    ).rows
    return Entry.model_validate_json(rows[0][0]).times.committed if rows else None


def shapes(session: Session, table: str, source: str) -> Mapping[str, Applied]:
    """For each billing period of a source, the delivery that shaped it last."""
    session.execute("REFRESH TABLE costwire.shapes")
    rows = session.execute(
        'SELECT period, "commit" FROM costwire.shapes WHERE table_name = ? AND source = ? '
        "LIMIT 100000",
        [table, source],
    ).rows
    if not rows:
        return {}
    commits = sorted({commit for _, commit in rows})
    known = {
        entry.commit: Applied(entry.commit, entry.id, entry.generation, entry.times.read)
        for entry in _entries(session, '"commit" = ANY(?)', [commits])
    }
    return {period: known[commit] for period, commit in rows}


def _entries(session: Session, where: str, arguments: Sequence[Any]) -> list[Entry]:
    """The entries of a condition on what is written, as they are now, oldest first."""
    session.execute("REFRESH TABLE costwire.deliveries")
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
        Entry.model_validate_json(decided[commit].entry if commit in decided else entry)
        for commit, _, entry in found
    ]


def _decided(session: Session, tables: Iterable[str]) -> dict[int, _Changed]:
    """What was decided on these tables and is not written yet, by commit."""
    decided: dict[int, _Changed] = {}
    for table in tables:
        rows = session.execute("SELECT outcome FROM costwire.tables WHERE name = ?", [table]).rows
        if rows and rows[0][0] is not None:
            for commit, *changed in json.loads(rows[0][0])["deliveries"]:
                decided[commit] = _Changed(*changed)
    return decided


def _changed(delivery: Delivery) -> _Changed:
    return _Changed(
        delivery.entry.state.value,
        delivery.entry.to_json(),
        delivery.periods,
        delivery.applied,
        delivery.kept,
        delivery.twin,
    )

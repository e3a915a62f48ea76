"""Erasing charges from every version on CrateDB, within a turn.

The ledger, and that the charges leave, are decided in one update of the table's row; then they are
deleted in pieces, by whoever has the turn. What is deleted stands in the files of CrateDB until
they are merged, so they are.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from costwire_db_handler import erasing
from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.erasing import ERASED_REASON, GIVEN_UP, Erasure, ErasureRequest, Group
from costwire_db_handler.errors import UnknownTable
from costwire_db_handler.ledger import Clock, State, not_before
from costwire_db_handler.stores.cratedb import catalog, ledger, versions
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreProblem
from costwire_db_handler.stores.cratedb.layout import OPEN, Layout
from costwire_db_handler.stores.cratedb.ledger import Outcome
from costwire_db_handler.stores.cratedb.parts import PartsStore
from costwire_db_handler.stores.cratedb.speech import CrateDBSpeech
from costwire_db_handler.stores.cratedb.turns import Row, Turn

ONLY_ADMINS = "SELECT count(*) FROM sys.privileges"
"""What CrateDB refuses to all but those who manage its users."""
_MERGE_SECONDS = 3_600.0
_ROUNDS = 2
"""The first one writes new files; the old ones go once nobody has them open any more."""
_OF_HANDLER = ("tables", "quarantine", "pieces", "parts")
_logger = logging.getLogger(__name__)


def find(session: Session, row: Row | None, request: ErasureRequest) -> list[Group]:
    """What fulfils the condition, by the states that have it; raises `UnknownTable`."""
    if row is None or row.layout is None or not row.layout.columns:
        raise UnknownTable(f"erase: no table of charges has the name {request.table}")
    where = request.condition.sql(CrateDBSpeech(row.layout))
    session.execute(f"REFRESH TABLE {row.layout.physical}")
    return _groups(session, row.layout, where)


def _groups(session: Session, layout: Layout, where: Fragment) -> list[Group]:
    names = catalog.source_names(session, layout.table)
    keys = session.execute(
        'SELECT "_source", "_period", "_commit", "_last" '
        f"FROM {layout.physical} WHERE {where.text} GROUP BY 1, 2, 3, 4 LIMIT 1000000",
        where.arguments,
    ).rows
    groups = []
    for source, period, opened, last in keys:
        rows, sums = versions.counted(
            session,
            layout,
            f'({where.text}) AND "_source" = ? AND "_period" = ? AND "_commit" = ? AND "_last" = ?',
            [*where.arguments, source, period, opened, last],
        )
        ended = None if last == OPEN else last + 1
        groups.append(Group(names[source], period, opened, ended, rows, sums))
    return groups


def tried(session: Session, row: Row | None, request: ErasureRequest, clock: Clock) -> Erasure:
    """What an erasure would do."""
    groups = find(session, row, request)
    deliveries = ledger.all_of(session, request.table)
    settled = erasing.settle(deliveries, groups)
    now = not_before(ledger.last_state_time(session, request.table), clock)
    told = erasing.entry_of(request, catalog.next_value(session, "commits"), settled, now)
    return Erasure(
        told.entry,
        affected=settled.affected,
        aborted=[
            delivery.commit
            for delivery in deliveries
            if delivery.dry_run or delivery.entry.state is State.OPEN
        ],
        quarantined=_with_raw(session, request.table) if request.quarantine else 0,
        elsewhere=_other_tables(session),
    )


def erase(
    session: Session, turn: Turn, parts: PartsStore, request: ErasureRequest, clock: Clock
) -> Erasure:
    """Decide an erasure and delete the charges; the files are then to be merged."""
    groups = find(session, turn.row, request)
    last = ledger.last_state_time(session, request.table)
    aborted = _give_up_open(session, turn, parts, request, not_before(last, clock))
    settled = erasing.settle(ledger.all_of(session, request.table), groups)
    commit = catalog.next_value(session, "commits")
    quarantined = _forget_read(session, turn, request.table) if request.quarantine else 0
    _want_merge(session, request.table, commit)
    turn.begin(commit, lambda: catalog.next_value(session, "commits"))
    notes: list[Delivery] = []

    def outcome() -> str:
        now = not_before(last, clock)
        notes.append(erasing.entry_of(request, commit, settled, now))
        decided = Outcome(erased=request.condition.text, note=notes[-1])
        decided.deliveries = {each.commit: each for each in settled.deliveries}
        return decided.to_json()

    turn.settle(turn.row.head, outcome)
    return Erasure(
        notes[-1].entry,
        affected=settled.affected,
        aborted=aborted,
        quarantined=quarantined,
        elsewhere=_other_tables(session),
    )


def _give_up_open(
    session: Session, turn: Turn, parts: PartsStore, request: ErasureRequest, now: datetime
) -> list[int]:
    """Abort what is on its way: its staged parts may hold the charges."""
    given_up = []
    for delivery in ledger.all_of(session, request.table):
        if delivery.dry_run:
            ledger.remove(session, delivery.commit)
        elif delivery.entry.state is State.OPEN:
            aborted = delivery.aborted(now, request.by, GIVEN_UP).settled(reason=GIVEN_UP)
            ledger.update(session, aborted, turn.require)
        else:
            continue
        parts.clear(session, delivery.commit)
        given_up.append(delivery.commit)
    return given_up


def _raw_of(session: Session, table: str) -> list[tuple[int, int]]:
    """The deliveries of a table with quarantined rows, and how many still have what was read."""
    session.execute("REFRESH TABLE costwire.quarantine")
    found = []
    for entry in ledger.entries(session, table):
        rows = session.execute(
            "SELECT count(*) FROM costwire.quarantine WHERE \"commit\" = ? AND raw <> ''",
            [entry.commit],
        ).rows
        if rows[0][0]:
            found.append((entry.commit, int(rows[0][0])))
    return found


def _with_raw(session: Session, table: str) -> int:
    return sum(rows for _, rows in _raw_of(session, table))


def _forget_read(session: Session, turn: Turn, table: str) -> int:
    """Take from the quarantined rows of a table what was read; gives how many had any."""
    found = _raw_of(session, table)
    for commit, _ in found:
        turn.require()
        session.execute(
            "UPDATE costwire.quarantine SET raw = '', reason = ?, cells = NULL "
            "WHERE \"commit\" = ? AND raw <> ''",
            [ERASED_REASON, commit],
            repeatable=True,
        )
    return sum(rows for _, rows in found)


def _other_tables(session: Session) -> Sequence[str]:
    rows = session.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'doc' "
        "AND table_type = 'BASE TABLE' ORDER BY 1 LIMIT 1000"
    ).rows
    return [name for (name,) in rows]


def _want_merge(session: Session, table: str, commit: int) -> None:
    session.execute(
        'INSERT INTO costwire.rewrites (table_name, "commit") VALUES (?, ?) '
        'ON CONFLICT (table_name) DO UPDATE SET "commit" = excluded."commit"',
        [table, commit],
        repeatable=True,
    )


def wanted(own: Session) -> list[str]:
    """The tables whose files are still to be merged after an erasure."""
    own.execute("REFRESH TABLE costwire.rewrites")
    rows = own.execute("SELECT table_name FROM costwire.rewrites ORDER BY 1 LIMIT 100000").rows
    return [table for (table,) in rows]


def merge_wanted(own: Session, turn: Turn) -> None:
    """Merge the files of a table that an erasure was in, so that they hold nothing of it.

    Within its turn: before, the charges may not all be deleted. With the handler's own rights:
    users have none for that.
    """
    rows = own.execute(
        'SELECT "commit" FROM costwire.rewrites WHERE table_name = ?', [turn.table]
    ).rows
    layout = turn.row.layout
    if not rows or layout is None:
        return
    names = [layout.physical, *(f"costwire.{name}" for name in _OF_HANDLER)]
    for _ in range(_ROUNDS):
        for name in names:
            _merge(own, name)
    turn.require()
    own.execute("REFRESH TABLE costwire.rewrites")
    own.execute(
        'DELETE FROM costwire.rewrites WHERE table_name = ? AND "commit" = ?',
        [turn.table, *rows[0]],
        repeatable=True,
    )


def merge_left(own: Session, turn: Turn) -> None:
    """The same for what an earlier turn left to be done; what fails is left to the next one."""
    try:
        merge_wanted(own, turn)
    except StoreProblem:
        _logger.exception("files are still to be merged after an erasure")


def _merge(own: Session, name: str) -> None:
    own.execute(f"REFRESH TABLE {name}")
    own.execute(
        f"OPTIMIZE TABLE {name} WITH (max_num_segments = 1, flush = true)",
        timeout_seconds=_MERGE_SECONDS,
        repeatable=True,
    )

"""The states of a table on CrateDB: told from the flip on, and none that was not flipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.factories import NOW, Report, a_report, charges, part_body

from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.store import CrateDBStore

OpenReplica = Callable[..., CrateDBStore]


def deliver(store: CrateDBStore, report: Report) -> Entry:
    entry = store.own.open_delivery(report.manifest, lambda: NOW)
    for seq, part in enumerate(report.parts):
        digest = hashlib.sha256(part_body(part)).hexdigest()
        store.own.stage_part(entry.commit, seq, part, digest)
    return store.own.commit(entry.commit, lambda: NOW + timedelta(seconds=1))


def states(session: Session) -> list[int]:
    rows = session.execute("SELECT state FROM doc.charges__states ORDER BY state").rows
    return [state for (state,) in rows]


def change_row(session: Session, **values: Any) -> None:
    changes = ", ".join(f"{name} = ?" for name in values)
    session.execute(
        f"UPDATE costwire.tables SET {changes} WHERE name = 'charges'",  # noqa: S608
        [*values.values()],
    )


@pytest.fixture
def store(replica: OpenReplica) -> CrateDBStore:
    opened = replica()
    deliver(opened, a_report(charges(3)))
    deliver(opened, a_report(charges(4)).generated(hours=1))
    return opened


def test_state_is_told_from_the_flip_on(store: CrateDBStore, session: Session) -> None:
    first, second = states(session)
    change_row(session, attempt=second)
    assert states(session) == [first]
    change_row(session, outcome='{"deliveries": [], "shapes": [], "forgotten": []}')
    assert states(session) == [first, second]


def test_attempt_that_was_undone_is_no_state(store: CrateDBStore, session: Session) -> None:
    first, second = states(session)
    change_row(session, undone=[second])
    assert states(session) == [first]


def test_note_of_an_attempt_that_was_undone_is_removed(
    store: CrateDBStore, session: Session
) -> None:
    session.execute(
        'INSERT INTO costwire.states (table_name, state, "commit", source, delivery, shown_at) '
        "VALUES ('charges', 999, 999, 'aws', 'x', 0)"
    )
    session.execute("REFRESH TABLE costwire.states")
    change_row(session, attempt=999, used=999)
    assert deliver(store, a_report(charges(5)).generated(hours=2)).state is State.COMMITTED
    session.execute("REFRESH TABLE costwire.states")
    rows = session.execute("SELECT state FROM costwire.states").rows
    assert len(rows) == 3
    assert [999] not in rows


def make_older(session: Session) -> None:
    """The database as a version left it that knew of no states."""
    session.execute("DROP VIEW doc.charges__states")
    session.execute("DELETE FROM costwire.states")
    ((layout,),) = session.execute("SELECT layout FROM costwire.tables WHERE name = 'charges'").rows
    told = json.loads(layout)
    del told["views"]
    change_row(session, layout=json.dumps(told))


def test_states_of_an_older_database_are_there_after_opening(
    store: CrateDBStore, replica: OpenReplica, session: Session
) -> None:
    told = 'SELECT state, "commit", source, delivery, shown_at FROM doc.charges__states ORDER BY 1'
    before = session.execute(told).rows
    make_older(session)
    replica("two")
    assert session.execute(told).rows == before


def test_users_table_stays_until_it_is_dropped(
    store: CrateDBStore, replica: OpenReplica, session: Session
) -> None:
    make_older(session)
    session.execute("CREATE TABLE doc.charges__states (mine INTEGER)")
    second = replica("two")
    assert deliver(second, a_report(charges(5)).generated(hours=2)).state is State.COMMITTED
    session.execute("DROP TABLE doc.charges__states")
    assert deliver(second, a_report(charges(6)).generated(hours=3)).state is State.COMMITTED
    assert len(states(session)) == 4


def test_between_takes_one_value_of_a_subquery(session: Session) -> None:
    """What `... BETWEEN _commit AND _last` relies on: else now and then there would be no row."""
    for _ in range(20):
        rows = session.execute(
            "SELECT count(*) FROM generate_series(0, 999, 1) AS numbers(n) WHERE "
            "(SELECT floor(random() * 1000)::BIGINT FROM sys.cluster) BETWEEN n AND n"
        ).rows
        assert rows == [[1]]

"""Turns: however many handlers there are, a table is changed by one at a time, and whole."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges, clock

from costwire_db_handler.errors import StoreBusy, Unbalanced
from costwire_db_handler.stores.cratedb import layout, versions
from costwire_db_handler.stores.cratedb.catalog import next_value
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import (
    OutcomeUnknown,
    StoreFailed,
    StoreUnreachable,
    VersionConflict,
)
from costwire_db_handler.stores.cratedb.layout import OPEN
from costwire_db_handler.stores.cratedb.ledger import Outcome
from costwire_db_handler.stores.cratedb.turns import Turn, Turns, read_row

from .deliver import deliver

OpenReplica = Any
STATE = 'SELECT state FROM costwire.deliveries WHERE "commit" = 1'
NOTHING = Outcome().to_json


@pytest.fixture(autouse=True)
def _schema(replica: OpenReplica) -> None:
    replica()


def turns(name: str, **how: Any) -> Turns:
    return Turns(name, **{"lease_seconds": 60.0, "wait_seconds": 10.0, **how})


def test_no_number_is_given_twice(session: Session) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: next_value(session, "commits"), range(200)))
    assert sorted(numbers) == list(range(1, 201))


def test_turns_of_one_table_follow_one_another(session: Session) -> None:
    held, most = [0], []
    guard = threading.Lock()

    def work(handler: Turns) -> None:
        for _ in range(5):
            with handler.take(session, "t"):
                with guard:
                    held[0] += 1
                    most.append(held[0])
                time.sleep(0.01)
                with guard:
                    held[0] -= 1

    handlers = [turns(f"handler-{number}") for number in range(3)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, handlers * 2))
    assert (max(most), len(most)) == (1, 30)


def test_turns_of_two_tables_do_not_wait_for_each_other(session: Session) -> None:
    with (
        turns("a").take(session, "t") as one,
        turns("b", wait_seconds=0.0).take(session, "u") as other,
    ):
        assert one.is_ours()
        assert other.is_ours()


def test_who_gets_no_turn_in_time_is_told_to_come_again(session: Session) -> None:
    with (
        turns("a").take(session, "t"),
        pytest.raises(StoreBusy, match="try again") as refused,
        turns("b", wait_seconds=0.3).take(session, "t"),
    ):
        pass
    assert refused.value.headers["Retry-After"] == "10"


def abandoned(session: Session, name: str) -> Turn:
    """A turn whose holder was killed: nothing renews it."""
    with turns(name).take(session, "t"):
        pass
    row = read_row(session, "t")
    assert row is not None
    return Turn(session, "t", row, f"{name}/process/turn", 60.0)


def test_a_restarted_handler_takes_its_own_turn_over_at_once(session: Session) -> None:
    dead = abandoned(session, "a")
    assert dead.is_ours()
    with turns("a", wait_seconds=0.0).take(session, "t") as turn:
        assert turn.is_ours()
        assert not dead.is_ours()


def test_a_silent_handler_loses_its_turn(session: Session) -> None:
    abandoned(session, "a")
    started = time.monotonic()
    with turns("b", lease_seconds=1.0).take(session, "t"):
        assert time.monotonic() - started > 0.5


def test_a_turn_is_kept_for_as_long_as_it_is_renewed(session: Session) -> None:
    with (
        turns("a", lease_seconds=1.5).take(session, "t"),
        pytest.raises(StoreBusy),
        turns("b", lease_seconds=1.5, wait_seconds=3.0).take(session, "t"),
    ):
        pass


def test_whoever_lost_its_turn_flips_nothing(session: Session) -> None:
    late = abandoned(session, "a")
    late.begin(5, lambda: 0)
    with turns("b", lease_seconds=0.0).take(session, "t"), pytest.raises(VersionConflict):
        late.settle(5, NOTHING)
    row = read_row(session, "t")
    assert row is not None
    assert (row.head, row.outcome) == (0, None)


def test_no_state_number_is_tried_twice(session: Session) -> None:
    numbers = iter(range(100, 200))
    with turns("a").take(session, "t") as turn:
        assert turn.begin(5, numbers.__next__) == 5
        turn.heal()
        assert turn.begin(5, numbers.__next__) == 100
        turn.settle(100, NOTHING)
        assert turn.begin(7, numbers.__next__) == 101
        turn.settle(101, NOTHING)
    row = read_row(session, "t")
    assert row is not None
    assert (row.head, row.used, row.attempt, row.holder) == (101, 101, None, None)


def costs(session: Session) -> list[Any]:
    return session.execute("SELECT resourceid, billedcost::text FROM charges ORDER BY 1").rows


def test_what_a_kill_left_half_written_is_undone(
    replica: OpenReplica, session: Session, tmp_path: Path
) -> None:
    """Charges added and charges closed under a number that was never flipped."""
    first = replica("a")
    deliver(first.own, a_report(charges(30)))
    first.close()
    before = costs(session)
    row = read_row(session, "charges")
    assert row is not None
    assert row.layout is not None
    name = (tmp_path / "a" / "replica").read_text()
    turn = Turn(session, "charges", row, f"{name}/process/turn", 60.0)
    number = turn.begin(2, lambda: 99)
    physical = row.layout.physical
    session.execute(f'UPDATE {physical} SET "_last" = ? WHERE "_row" < 10', [number - 1])  # noqa: S608
    session.execute(
        f'INSERT INTO {physical} ("_commit", "_row", "_month", "_last", "_source", "_period", '  # noqa: S608
        '"_content_hi", "_content_lo", "_dimensions_hi", "_dimensions_lo") '
        "VALUES (?, 77, '2024-09', 9, 1, '', 1, 1, 1, 1)",
        [number],
    )
    session.execute(f"REFRESH TABLE {physical}")
    assert costs(session) == before
    replica("a")
    assert costs(session) == before
    left = session.execute(
        f'SELECT count(*) FROM {physical} WHERE "_commit" = ? OR "_last" = ?',  # noqa: S608
        [number, number - 1],
    )
    assert left.rows == [[0]]
    row = read_row(session, "charges")
    assert row is not None
    assert (row.attempt, row.holder) == (None, None)


def test_what_was_flipped_before_a_kill_is_written_into_the_ledger(
    replica: OpenReplica, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(_turn: Turn) -> None:
        if _turn.row.outcome is not None:
            raise Killed

    store = replica("a")
    with monkeypatch.context() as patched:
        patched.setattr(Turn, "finish", killed)
        patched.setattr(Turn, "__exit__", lambda turn, *_: turn._stopped.set())
        with pytest.raises(Killed):
            deliver(store.own, a_report(charges(30)))
    assert len(costs(session)) == 30
    (entry,) = store.own.deliveries()
    assert (entry.state, entry.balanced) == ("committed", True)
    stale = session.execute(STATE).rows
    assert stale == [["open"]]
    store.close()
    (entry,) = replica("a").own.deliveries()
    assert (entry.state, entry.balanced) == ("committed", True)
    written = session.execute(STATE).rows
    assert written == [["committed"]]


class LosesAnswers:
    """A session whose answer to the flip gets lost, and which is away for a while after it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.armed = False
        self._away = 0

    def execute(self, statement: str, *arguments: Any, **options: Any) -> Any:
        if self._away:
            self._away -= 1
            raise StoreUnreachable("the store is away")
        answer = self._session.execute(statement, *arguments, **options)
        if self.armed and "head = ?" in statement:
            self.armed, self._away = False, 1
            raise OutcomeUnknown("the answer was lost")
        return answer


def test_a_flip_whose_answer_is_lost_holds(session: Session) -> None:
    losing: Any = LosesAnswers(session)
    with turns("a").take(losing, "t") as turn:
        turn.begin(5, lambda: 0)
        losing.armed = True
        with pytest.raises(StoreUnreachable):
            turn.settle(5, NOTHING)
    row = read_row(session, "t")
    assert row is not None
    assert (row.head, row.attempt, row.outcome, row.holder, row.undone) == (5, None, None, None, ())


def test_whoever_was_taken_over_after_its_flip_undoes_nothing(session: Session) -> None:
    late = abandoned(session, "a")
    late.begin(5, lambda: 0)
    before = late.row
    late.change(head=5, outcome=NOTHING())
    late._row = before  # as if the answer had been lost
    with turns("b", lease_seconds=0.0).take(session, "t"):
        pass
    late.__exit__(ValueError, ValueError(), None)
    row = read_row(session, "t")
    assert row is not None
    assert (row.head, row.undone) == (5, ())


def test_rows_of_a_dead_attempt_that_come_late_are_never_shown(
    replica: OpenReplica, session: Session
) -> None:
    store = replica("a")
    deliver(store.own, a_report(charges(30)))
    with turns("b").take(session, "charges") as turn:
        turn.begin(1, lambda: 50)
        turn.heal()
        assert turn.row.undone == (50,)
        written = turn.row.layout
    assert written is not None
    session.execute(
        f'INSERT INTO {written.physical} ("_commit", "_row", "_month", "_last", "_source", '  # noqa: S608
        '"_period", "_content_hi", "_content_lo", "_dimensions_hi", "_dimensions_lo") '
        "VALUES (50, 77, '2024-09', ?, 1, '', 1, 1, 1, 1)",
        [OPEN],
    )
    session.execute("UPDATE costwire.counters SET value = 60 WHERE name = 'commits'")
    entry = deliver(store.own, a_report(charges(29)).generated(hours=1))
    assert (entry.state, entry.balanced) == ("committed", True)
    assert len(costs(session)) == 29


def test_accepting_what_could_not_be_copied_loses_nothing(
    replica: OpenReplica, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replica("a").own
    deliver(store, a_report(charges(30)))
    held = deliver(store, a_report([*charges(5), a_charge(ServiceName="new")]).generated(hours=1))
    assert held.state == "held"
    with monkeypatch.context() as patched:
        patched.setattr(versions, "copy_kept", lambda *_: iter(()))
        with pytest.raises(StoreFailed, match="nothing of it is shown"):
            store.accept(held.commit, clock)
    assert len(costs(session)) == 30
    assert store.delivery(held.commit).state == "held"
    assert store.accept(held.commit, clock).balanced
    assert len(costs(session)) == 6


def test_a_delivery_of_which_something_else_was_stored_is_not_shown(
    replica: OpenReplica, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of as many charges, with another sum: the store itself is counted before the flip."""
    store = replica("two").own
    deliver(store, a_report(charges(3)))
    send = Session.execute_many

    def bends(self: Session, statement: str, rows: Any, **how: Any) -> Any:
        return send(self, statement, bytes(rows).replace(b'"2.25', b'"2.35'), **how)

    report = a_report(charges(3, ServiceName="new"), source="other")
    with monkeypatch.context() as bent:
        bent.setattr(Session, "execute_many", bends)
        with pytest.raises(StoreFailed, match="other sums"):
            deliver(store, report)
    assert session.execute("SELECT count(*) FROM charges").rows == [[3]]
    assert deliver(store, report).balanced


def test_a_kill_before_the_views_are_made_leaves_a_name_that_can_be_used(
    replica: OpenReplica, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(_layout: Any) -> Any:
        raise Killed

    store = replica("a")
    with monkeypatch.context() as patched:
        patched.setattr(layout, "create_views", killed)
        with pytest.raises(Killed):
            deliver(store.own, a_report(charges(30)))
    wider = a_report([row | {"x_More": "1"} for row in charges(30)]).generated(hours=1)
    assert deliver(store.own, wider).state == "committed"
    assert session.execute("SELECT count(x_more) FROM charges").rows == [[30]]


def test_a_delivery_that_does_not_balance_makes_no_table(
    replica: OpenReplica, session: Session
) -> None:
    report = a_report(charges(30))
    wrong = report.but(rows=report.manifest.rows.model_copy(update={"published": 31, "read": 31}))
    with pytest.raises(Unbalanced):
        deliver(replica("a").own, wrong)
    row = read_row(session, "charges")
    assert row is not None
    assert row.layout is None

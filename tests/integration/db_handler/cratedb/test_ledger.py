"""What the ledger tells of deliveries, wherever their outcome is written so far."""

from __future__ import annotations

from typing import Any

from tests.factories import a_report, charges, clock

from costwire_db_handler.ledger import State
from costwire_db_handler.stores.cratedb import ledger
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.ledger import Outcome

from .deliver import deliver, opened

OpenReplica = Any


def decide(session: Session, commit: int, state: State) -> None:
    """A flip that was not written into the ledger yet."""
    delivery = ledger.get(session, commit).settled(state=state)
    outcome = Outcome({commit: delivery}).to_json()
    session.execute(
        "INSERT INTO costwire.tables (name, head, used, outcome) VALUES (?, 0, 0, ?) "
        "ON CONFLICT (name) DO UPDATE SET outcome = excluded.outcome",
        [delivery.manifest.table, outcome],
    )


def test_what_is_decided_and_not_written_yet_counts(replica: OpenReplica, session: Session) -> None:
    report = a_report(charges(3))
    commit = opened(replica().own, report).commit
    assert [entry.commit for entry in ledger.in_state(session, State.OPEN)] == [commit]
    assert ledger.same_content(session, report.manifest, [State.OPEN]) == [commit]
    decide(session, commit, State.COMMITTED)
    assert ledger.in_state(session, State.OPEN) == []
    assert ledger.same_content(session, report.manifest, [State.OPEN]) == []
    assert ledger.same_content(session, report.manifest, [State.COMMITTED]) == [commit]
    assert ledger.get(session, commit).entry.state is State.COMMITTED
    assert [entry.state for entry in ledger.entries(session, None)] == [State.COMMITTED]


def test_same_content_is_of_the_same_source_table_and_mode_and_no_dry_run(
    replica: OpenReplica, session: Session
) -> None:
    store, rows = replica().own, charges(3)
    report = a_report(rows)
    commits = [opened(store, a_report(rows)).commit]
    for other in (a_report(rows, source="gcp"), a_report(rows, table="others")):
        opened(store, other)
    store.open_delivery(report.manifest, clock, dry_run=True)
    assert ledger.same_content(session, report.manifest, [State.OPEN]) == commits


def test_each_period_is_told_with_the_delivery_that_shaped_it_last(
    replica: OpenReplica, session: Session
) -> None:
    store = replica().own
    assert ledger.shapes(session, "charges", "aws") == {}
    first = deliver(store, a_report(charges(3)))
    second = deliver(store, a_report(charges(4)).generated(hours=1))
    (shaped,) = ledger.shapes(session, "charges", "aws").values()
    assert (shaped.commit, shaped.generation) == (second.commit, second.generation)
    assert shaped.commit != first.commit


def test_a_forsaken_dry_run_that_another_handler_gives_up_is_no_fault(
    replica: OpenReplica, session: Session, monkeypatch: Any
) -> None:
    store = replica().own
    tried = store.open_delivery(a_report(charges(3)).manifest, clock, dry_run=True)
    late = ledger.in_state(session, State.OPEN)
    store.abort(tried.commit, clock)
    monkeypatch.setattr(
        "costwire_db_handler.stores.cratedb.cost_store.arrivals.forsaken", lambda *_, **__: late
    )
    assert store.open_delivery(a_report(charges(3)).manifest, clock).state is State.OPEN

"""Quarantined rows on CrateDB: pages of bounded size, and none that comes after the settlement."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.factories import (
    Report,
    a_charge,
    a_report,
    an_unusable_row,
    charges,
    clock,
    without_numbers,
)

from costwire_db_handler import quarantined
from costwire_db_handler.errors import DeliveryNotOpen, StoreBusy, UnknownDelivery
from costwire_db_handler.ledger import State
from costwire_db_handler.stores import CostStore
from costwire_db_handler.stores.cratedb import ledger, quarantine
from costwire_db_handler.stores.cratedb.books import CrateDBBooks
from costwire_db_handler.stores.cratedb.cluster import Answer, Session
from costwire_db_handler.stores.cratedb.turns import Turns

from .deliver import opened

OpenReplica = Any
PAGE_BYTES = 10_000


class Watched(Session):
    """A session that notes how many characters each of its answers has."""

    def __init__(self, session: Session) -> None:
        super().__init__(session._cluster, session.credentials)
        self.answered: list[int] = []

    def execute(self, statement: str, *how: Any, **more: Any) -> Answer:
        answer = super().execute(statement, *how, **more)
        self.answered.append(sum(len(str(cell)) for row in answer.rows for cell in row))
        return answer


def test_an_answer_is_no_larger_than_a_page(
    replica: OpenReplica, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantined, "_PIECE_BYTES", PAGE_BYTES)
    rows = [an_unusable_row(line, raw="YWJj" * (line * 31 % 500)) for line in range(300)]
    report = a_report(charges(1), quarantine=rows)
    commit = opened(replica().own, report).commit
    watched = Watched(session)
    assert without_numbers(quarantine.rows_of(watched, commit)) == rows
    # The short texts of a row are not counted; they are no longer than the others.
    assert max(watched.answered) < 2 * PAGE_BYTES


class Slowly:
    """Rows of which the last ones come when the test says so."""

    def __init__(self, first: list[Any], last: list[Any]) -> None:
        self._first, self._last = first, last
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[Any]:
        yield from self._first
        self.begun.set()
        assert self.go_on.wait(30)
        yield from self._last


OLD = [an_unusable_row(line, reason="told at first") for line in range(3)]
NEW = [an_unusable_row(line, reason="told later") for line in range(3)]
REPORT = a_report(charges(5), quarantine=OLD)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Slowly:
    """Three rows, each a statement of its own."""
    monkeypatch.setattr(quarantine, "_CHUNK", 1)
    return Slowly(NEW[:2], NEW[2:])


def listed(store: CostStore, commit: int) -> list[str]:
    return [row["reason"] for row in store.quarantine(commit)]


def test_rows_that_come_slowly_change_no_settled_delivery(
    replica: OpenReplica, slowly: Slowly
) -> None:
    one, other = replica("one").own, replica("other").own
    commit = opened(one, REPORT).commit
    with ThreadPoolExecutor(2) as pool:
        setting = pool.submit(one.set_quarantine, commit, slowly)
        assert slowly.begun.wait(30)
        settling = pool.submit(lambda: (other.commit(commit, clock), listed(other, commit)))
        with pytest.raises(TimeoutError):
            settling.result(timeout=2)
        slowly.go_on.set()
        setting.result(timeout=30)
        entry, settled_with = settling.result(timeout=30)
    assert (entry.rows.quarantined, settled_with) == (3, ["told later"] * 3)
    assert listed(one, commit) == settled_with


def test_rows_that_begin_after_the_settlement_are_refused(replica: OpenReplica) -> None:
    store = replica().own
    commit = opened(store, REPORT).commit
    store.commit(commit, clock)
    with pytest.raises(DeliveryNotOpen):
        store.set_quarantine(commit, NEW)
    assert listed(store, commit) == ["told at first"] * 3


def test_rows_that_waited_for_the_settlement_are_refused(
    replica: OpenReplica, session: Session
) -> None:
    one, other = replica("one").own, replica("other").own
    commit = opened(one, REPORT).commit
    with ThreadPoolExecutor(1) as pool:
        turn = Turns("other").take(session, "charges")
        with turn:
            setting = pool.submit(one.set_quarantine, commit, NEW)
            with pytest.raises(TimeoutError):
                setting.result(timeout=1)
            delivery = ledger.get(session, commit)
            assert ledger.update_open(session, delivery.settled(state=State.REJECTED))
        with pytest.raises(DeliveryNotOpen):
            setting.result(timeout=30)
    assert listed(other, commit) == ["told at first"] * 3


def test_a_settlement_that_was_taken_over_quarantines_nothing_more(
    replica: OpenReplica, session: Session
) -> None:
    store = replica().own
    commit = opened(store, REPORT).commit
    means = store._means()
    raw = base64.b64encode(json.dumps(a_charge()).encode()).decode()  # as the handler keeps them
    old, new = ([row | {"raw": raw} for row in rows] for rows in (OLD, NEW))
    with Turns("one").take(session, "charges") as turn:
        CrateDBBooks(means, turn).keep_refused(commit, old)
        with Turns("two", lease_seconds=0.0).take(session, "charges"):
            pass
        with pytest.raises(StoreBusy, match="taken over"):
            CrateDBBooks(means, turn).keep_refused(commit, new[:1])
    told = [row["reason"] for row in OLD]
    assert listed(store, commit) == told * 2  # the exporter's, and the handler's


def test_rows_of_a_dry_run_that_ended_meanwhile_are_not_kept(
    replica: OpenReplica, session: Session, slowly: Slowly
) -> None:
    store = replica().own
    entry = store.open_delivery(REPORT.manifest, clock, dry_run=True)
    with ThreadPoolExecutor(1) as pool:
        setting = pool.submit(store.set_quarantine, entry.commit, slowly)
        assert slowly.begun.wait(30)
        store.abort(entry.commit, clock)
        slowly.go_on.set()
        with pytest.raises(UnknownDelivery):
            setting.result(timeout=30)
    session.execute("REFRESH TABLE costwire.quarantine")
    assert session.execute("SELECT count(*) FROM costwire.quarantine").rows == [[0]]


def test_rows_of_a_handler_that_was_taken_for_dead_change_nothing_more(
    replica: OpenReplica, session: Session, slowly: Slowly
) -> None:
    one, other = replica("one").own, replica("other").own
    commit = opened(one, REPORT).commit
    with ThreadPoolExecutor(1) as pool:
        setting = pool.submit(one.set_quarantine, commit, slowly)
        assert slowly.begun.wait(30)
        with Turns("third", lease_seconds=0.0).take(session, "charges"):
            pass
        other.set_quarantine(commit, OLD)
        other.commit(commit, clock)
        slowly.go_on.set()
        with pytest.raises(StoreBusy, match="taken over"):
            setting.result(timeout=30)
    assert listed(one, commit) == ["told at first"] * 3


def test_a_dry_run_waits_for_no_turn(replica: OpenReplica, session: Session) -> None:
    store = replica().own
    report: Report = REPORT
    entry = store.open_delivery(report.manifest, clock, dry_run=True)
    with Turns("third").take(session, "charges"):
        store.set_quarantine(entry.commit, report.quarantine)
    assert len(listed(store, entry.commit)) == 3

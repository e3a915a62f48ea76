"""Erasing on CrateDB: who may, and what a kill leaves to be done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges, clock
from tests.support.cratedb import a_user, cratedb_url
from tests.support.cratedb_store import alone, forget_all
from tests.support.versions import versions

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.erasing import ErasureRequest
from costwire_db_handler.ledger import State
from costwire_db_handler.stores import StoreLimits, open_store
from costwire_db_handler.stores.cratedb import erasing, ledger
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials
from costwire_db_handler.stores.cratedb.failures import PrivilegeMissing, StoreFailed
from costwire_db_handler.stores.cratedb.store import CrateDBOptions
from costwire_db_handler.stores.cratedb.turns import Turn
from costwire_db_handler.users import Caller

WRITER = ("DQL, DDL ON SCHEMA doc", "DQL, DML ON SCHEMA costwire")
ADMIN = (*WRITER, "AL", "DQL ON TABLE sys.privileges")
REQUEST = ErasureRequest("charges", Condition.read("x_Note = 'gone'"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    """A store with thirty charges and one that is to go."""
    with alone():
        forget_all(cratedb_url())
        opened = _open(tmp_path)
        report = a_report([*charges(30, x_Note="kept"), a_charge(x_Note="gone")])
        entry = opened.own.open_delivery(report.manifest, clock)
        for seq, part in enumerate(report.parts):
            opened.own.stage_part(entry.commit, seq, part, str(seq))
        opened.own.commit(entry.commit, clock)
        yield opened
        opened.close()


def _open(folder: Path) -> Any:
    options = CrateDBOptions(ClusterOptions([cratedb_url()]), Credentials("crate", ""))
    return open_store(
        folder / "data", thresholds=Thresholds(), limits=StoreLimits(), cratedb=options
    )


def test_erasing_takes_who_manages_users(store: Any) -> None:
    with a_user(cratedb_url(), WRITER) as writer, a_user(cratedb_url(), ADMIN) as admin:
        with pytest.raises(PrivilegeMissing):
            store.acting_for(Caller(writer.name, None, writer.password)).erase(REQUEST, clock)
        assert len(versions(store.own)) == 31
        acting = store.acting_for(Caller(admin.name, None, admin.password))
        assert acting.erase(REQUEST, clock, dry_run=True).entry.rows.erased == 1
        erasure = acting.erase(REQUEST, clock)
        assert (erasure.entry.rows.erased, erasure.entry.by) == (1, admin.name)
    assert len(versions(store.own)) == 30


def test_what_was_decided_is_finished_after_a_restart(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise StoreFailed("the node is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Turn, "_in_pieces", fail)
        with pytest.raises(StoreFailed):
            store.own.erase(REQUEST, clock)
    assert store.own.deliveries()[-1].state is State.ERASED
    assert len(versions(store.own)) == 31
    store.close()
    again = _open(tmp_path)
    assert len(versions(again.own)) == 30
    assert all(entry.balanced for entry in again.own.deliveries())
    assert again.own.erase(REQUEST, clock).entry.rows.erased == 0
    again.close()


def test_files_that_were_not_merged_are_so_at_the_next_start(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreFailed("the node is gone")

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "_merge", fail)
        with pytest.raises(StoreFailed):
            store.own.erase(REQUEST, clock)
    session = store.own._session
    wanted = "SELECT count(*) FROM costwire.rewrites WHERE table_name = 'charges'"
    assert session.execute(wanted).rows == [[1]]
    store.close()
    again = _open(tmp_path)
    session = again.own._session
    session.execute("REFRESH TABLE costwire.rewrites")
    assert session.execute(wanted).rows == [[0]]
    assert len(versions(again.own)) == 30
    again.close()


WANTED = "SELECT count(*) FROM costwire.rewrites WHERE table_name = 'charges'"


def wanted(session: Any) -> int:
    session.execute("REFRESH TABLE costwire.rewrites")
    ((number,),) = session.execute(WANTED).rows
    return int(number)


def test_handler_that_starts_leaves_the_merging_to_the_one_that_erases(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, left = Turn.settle, []

    def start_another(turn: Turn, *how: Any) -> None:
        _open(tmp_path / "another").close()
        left.append(wanted(store.own._session))
        settle(turn, *how)

    monkeypatch.setattr(Turn, "settle", start_another)
    store.own.erase(REQUEST, clock)
    assert left == [1]
    assert wanted(store.own._session) == 0


def test_handler_that_finishes_the_erasure_of_another_merges(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise StoreFailed("the node is gone")

    another = _open(tmp_path / "another")
    with monkeypatch.context() as patched:
        patched.setattr(Turn, "_in_pieces", fail)
        with pytest.raises(StoreFailed):
            store.own.erase(REQUEST, clock)
    session = store.own._session
    session.execute("UPDATE costwire.tables SET holder = NULL WHERE name = 'charges'")
    assert wanted(session) == 1
    report = a_report([*charges(30, x_Note="kept"), a_charge(x_Note="new")]).generated(hours=1)
    another.own.set_quarantine(another.own.open_delivery(report.manifest, clock).commit, [])
    entry = another.own.open_delivery(report.manifest, clock)
    another.own.abort(entry.commit, clock)
    assert len(versions(another.own)) == 30
    assert wanted(session) == 0
    another.close()


def test_row_of_a_newer_erasure_outlives_the_merging_of_an_older_one(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, merge = store.own._session, erasing._merge

    def want_again(own: Any, name: str) -> None:
        erasing._want_merge(session, "charges", 999)
        merge(own, name)

    monkeypatch.setattr(erasing, "_merge", want_again)
    store.own.erase(REQUEST, clock)
    assert session.execute('SELECT "commit" FROM costwire.rewrites').rows == [[999]]


def test_erasure_is_in_the_ledger_from_its_decision_on(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not decided leaves no open delivery that somebody could commit."""

    def fail(*_: object) -> None:
        raise StoreFailed("the node is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Turn, "settle", fail)
        with pytest.raises(StoreFailed):
            store.own.erase(REQUEST, clock)
    assert [entry.state for entry in store.own.deliveries()] == [State.COMMITTED]
    assert len(versions(store.own)) == 31
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "write_outcome", fail)
        with pytest.raises(StoreFailed):
            store.own.erase(REQUEST, clock)
    store.close()
    again = _open(tmp_path)
    assert [entry.state for entry in again.own.deliveries()] == [State.COMMITTED, State.ERASED]
    assert len(versions(again.own)) == 30
    again.close()

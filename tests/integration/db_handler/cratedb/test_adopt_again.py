"""What an adoption refuses, and that one which was killed is finished by another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_report, charges, clock
from tests.integration.db_handler.cratedb.deliver import deliver
from tests.support import original_table
from tests.support.cratedb import a_user

from costwire_db_handler.errors import CannotAdopt, TableTaken, UnknownTable
from costwire_db_handler.ledger import State
from costwire_db_handler.stores.cratedb import cost_store
from costwire_db_handler.stores.cratedb.adopt import adopt
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import PrivilegeMissing
from costwire_db_handler.users import Caller
from costwire_focus.canonical import canonical_text, exact_sum

OpenReplica = Callable[..., Any]
PROGRAM = Path(__file__).with_name("adopt_process.py")
ROOT = Path(__file__).parents[4]
T = "costs_of_old"
ROWS = 300
MOMENTS = (
    ("before", "ALTER TABLE doc."),
    ("after", "ALTER TABLE doc."),
    ("after", "INSERT INTO costwire.deliveries"),
    ("after", "INSERT INTO costwire.parts"),
    ("before", f'CREATE OR REPLACE VIEW doc."{T}"'),
    ("after", f'INSERT INTO costwire."{T}__'),
    ("after", "head = ?"),
)


@pytest.fixture
def old(session: Session) -> list[original_table.Labels]:
    """A small table of the original, and what it was sent."""
    sent = original_table.a_bill(ROWS)
    original_table.make(session, T)
    original_table.upload(session, T, sent)
    return sent


def count(session: Session, table: str) -> int:
    ((rows,),) = session.execute(f"SELECT count(*) FROM doc.{table}").rows  # noqa: S608
    return int(rows)


def tables(session: Session) -> set[str]:
    rows = session.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'doc'"
    ).rows
    return {name for (name,) in rows}


def test_adoption_killed_at_any_step_is_finished_by_a_repeat(
    replica: OpenReplica, url: str, session: Session, old: Any, tmp_path: Path
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROGRAM), str(tmp_path / "killed"), url, T]
    other = replica("other").own
    for moment in MOMENTS:
        run = subprocess.run(
            [*command, *moment], env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == -signal.SIGKILL, (moment, run.stdout, run.stderr)
        there = tables(session)
        kept = f"{T}__original" if f"{T}__original" in there else T
        session.execute(f"REFRESH TABLE doc.{kept}")
        assert count(session, kept) == ROWS
        if kept != T and T in there:
            assert count(session, T) in (0, ROWS)
        else:
            with pytest.raises(TableTaken, match="costwire adopt --table"):
                other.open_delivery(a_report(charges(1), table=T).manifest, clock)
    last = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    entry = json.loads(last.stdout)
    assert (entry["state"], entry["balanced"], entry["rows"]["stored"]) == ("committed", True, ROWS)
    assert count(session, T) == count(session, f"{T}__original") == ROWS
    states = [each.state for each in other.deliveries(T)]
    assert states == [State.COMMITTED]
    for currency in ("EUR", "USD"):
        mine = [s for s in old if s["BillingCurrency"] == currency]
        total = exact_sum(original_table.stored(labels["BilledCost"]) for labels in mine)
        assert entry["sums"][currency]["BilledCost"]["stored"] == canonical_text(total)


def test_what_another_version_left_open_is_given_up(
    replica: OpenReplica, url: str, session: Session, old: Any, tmp_path: Path
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROGRAM), str(tmp_path / "one"), url, T]
    moment = ("after", "INSERT INTO costwire.parts")
    subprocess.run([*command, *moment], env=environment, capture_output=True, check=False)
    store = replica("one").own
    assert [each.state for each in store.deliveries(T)] == [State.OPEN]
    entry = store.adopt(T, clock)  # which cuts other pages
    assert (entry.state, entry.rows.stored) == (State.COMMITTED, ROWS)
    assert [each.state for each in store.deliveries(T)] == [State.ABORTED, State.COMMITTED]


def test_two_adoptions_at_once_are_one(replica: OpenReplica, session: Session, old: Any) -> None:
    stores = [replica("one").own, replica("two").own]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda store: store.adopt(T, clock), stores)
    assert first.to_json() == second.to_json()
    assert [each.commit for each in stores[0].deliveries(T)] == [first.commit]
    assert count(session, T) == ROWS


def test_pages_of_any_size_hold_every_row_once(
    replica: OpenReplica, session: Session, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = ["\U0001f600", "\uff5e", "é", "e\u0301", "a" * 300, " ", "~"]
    keys = [{"ResourceId": name * n, "SkuPriceId": ""} for name in odd for n in (1, 2, 3)]
    original_table.upload(session, T, [{**old[0], **key} for key in keys])
    monkeypatch.setattr(cost_store, "adopt", partial(adopt, page_rows=7))
    entry = replica().own.adopt(T, clock)
    assert (entry.rows.stored, entry.balanced) == (ROWS + len(keys), True)
    kept = session.execute(f"SELECT resourceid, count(*) FROM {T}__original GROUP BY 1").rows  # noqa: S608
    seen = session.execute(f"SELECT coalesce(resourceid, ''), count(*) FROM {T} GROUP BY 1").rows  # noqa: S608
    assert sorted(seen) == sorted(kept)


def test_empty_table_is_taken_over_too(replica: OpenReplica, session: Session) -> None:
    original_table.make(session, T)
    entry = replica().own.adopt(T, clock)
    assert (entry.rows.read, entry.balanced) == (0, True)
    assert count(session, T) == 0


def test_what_is_no_amount_is_quarantined(replica: OpenReplica, session: Session) -> None:
    bill = original_table.a_bill(5)
    bill[0]["BilledCost"] = "NaN"
    bill[1]["ConsumedQuantity"] = "many"
    bill[2]["ConsumedQuantity"] = "NULL"
    original_table.make(session, T)
    original_table.upload(session, T, bill)
    store = replica().own
    entry = store.adopt(T, clock)
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (3, 2, True)
    assert {row["column"] for row in store.quarantine(entry.commit)} == {
        "BilledCost",
        "ConsumedQuantity",
    }


def meddle(
    monkeypatch: pytest.MonkeyPatch, text: str, session: Session, labels: original_table.Labels
) -> None:
    """Upload one more charge, once, when a statement with this text is run."""
    run, left = Session.execute, [{**labels, "ResourceId": "late"}]

    def meddling(self: Session, statement: str, *rest: Any, **options: Any) -> Any:
        if text in statement and left:
            original_table.upload(session, T, [left.pop()])
        return run(self, statement, *rest, **options)

    monkeypatch.setattr(Session, "execute", meddling)


def test_table_that_is_written_to_meanwhile_is_not_adopted(
    replica: OpenReplica, session: Session, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replica().own
    meddle(monkeypatch, 'SELECT "billingperiodend"', session, old[0])
    with pytest.raises(CannotAdopt, match="stop the original handler"):
        store.adopt(T, clock)
    assert tables(session) == {T}
    assert store.adopt(T, clock).rows.stored == ROWS + 1


def test_what_comes_just_before_the_rename_is_adopted_too(
    replica: OpenReplica, session: Session, old: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replica().own
    meddle(monkeypatch, "ALTER TABLE doc.", session, old[0])
    assert store.adopt(T, clock).rows.stored == ROWS + 1


def test_exact_report_replaces_what_was_adopted(replica: OpenReplica, old: Any) -> None:
    store = replica().own
    adopted = store.adopt(T, clock)
    report = a_report(charges(3), table=T, source=adopted.source).generated(days=-90)
    later = deliver(store, report)
    assert later.state is State.SUPERSEDED  # the report's file is older than the adoption
    assert store.accept(later.commit, clock).state is State.COMMITTED
    entry = store.delivery(later.commit)
    assert (entry.rows.removed, entry.rows.stored, entry.balanced) == (ROWS, 3, True)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (
            "CREATE TABLE {} (ResourceId STRING, metricName STRING, timestamp TIMESTAMP, "
            "average DOUBLE, Unit STRING, PRIMARY KEY (ResourceId, metricName, timestamp))",
            "its primary key is .resourceid, metricname, timestamp.",
        ),
        ("CREATE TABLE {} (a TEXT)", "its primary key is .., not"),
        ("CREATE VIEW {} AS SELECT 1 AS a", "its primary key is .., not"),
    ],
)
def test_table_of_another_kind_is_left_alone(
    replica: OpenReplica, session: Session, made: str, why: str
) -> None:
    session.execute(made.format(T))
    with pytest.raises(CannotAdopt, match=why):
        replica().own.adopt(T, clock)
    assert tables(session) == {T}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"key": original_table.KEY.removesuffix(", SkuPriceId")}, "its primary key is"),
        ({"key": f"{original_table.KEY}, BilledCost"}, "its primary key is"),
        ({"numbers": "STRING"}, "its column billedcost is text, not double precision"),
    ],
)
def test_what_differs_from_the_original_s_table_is_named(
    replica: OpenReplica, session: Session, how: dict[str, str], why: str
) -> None:
    original_table.make(session, T, **how)
    with pytest.raises(CannotAdopt, match=why):
        replica().own.adopt(T, clock)


@pytest.mark.parametrize("name", ["nosuch", "NoSuch", 'no"such'])
def test_unknown_table_is_told(replica: OpenReplica, name: str) -> None:
    with pytest.raises(UnknownTable):
        replica().own.adopt(name, clock)


def test_versioned_table_has_nothing_to_be_adopted(replica: OpenReplica) -> None:
    store = replica().own
    deliver(store, a_report(charges(2)))
    with pytest.raises(CannotAdopt, match="versioned already"):
        store.adopt("charges", clock)


def test_table_made_anew_beside_the_kept_one_is_not_hidden(
    replica: OpenReplica, session: Session, old: Any
) -> None:
    session.execute(f"ALTER TABLE {T} RENAME TO {T}__original")
    original_table.make(session, T)
    with pytest.raises(CannotAdopt, match="stop the original handler"):
        replica().own.adopt(T, clock)


def test_caller_needs_the_rights_before_anything_happens(
    replica: OpenReplica, url: str, session: Session, old: Any
) -> None:
    store = replica()
    grants = ["DML, DQL ON SCHEMA costwire", "DQL ON SCHEMA doc"]
    with a_user(url, grants) as may_read:
        caller = Caller(may_read.name, None, may_read.password)
        with pytest.raises(PrivilegeMissing, match="DDL on the schema doc"):
            store.acting_for(caller).adopt(T, clock)
        assert tables(session) == {T}
        session.execute(f'GRANT DDL ON SCHEMA doc TO "{may_read.name}"')
        assert store.acting_for(caller).adopt(T, clock).rows.stored == ROWS

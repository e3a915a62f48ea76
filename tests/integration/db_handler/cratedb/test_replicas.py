"""Several handlers on one database."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges, clock

from costwire_db_handler.errors import StoreInUse
from costwire_db_handler.ledger import State
from costwire_db_handler.stores.cratedb.cluster import Session

from .deliver import deliver, opened

OpenReplica = Any


def seen(session: Session) -> tuple[int, Decimal]:
    ((rows, total),) = session.execute("SELECT count(*), sum(billedcost)::text FROM charges").rows
    return rows, Decimal(total)


def test_handlers_that_start_at_once_make_one_schema(
    replica: OpenReplica, session: Session
) -> None:
    session.execute("DROP TABLE IF EXISTS costwire.migrations")
    session.execute("DROP TABLE IF EXISTS costwire.shapes")
    with ThreadPoolExecutor(3) as pool:
        stores = list(pool.map(replica, ["one", "two", "three"]))
    assert deliver(stores[0].own, a_report(charges(10))).state is State.COMMITTED
    assert stores[1].own.delivery(1).balanced


def test_two_handlers_do_not_share_a_folder(replica: OpenReplica) -> None:
    replica("one")
    with pytest.raises(StoreInUse, match="a folder of its own"):
        replica("one")


def test_what_one_is_sent_another_commits(replica: OpenReplica, session: Session) -> None:
    one, two = replica("one").own, replica("two").own
    entry = opened(one, a_report(charges(30), part_rows=7))
    assert two.staged_parts(entry.commit) == [0, 1, 2, 3, 4]
    assert two.commit(entry.commit, clock).balanced
    assert seen(session)[0] == 30


def test_commits_of_one_table_by_two_both_count(replica: OpenReplica, session: Session) -> None:
    stores = [replica("one").own, replica("two").own]
    reports = [a_report(charges(20, ServiceName=f"s{n}"), source=f"s{n}") for n in range(6)]
    entries = [opened(stores[n % 2], report) for n, report in enumerate(reports)]
    with ThreadPoolExecutor(6) as pool:
        settled = list(
            pool.map(lambda n: stores[n % 2].commit(entries[n].commit, clock), range(len(entries)))
        )
    assert all(entry.balanced and entry.rows.added == 20 for entry in settled)
    assert seen(session)[0] == 120


def test_one_delivery_committed_by_two_is_committed_once(
    replica: OpenReplica, session: Session
) -> None:
    stores = [replica("one").own, replica("two").own]
    entry = opened(stores[0], a_report(charges(30)))
    with ThreadPoolExecutor(4) as pool:
        settled = list(pool.map(lambda n: stores[n % 2].commit(entry.commit, clock), range(4)))
    assert {told.rows.added for told in settled} == {30}
    assert seen(session)[0] == 30


def test_four_scrapers_at_two_handlers_leave_each_charge_once(
    replica: OpenReplica, session: Session
) -> None:
    """Four scrapers of the same two sources, state after state."""
    stores = [replica("one").own, replica("two").own]

    def scrape(number: int) -> None:
        for state in range(4):
            source = f"s{number % 2}"
            rows = [a_charge(BilledCost=str(state + 1), ServiceName=source) for _ in range(25)]
            report = a_report(rows, source=source).generated(hours=state)
            deliver(stores[number // 2], report)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(scrape, range(4)))
    assert seen(session) == (50, Decimal(200))
    entries = stores[0].deliveries()
    assert all(entry.balanced for entry in entries)
    states = {str(state): sum(e.state is state for e in entries) for state in State}
    sys.stdout.write(f"{states}\n")

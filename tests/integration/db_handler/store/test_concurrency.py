"""Many at once: readers see whole states, writers take turns."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from tests.factories import a_charge, a_report, charges

from costwire_db_handler.ledger import State

Shop = Any
STATES = range(20, 70, 2)
"""By their numbers of charges: what readers see one after the other."""


def test_deliveries_committed_at_once_all_count(shop: Shop) -> None:
    reports = [a_report(charges(50, ServiceName=f"s{n}"), source=f"s{n}") for n in range(6)]
    opened = [shop.open(report) for report in reports]
    for entry, report in zip(opened, reports, strict=True):
        shop.stage(entry.commit, report)
    with ThreadPoolExecutor(6) as pool:
        entries = list(pool.map(lambda e: shop.store.commit(e.commit, lambda: shop.now), opened))
    assert all(entry.balanced and entry.rows.added == 50 for entry in entries)
    assert len(shop.costs()) == 300


def test_delivery_committed_by_many_at_once_is_committed_once(shop: Shop) -> None:
    report = a_report(charges(50))
    entry = shop.open(report)
    shop.stage(entry.commit, report)
    with ThreadPoolExecutor(4) as pool:
        entries = list(
            pool.map(lambda _: shop.store.commit(entry.commit, lambda: shop.now), range(4))
        )
    assert {told.rows.added for told in entries} == {50}
    assert len(shop.costs()) == 50


def a_state(number: int) -> list[dict[str, str | None]]:
    """So many charges of a cost that no other state has, with finer amounts and new columns."""
    cost = f"{number}.{'0' * (number // 3)}1"
    rows = [a_charge(BilledCost=cost, ResourceId=f"disk-{n}") for n in range(number)]
    return [rows[0] | {f"x_{number // 20}": "new"}, *rows[1:]]


def test_readers_never_see_a_mixture(shop: Shop) -> None:
    done = threading.Event()
    seen: set[tuple[int, Decimal]] = set()
    states = {number: a_state(number) for number in STATES}
    expected = {
        (number, sum(Decimal(str(row["BilledCost"])) for row in rows))
        for number, rows in states.items()
    }

    def read() -> None:
        while not done.is_set():
            seen.update(shop.ask("SELECT count(*), sum(BilledCost) FROM charges"))
            time.sleep(0.005)

    first, *later = STATES
    shop.deliver(a_report(states[first]))
    with ThreadPoolExecutor(2) as readers:
        reading = [readers.submit(read) for _ in range(2)]
        try:
            for number in later:
                entry = shop.deliver(a_report(states[number]).generated(hours=number))
                assert entry.state is State.COMMITTED
        finally:
            done.set()
        for reader in reading:
            reader.result(timeout=30)
    assert len(seen) > 3
    assert seen <= expected

"""What the embedded store keeps of the past: every state that readers ever saw can be told."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.factories import OCTOBER, SEPTEMBER, Report, a_charge, a_report, charges

from costwire_db_handler.ledger import State

Shop = Any
AS_OF = """
    SELECT "ResourceId", "BilledCost"::VARCHAR FROM (
        SELECT *, NULL::BIGINT AS _ended FROM costwire."charges__current"
        UNION ALL BY NAME
        SELECT * FROM costwire."charges__history"
    ) WHERE _commit <= $state AND ($state < _ended OR _ended IS NULL)
"""


class Past:
    """A store, and every state that its readers saw."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.states: list[tuple[int, Counter[Any]]] = []

    def remember(self, commit: int) -> None:
        """Note what readers see after a delivery."""
        self.states.append((commit, Counter(self.shop.costs())))

    def deliver(self, report: Report) -> State:
        entry = self.shop.deliver(report)
        self.remember(entry.commit)
        return entry.state

    def check(self, file: Path) -> None:
        """Tell each state again from the tables, long after."""
        self.shop.close()
        with duckdb.connect(file, read_only=True) as beside:
            for commit, seen in self.states:
                ((state,),) = beside.execute(
                    "SELECT applied FROM costwire.deliveries WHERE commit = ?", [commit]
                ).fetchall()
                if state is not None:
                    told = beside.execute(AS_OF, {"state": state}).fetchall()
                    assert Counter((r, cost.rstrip("0").rstrip(".")) for r, cost in told) == seen


@pytest.fixture
def past(duckdb_shop: Shop) -> Past:
    return Past(duckdb_shop)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.duckdb"


def test_every_state_can_be_told_afterwards(past: Past, file: Path) -> None:
    dice = random.Random(3)  # noqa: S311 -- no secret
    known = charges(20)
    for hours in range(12):
        change = dice.choice(["correct", "withdraw", "add", "return", "append"])
        if change == "correct":
            known[dice.randrange(len(known))]["BilledCost"] = f"{hours}.5"
        elif change == "withdraw":
            known = known[2:]
        elif change == "add":
            known = [*known, a_charge(ResourceId=f"new-{hours}"), known[0]]
        mode: Any = "append" if change == "append" else "replace"
        rows = known[:2] if change == "append" else known
        period = OCTOBER if hours % 5 == 4 else SEPTEMBER
        report = a_report([row | period for row in rows], mode=mode)
        past.deliver(report.generated(hours=hours))
    past.check(file)


def test_deliveries_settled_in_another_order_than_opened(past: Past, file: Path) -> None:
    shop = past.shop
    first, second = a_report(charges(10)), a_report(charges(9)).generated(hours=-1)
    opened = [shop.open(report) for report in (first, second)]
    for entry, report in reversed(list(zip(opened, (first, second), strict=True))):
        shop.stage(entry.commit, report)
        assert shop.store.commit(entry.commit, shop.tick).state is State.COMMITTED
        past.remember(entry.commit)
    assert past.deliver(a_report(charges(9)).generated(hours=1)) is State.COMMITTED
    past.check(file)


def test_held_delivery_counts_from_its_acceptance_on(past: Past, file: Path) -> None:
    past.deliver(a_report(charges(10)))
    held = past.shop.deliver(a_report(charges(3)).generated(hours=1))
    past.deliver(a_report(charges(5, ServiceName="x"), source="other"))
    past.shop.store.accept(held.commit, past.shop.tick)
    past.remember(held.commit)
    past.deliver(a_report(charges(3)).generated(hours=1).read_again(hours=1))
    past.check(file)


def test_unchanged_charges_are_not_written_again(past: Past, file: Path) -> None:
    past.deliver(a_report(charges(20)))
    past.deliver(a_report([*charges(19), a_charge()]).generated(hours=1))
    past.shop.close()
    with duckdb.connect(file, read_only=True) as beside:
        written = beside.execute(
            'SELECT _commit, count(*) FROM costwire."charges__current" GROUP BY ALL ORDER BY ALL'
        ).fetchall()
        closed = beside.execute(
            'SELECT _commit, _ended, count(*) FROM costwire."charges__history" GROUP BY ALL'
        ).fetchall()
    assert written == [(1, 19), (2, 1)]
    assert closed == [(1, 2, 1)]

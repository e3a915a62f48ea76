"""However deliveries arrive: one end state, and no moment is told otherwise than it was shown."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import a_charge, a_report

from costwire_db_handler.answers.changes import ChangesQuestion, changes
from costwire_db_handler.answers.costs import CostsQuestion, costs
from costwire_db_handler.ledger import Entry, State

Shop = Any
Shown = Counter[tuple[str, Decimal]]
HISTORIES = int(os.environ.get("COSTWIRE_TEST_HISTORIES", "15"))
IN_A_STORE = 100
"""Each history has a table of its own, and each table of a file takes some of the memory."""

TABLES = itertools.count()

charge = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["0.1", "0.25", "-3", "1e-18"]))
states = st.lists(st.lists(charge, min_size=1, max_size=8), min_size=2, max_size=5)
act = st.tuples(
    st.integers(0, 4),  # which state arrives
    st.sampled_from(["whole", "whole", "cut", "other source"]),
    st.sampled_from(["leave", "accept", "accept", "reject"]),  # what is done when it is held
)


class Bill:
    """A table, its states, and what readers were shown when."""

    def __init__(self, shop: Shop, table: str, states: Sequence[Sequence[tuple[str, str]]]) -> None:
        self.shop, self.table, self._states = shop, table, states
        self.shown: list[tuple[datetime, Entry, Shown]] = []

    def arrive(self, number: int, how: str, decision: str) -> None:
        """Deliver a state, decide about it, and look."""
        rows = self._states[number % len(self._states)]
        hours = number % len(self._states)
        if how == "cut":
            rows, hours = rows[: len(rows) // 3], hours + 10
        self.deliver(rows, hours, "gcp" if how == "other source" else "aws", decision)

    def deliver(
        self, rows: Sequence[tuple[str, str]], hours: int, source: str, decision: str
    ) -> None:
        cells = [a_charge(ResourceId=name, BilledCost=cost) for name, cost in rows]
        report = a_report(cells, columns=list(a_charge()), source=source, table=self.table)
        entry = self.shop.deliver(report.generated(hours=hours).read_again(hours=self._hours()))
        if entry.state is State.HELD and decision == "reject":
            entry = self.shop.store.reject(entry.commit, self.shop.tick)
        if entry.state in (State.HELD, State.SUPERSEDED) and decision == "accept":
            entry = self.shop.store.accept(entry.commit, self.shop.tick)
        assert entry.balanced
        self.shown.append((self.shop.now, entry, self.see()))
        self.shop.now += timedelta(minutes=1)

    def _hours(self) -> int:
        return 100 + len(self.shown)

    def see(self, as_of: str = "") -> Shown:
        """What readers are told, and, of the present, what they see."""
        asked = [("table", self.table), ("by", "ResourceId"), ("as_of", as_of)]
        with self.shop.store.versions(self.table) as versions:
            answer = costs(versions, CostsQuestion.read(asked), self.shop.now)
        told: Shown = Counter()
        for row in answer.rows:
            told[str(row.group[0]), row.sums["BilledCost"] or Decimal(0)] += row.charges
        if not as_of:
            rows = self.shop.ask(
                f"SELECT ResourceId, sum(BilledCost)::text, count(*) FROM {self.table} GROUP BY 1"  # noqa: S608
            )
            assert told == Counter({(name, Decimal(cost)): n for name, cost, n in rows})
        return told

    def check(self) -> None:
        """Every moment is told as it was shown."""
        for at, entry, shown in self.shown:
            assert self.see(at.isoformat()) == shown
            if entry.state in (State.COMMITTED, State.UNCHANGED):
                assert self.see(str(entry.commit)) == shown
        first, last = self.shown[0][0], self.shown[-1][0]
        asked = [("table", self.table), ("from", first.isoformat()), ("to", last.isoformat())]
        with self.shop.store.versions(self.table) as versions:
            answer = changes(versions, ChangesQuestion.read(asked), self.shop.now)
        (balance,) = answer.balances or [None]
        if balance is not None:  # that its differences add up, is checked when it is answered
            assert balance.after["BilledCost"] == _sum(self.shown[-1][2])
            assert balance.before["BilledCost"] == _sum(self.shown[0][2])


def _sum(shown: Shown) -> Decimal:
    return sum((cost for _, cost in shown), Decimal(0))


@pytest.mark.parametrize("part", range(-(-HISTORIES // IN_A_STORE)))
@settings(
    max_examples=min(HISTORIES, IN_A_STORE), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(states, st.lists(act, min_size=1, max_size=7))
def test_no_moment_is_told_otherwise_than_it_was_shown(
    shop: Shop,
    part: int,
    told: list[list[tuple[str, str]]],
    acts: list[tuple[int, str, str]],
) -> None:
    bill = Bill(shop, f"charges_{next(TABLES)}", told)
    bill.deliver(told[0], 0, "aws", "accept")
    for each in acts:
        bill.arrive(*each)
    # Whatever came before: the newest state of each source is what is shown in the end.
    newest = [*told[-1], ("newest", "7")]
    bill.deliver(newest, 1000, "aws", "accept")
    bill.deliver([("theirs", "9")], 1000, "gcp", "accept")

    end: Counter[str] = Counter()
    for name, _ in [*newest, ("theirs", "9")]:
        end[name] += 1
    seen: Counter[str] = Counter()
    for (name, _), number in bill.see().items():
        seen[name] += number
    assert seen == end
    bill.check()

"""Asking for the past in SQL: one text on both engines, and what readers saw is told again."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from tests.factories import OCTOBER, SEPTEMBER, Report, a_charge, a_report, charges

from costwire_db_handler.errors import TableTaken
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.sql.errors import SqlError

Shop = Any
OPEN = 9_007_199_254_740_991
AT_STATE = """
    SELECT ResourceId, BilledCost::text FROM charges__versions WHERE {} BETWEEN _commit AND _last
"""
AT_TIME = AT_STATE.format("(SELECT max(state) FROM charges__states WHERE shown_at <= '{}')")


class Past:
    """A shop, and what its readers saw after each delivery."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.seen: list[tuple[Entry, datetime, Counter[Any]]] = []

    def remember(self, entry: Entry) -> State:
        """Note what readers see now."""
        self.seen.append((entry, self.shop.now, Counter(self.shop.costs())))
        self.shop.tick()
        return entry.state

    def deliver(self, report: Report) -> State:
        return self.remember(self.shop.deliver(report))

    def accept(self, commit: int) -> State:
        return self.remember(self.shop.store.accept(commit, self.shop.tick))

    def check(self) -> None:
        """Every state is told as it was, by its time and by its number."""
        states = {state: commit for state, commit in self.shop.ask(NUMBERS)}
        by_commit = {commit: state for state, commit in states.items()}
        for entry, moment, seen in self.seen:
            assert self.told(AT_TIME.format(moment.isoformat(timespec="seconds")[:19])) == seen
            if entry.state in (State.COMMITTED, State.UNCHANGED):
                assert self.told(AT_STATE.format(by_commit[entry.commit])) == seen

    def told(self, statement: str) -> Counter[Any]:
        rows = self.shop.ask(statement)
        return Counter((r, cost.rstrip("0").rstrip(".")) for r, cost in rows)


NUMBERS = "SELECT state, commit FROM charges__states ORDER BY state"


@pytest.fixture
def past(shop: Shop) -> Past:
    return Past(shop)


def test_every_state_is_told_again(past: Past) -> None:
    dice = random.Random(5)  # noqa: S311 -- no secret
    known = charges(12)
    for hours in range(8):
        change = ["correct", "withdraw", "add", "append", "correct"][dice.randrange(5)]
        if change == "correct":
            known[dice.randrange(len(known))]["BilledCost"] = f"{hours}.123456789012345678"
        elif change == "withdraw":
            known = known[1:]
        elif change == "add":
            known = [*known, a_charge(ResourceId=f"new-{hours}"), known[0]]
        mode: Any = "append" if change == "append" else "replace"
        period = OCTOBER if hours % 4 == 3 else SEPTEMBER
        rows = known[:2] if change == "append" else known
        report = a_report([row | period for row in rows], mode=mode)
        past.deliver(report.generated(hours=hours))
    past.check()


def test_held_delivery_is_told_from_its_acceptance_on(past: Past) -> None:
    past.deliver(a_report(charges(10)))
    assert past.deliver(a_report(charges(3)).generated(hours=1)) is State.HELD
    held = past.seen[-1][0]
    past.deliver(a_report(charges(5, ServiceName="x"), source="other"))
    assert past.accept(held.commit) is State.COMMITTED
    past.check()


def test_a_then_b_then_a_again(past: Past) -> None:
    first, second = charges(10), [*charges(9), a_charge(BilledCost="7.5")]
    for hours, rows in enumerate([first, second, first, first]):
        past.deliver(a_report(rows).generated(hours=hours))
    assert len(past.shop.ask(NUMBERS)) == 4
    past.check()


def test_before_the_first_delivery_there_is_nothing(past: Past) -> None:
    past.deliver(a_report(charges(2)))
    assert not past.told(AT_TIME.format("2001-01-01"))


def test_what_nobody_saw_is_in_no_state(shop: Shop) -> None:
    shop.deliver(a_report(charges(10)))
    held = shop.deliver(a_report(charges(3, ServiceName="held")).generated(hours=1))
    assert held.state is State.HELD
    marks = shop.ask("SELECT _commit, _last FROM charges__versions WHERE ServiceName = 'held'")
    assert len(marks) == 3
    assert all(last < first for first, last in marks)
    current = shop.ask(f"SELECT count(*) FROM charges__versions WHERE _last = {OPEN}")  # noqa: S608
    assert current == [(10,)]


def test_states_tell_which_delivery_made_them(shop: Shop) -> None:
    first = shop.deliver(a_report(charges(10)))
    shop.deliver(a_report(charges(10)))
    shop.deliver(a_report(charges(2)).generated(hours=1))
    shop.deliver(a_report(charges(1), table="another"))
    rows = shop.ask(
        "SELECT state, commit, source, delivery, shown_at FROM charges__states "
        "WHERE shown_at >= '2024-01-01T00:00:00Z' ORDER BY state"
    )
    ledger = [
        entry
        for entry in shop.store.deliveries("charges")
        if entry.state in (State.COMMITTED, State.UNCHANGED)
    ]
    assert ledger[0].commit == first.commit
    assert [tuple(row[1:]) for row in rows] == [
        (entry.commit, entry.source, entry.id, milliseconds(entry)) for entry in ledger
    ]


def milliseconds(entry: Entry) -> int:
    assert entry.times.committed is not None
    return int(entry.times.committed.timestamp()) * 1000


def test_views_are_read_together_with_the_table(past: Past) -> None:
    past.deliver(a_report(charges(10)))
    past.deliver(a_report([*charges(9), a_charge(BilledCost="100")]).generated(hours=1))
    ((now, then, states),) = past.shop.ask(
        """
        SELECT sum(c.BilledCost)::text, max(before.total)::text, max(before.states)
        FROM charges c, (
            SELECT sum(v.BilledCost) AS total,
                   (SELECT count(*) FROM charges__states) AS states
            FROM charges__versions v
            WHERE (SELECT min(state) FROM charges__states) BETWEEN v._commit AND v._last
        ) AS before
        """
    )
    one, two = (sum(float(c) * n for (_, c), n in seen.items()) for _, _, seen in past.seen)
    assert (float(now), float(then), states) == (pytest.approx(two), pytest.approx(one), 2)


def test_views_are_there_after_columns_came(past: Past) -> None:
    past.deliver(a_report(charges(3)))
    past.deliver(a_report(charges(3, x_Late="1", BilledCost="0." + "1" * 25)).generated(hours=1))
    rows = past.shop.ask(
        "SELECT x_Late, BilledCost::text FROM charges__versions ORDER BY _commit, ResourceId"
    )
    assert [late for late, _ in rows] == [None] * 3 + ["1"] * 3
    assert rows[-1][1] == "0." + "1" * 25
    past.check()


def test_views_are_listed_with_the_table(shop: Shop) -> None:
    shop.deliver(a_report(charges(1)))
    assert shop.ask(
        "SELECT table_name, table_type FROM information_schema.tables "
        "WHERE table_schema = 'doc' ORDER BY table_name"
    ) == [(name, "VIEW") for name in ("charges", "charges__states", "charges__versions")]
    columns = shop.ask(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = 'charges__states' ORDER BY ordinal_position"
    )
    assert columns == [("state",), ("commit",), ("source",), ("delivery",), ("shown_at",)]


@pytest.mark.parametrize("table", ["charges__versions", "charges__states"])
def test_delivery_to_the_name_of_a_view_is_refused(shop: Shop, table: str) -> None:
    with pytest.raises(TableTaken, match=f"deliver to {table}: names that end in __versions"):
        shop.deliver(a_report(charges(1), table=table))
    assert shop.store.deliveries() == []


@pytest.mark.parametrize("name", ["charges__versions", "charges__states"])
def test_users_table_of_that_name_is_told_and_can_be_dropped(shop: Shop, name: str) -> None:
    shop.change(f"CREATE TABLE {name} (mine INTEGER)")
    with pytest.raises(TableTaken, match=f"a table {name}, the name of a view that belongs to"):
        shop.deliver(a_report(charges(1)))
    shop.change(f"DROP TABLE {name}")
    assert shop.deliver(a_report(charges(1))).state is State.COMMITTED


def test_nobody_writes_into_a_view(shop: Shop) -> None:
    shop.deliver(a_report(charges(1)))
    for statement in (
        "DELETE FROM charges__states",
        "UPDATE charges__versions SET _last = 1",
        "DROP TABLE charges__versions",
        "CREATE TABLE charges__states (mine INTEGER)",
    ):
        with pytest.raises((SqlError, AssertionError)) as refused:
            shop.change(statement)
        assert re.search(r"doesn.{1,2}t support|already exists", str(refused.value))
    assert shop.ask("SELECT count(*) FROM charges__versions") == [(1,)]


def test_states_survive_a_restart(past: Past) -> None:
    past.deliver(a_report(charges(3)))
    past.shop.reopen()
    past.deliver(a_report(charges(4)).generated(hours=1))
    past.check()


def test_dry_runs_are_no_states(shop: Shop) -> None:
    shop.deliver(a_report(charges(3)))
    shop.deliver(a_report(charges(4)).generated(hours=1), dry_run=True)
    assert shop.ask("SELECT count(*) FROM charges__states") == [(1,)]

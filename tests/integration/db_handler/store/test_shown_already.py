"""A content that readers see already changes nothing, in whatever order its deliveries came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import OCTOBER, Report, a_broken_row, a_charge, a_report, charges

from costwire_db_handler.ledger import Act, State
from costwire_db_handler.repair_sheet import ReplayRequest
from costwire_focus.repairs import SheetRow, write_sheet

Shop = Any

BROKEN = a_broken_row(3, BilledCost="abc", ResourceId="wrong")
REPAIRED = ("wrong", "1")


def bill(last: int, **how: Any) -> Report:
    """A bill of nine charges and a broken row; `last`: the cost of one of the charges."""
    rows = [*charges(8), a_charge(ResourceId="last", BilledCost=f"{last}.5")]
    return a_report(rows, quarantine=[BROKEN], **how)


def shown(last: int) -> list[tuple[str, str]]:
    """What readers see of the bill, its broken row apart."""
    return [(f"disk-{i}", f"{i}.25") for i in range(1, 9)] + [("last", f"{last}.5")]


def repair(shop: Shop, commit: int) -> int:
    """Repair the broken row; gives the number of the replay."""
    cells = {**BROKEN["cells"], "BilledCost": "1"}
    text = "".join(write_sheet(shop.store.columns(commit), [SheetRow("1", "", cells)], raw=False))
    entry = shop.store.replay(commit, ReplayRequest(text.encode()), shop.tick).entry
    assert entry.balanced
    return int(entry.commit)


def opened(shop: Shop, report: Report) -> int:
    """Announce and send a delivery, and leave it open."""
    entry = shop.open(report)
    assert entry.state is State.OPEN
    shop.stage(entry.commit, report)
    return int(entry.commit)


def test_the_same_content_that_was_under_way_keeps_the_repairs(shop: Shop) -> None:
    late = opened(shop, bill(1).generated(hours=1))
    repair(shop, shop.deliver(bill(1)).commit)
    seen = shop.costs()
    entry = shop.store.commit(late, shop.tick)
    assert (entry.state, entry.rows.unrepaired, entry.balanced) == (State.UNCHANGED, 0, True)
    assert (entry.rows.stored, entry.rows.repaired, len(entry.repairs)) == (10, 1, 1)
    assert shop.costs() == seen
    assert REPAIRED in seen
    assert list(shop.store.quarantine(late)) == []


def test_the_same_content_that_was_set_aside_keeps_the_repairs(shop: Shop) -> None:
    shop.deliver(bill(0))
    held = shop.deliver(bill(1).generated(hours=-1))
    assert held.state is State.SUPERSEDED
    repair(shop, shop.deliver(bill(1).generated(hours=1)).commit)
    seen = shop.costs()
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.state, accepted.rows.unrepaired) == (State.UNCHANGED, 0)
    assert (accepted.balanced, accepted.decisions[-1].act) == (True, Act.ACCEPTED)
    assert shop.costs() == seen
    assert REPAIRED in seen


def test_content_that_was_accepted_after_a_newer_commit_is_known_when_it_comes_again(
    shop: Shop,
) -> None:
    shop.deliver(bill(0))
    aside = shop.deliver(bill(1).generated(hours=-1))
    shop.deliver(bill(1).generated(hours=1))
    shop.deliver(bill(0).generated(hours=2))
    accepted = shop.store.accept(aside.commit, shop.tick)
    assert accepted.state is State.COMMITTED
    again = shop.open(bill(1).generated(hours=3))
    assert (again.state, again.rows.unchanged) == (State.UNCHANGED, 9)
    repair(shop, aside.commit)
    assert shop.open(bill(1).generated(hours=4)).rows.repaired == 1
    assert REPAIRED in shop.costs()


def test_content_that_is_appended_twice_at_once_is_appended_once(shop: Shop) -> None:
    late = opened(shop, bill(1, mode="append").generated(hours=1))
    shop.deliver(bill(1, mode="append"))
    entry = shop.store.commit(late, shop.tick)
    assert (entry.state, entry.rows.unchanged, entry.balanced) == (State.UNCHANGED, 9, True)
    assert len(shop.costs()) == 9


def test_content_that_was_held_twice_is_appended_once(shop: Shop) -> None:
    shop.deliver(bill(1))
    held = [
        shop.deliver(bill(1, mode="append").of("other").generated(hours=hours)).commit
        for hours in (1, 2)
    ]
    for commit, state in zip(held, (State.COMMITTED, State.UNCHANGED), strict=True):
        entry = shop.store.accept(commit, shop.tick)
        assert (entry.state, entry.rows.stored, entry.balanced) == (state, 9, True)
    assert len(shop.costs()) == 18
    assert sum(entry.source == "other" for entry in shop.store.standing()) == 1


def test_an_older_copy_of_the_content_makes_it_no_older(shop: Shop) -> None:
    shop.deliver(bill(1).generated(hours=2))
    assert shop.deliver(bill(1)).state is State.SUPERSEDED
    assert shop.deliver(bill(0).generated(hours=1)).state is State.SUPERSEDED
    assert ("last", "1.5") in shop.costs()


def test_a_content_of_which_a_month_was_replaced_comes_back_whole(shop: Shop) -> None:
    both = a_report([*charges(9), *charges(9, **OCTOBER)])
    shop.deliver(both)
    shop.deliver(a_report(charges(10, **OCTOBER)).generated(hours=1))
    again = shop.deliver(both.generated(hours=2))
    assert (again.state, again.rows.removed, again.rows.unchanged) == (State.COMMITTED, 1, 18)


ARRIVALS = st.tuples(st.permutations(range(5)), st.lists(st.integers(0, 1), min_size=5, max_size=5))


@given(ARRIVALS, st.booleans())
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_the_order_of_arrival_the_newest_state_stands_and_keeps_its_repairs(
    lasting_shop: Callable[[], tuple[Shop, str]],
    arrivals: tuple[list[int], list[int]],
    at_once: bool,
) -> None:
    """Five states of a report, of two contents, each made an hour after the one before."""
    shop, table = lasting_shop()
    order, contents = arrivals
    reports = [
        bill(content, table=table, source=table).generated(hours=hour)
        for hour, content in enumerate(contents)
    ]
    if at_once:
        commits = [opened(shop, reports[hour]) for hour in order]
        entries = [shop.store.commit(commit, shop.tick) for commit in commits]
    else:
        entries = [shop.deliver(reports[hour]) for hour in order]
    assert all(entry.balanced for entry in entries)
    whole = sorted([*shown(contents[-1]), REPAIRED])
    (standing,) = shop.store.standing(table)
    repair(shop, standing.commit)
    assert shop.costs(table) == whole
    for hour in order:
        entry = shop.deliver(reports[hour])
        if hour == 4:
            assert (entry.state, entry.rows.repaired) == (State.UNCHANGED, 1)
        assert shop.costs(table) == whole
    aside = [
        entry.commit
        for entry in shop.store.deliveries(table)
        if entry.state is State.SUPERSEDED and entry.id == standing.id
    ]
    for commit in aside:
        assert shop.store.accept(commit, shop.tick).state is State.UNCHANGED
    assert shop.costs(table) == whole


@pytest.mark.parametrize("read_first", [True, False])
def test_a_return_to_an_older_content_is_one_only_if_it_was_read_later(
    shop: Shop, read_first: bool
) -> None:
    shop.deliver(bill(0))
    shop.deliver(bill(1).generated(hours=1))
    back = bill(0) if read_first else bill(0).read_again(hours=2)
    expected = State.SUPERSEDED if read_first else State.COMMITTED
    assert shop.deliver(back).state is expected

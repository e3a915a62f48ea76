"""Old history leaves, current charges never, and nobody is answered wrongly for what has left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import OCTOBER, SEPTEMBER, a_report, charges
from tests.support.versions import as_of, versions

from costwire_db_handler.answers.changes import ChangesQuestion, changes
from costwire_db_handler.errors import HistoryGone
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores.duckdb import retiring as duckdb_retiring

Shop = Any


def later(shop: Shop, days: float) -> None:
    shop.now += timedelta(days=days)


def retire(shop: Shop, days: float, table: str = "charges") -> Entry | None:
    now: datetime = shop.tick()
    entry: Entry | None = shop.store.retire(table, now - timedelta(days=days), shop.tick)
    return entry


def three_states(shop: Shop) -> list[int]:
    """Three states, ten days apart, of which each corrects ten charges; gives their numbers."""
    states = []
    for number in range(3):
        rows = [*charges(10, BilledCost=str(number + 1)), *charges(20, BilledCost="9", **OCTOBER)]
        shop.deliver(a_report(rows).generated(days=number))
        states.append(max(each.opened for each in versions(shop.store)))
        later(shop, 10)
    return states


def test_versions_that_were_closed_long_ago_leave(shop: Shop) -> None:
    first, second, third = three_states(shop)
    before = versions(shop.store)
    told = retire(shop, 15)
    assert told is not None
    assert (told.state, told.rows.retired, told.horizon) == (State.RETIRED, 10, second)
    assert told.reason
    assert told.source == "costwire:retention"
    assert told.balanced
    left = versions(shop.store)
    assert left == [each for each in before if each.ended != second]
    assert shop.store.horizon("charges") == second > first
    for state in (second, third):
        assert as_of(left, state) == as_of(before, state)
    assert len(shop.costs()) == 30
    assert shop.store.deliveries()[-1] == told
    assert retire(shop, 15) is None
    assert shop.store.horizon("charges") == second


def test_entry_is_no_older_than_the_states_before_it(shop: Shop) -> None:
    three_states(shop)
    newest = shop.store.deliveries()[-1].times.committed
    cutoff = shop.now - timedelta(days=15)
    shop.now -= timedelta(days=12)
    told = shop.store.retire("charges", cutoff, shop.tick)
    assert told.times.committed == newest


def test_horizon_covers_only_what_has_left(
    duckdb_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little goes in a while, it is something."""
    shop = duckdb_shop
    monkeypatch.setattr(duckdb_retiring, "_SECONDS", 0.0)
    for number, (cost, other) in enumerate([("1", "1"), ("2", "1"), ("2", "2")]):
        rows = [*charges(3, BilledCost=cost), *charges(4, BilledCost=other, **OCTOBER)]
        shop.deliver(a_report(rows).generated(days=number))
        later(shop, 10)
    _, second, third = (entry.commit for entry in shop.store.deliveries())
    later(shop, 100)
    for rows_left, state in ((3, second), (4, third)):
        told = retire(shop, 5)
        assert told is not None
        assert (told.rows.retired, told.horizon) == (rows_left, state)
        assert shop.store.horizon("charges") == state
    assert retire(shop, 5) is None


def test_nothing_leaves_before_its_time(shop: Shop) -> None:
    three_states(shop)
    before = versions(shop.store), shop.store.deliveries()
    assert retire(shop, 25) is None
    assert (versions(shop.store), shop.store.deliveries()) == before
    assert shop.store.horizon("charges") == 0
    assert shop.store.horizon("unheard_of") == 0
    assert retire(shop, 1, "unheard_of") is None


def test_current_charges_never_leave(shop: Shop) -> None:
    states = three_states(shop)
    later(shop, 1_000)
    told = retire(shop, 1)
    assert told is not None
    assert told.rows.retired == 20
    assert len(shop.costs()) == len(versions(shop.store)) == 30
    assert shop.store.horizon("charges") == states[-1]


def test_unseen_charges_leave_once_they_were_decided_against(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)).generated(hours=3))
    late = shop.deliver(a_report(charges(29)))
    rejected = shop.deliver(a_report(charges(3)).generated(hours=4))
    shop.store.reject(rejected.commit, shop.tick)
    held = shop.deliver(a_report(charges(4)).generated(hours=5))
    assert (late.state, held.state) == (State.SUPERSEDED, State.HELD)
    later(shop, 20)
    told = retire(shop, 15)
    assert told is not None
    assert told.rows.retired == 29 + 3
    assert shop.store.horizon("charges") == 0
    assert len(versions(shop.store)) == 30 + 4
    for commit in (late.commit, rejected.commit):
        entry = shop.store.delivery(commit)
        assert entry.rows.retired == entry.rows.stored == entry.rows.read
        assert entry.balanced
        with pytest.raises(HistoryGone):
            shop.store.accept(commit, shop.tick)
    assert retire(shop, 15) is None
    assert shop.store.accept(held.commit, shop.tick).state is State.COMMITTED


def test_what_was_held_is_superseded_from_that_moment_on(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    held = shop.deliver(a_report(charges(3)).generated(hours=1))
    later(shop, 20)
    shop.deliver(a_report(charges(31)).generated(hours=2))
    assert shop.store.delivery(held.commit).state is State.SUPERSEDED
    assert retire(shop, 15) is None
    later(shop, 20)
    told = retire(shop, 15)
    assert told is not None
    assert told.rows.retired == 3


def test_way_back_to_a_state_that_has_left_is_delivered_anew(shop: Shop) -> None:
    """A, then B, then A again."""
    one = a_report([*charges(10), *charges(20, **OCTOBER)])
    other = a_report([*charges(10, BilledCost="7"), *charges(20, **OCTOBER)])
    shop.deliver(one)
    later(shop, 10)
    shop.deliver(other.generated(days=10))
    later(shop, 20)
    assert retire(shop, 15) is not None
    back = shop.deliver(one.read_again(days=40))
    assert (back.state, back.rows.added, back.balanced) == (State.COMMITTED, 10, True)


AS_OF = (
    "SELECT count(*), sum(BilledCost)::text FROM charges__versions "
    "WHERE ? BETWEEN _commit AND _last"
)


def test_sql_tells_no_state_that_has_left(shop: Shop) -> None:
    first, second, third = three_states(shop)
    before = {state: shop.ask(AS_OF, state) for state in (second, third)}
    assert retire(shop, 15) is not None
    assert shop.ask("SELECT state FROM charges__states ORDER BY 1") == [(second,), (third,)]
    assert shop.ask(AS_OF, first) == [(0, None)]
    assert {state: shop.ask(AS_OF, state) for state in before} == before
    later(shop, 20)
    assert retire(shop, 15) is not None
    assert shop.ask(AS_OF, second) == [(0, None)]
    assert shop.ask(AS_OF, third) == before[third]
    shop.deliver(a_report([*charges(30, x_Late="1")]).generated(days=9))
    shop.reopen()
    assert shop.ask(AS_OF, second) == [(0, None)]
    assert shop.ask(AS_OF, third) == before[third]


def test_what_is_kept_unseen_stays_in_no_state(shop: Shop) -> None:
    three_states(shop)
    held = shop.deliver(a_report(charges(4)).generated(days=4))
    assert held.state is State.HELD
    assert retire(shop, 15) is not None
    unseen = "SELECT count(*) FROM charges__versions WHERE _last < _commit"
    assert shop.ask(unseen) == [(4,)]


def test_charges_from_several_states_before_the_horizon_stay_apart(shop: Shop) -> None:
    """Rows of two deliveries may have the same number; they are told apart by their state."""

    def deliver(source: str, cost: str, days: int) -> None:
        rows = charges(5, BilledCost=cost, ServiceName=source)
        shop.deliver(a_report(rows, source=source).generated(days=days))
        later(shop, 10)

    for number, source in enumerate(["a", "b", "c", "a"]):
        deliver(source, str(number + 1), number)
    ((begin,),) = shop.ask("SELECT max(state) FROM charges__states")
    deliver("b", "7", 8)
    deliver("c", "8", 9)

    def changed() -> list[Any]:
        given = [("table", "charges"), ("from", str(begin)), ("by", "ServiceName")]
        with shop.store.versions("charges") as found:
            answer = changes(found, ChangesQuestion.read(given), shop.now)
        return [(row.group, row.parts) for row in answer.rows]

    before = changed()
    assert before
    assert retire(shop, 25) is not None
    assert shop.store.horizon("charges") == begin
    assert changed() == before


def test_history_stays_retired_after_a_restart(shop: Shop) -> None:
    three_states(shop)
    retire(shop, 15)
    before = versions(shop.store), shop.store.deliveries(), shop.store.horizon("charges")
    shop.reopen()
    now = versions(shop.store), shop.store.deliveries(), shop.store.horizon("charges")
    assert now == before


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=3, max_size=6))
def test_states_from_the_horizon_on_are_as_they_were(
    lasting_shop: Callable[[], tuple[Shop, str]], steps: list[tuple[int, int]]
) -> None:
    shop, table = lasting_shop()
    shown: dict[int, list[tuple[str | None, Decimal | None]]] = {}
    for number, (cost, days) in enumerate(steps):
        rows = [*charges(3, BilledCost=str(cost), **SEPTEMBER), *charges(4, **OCTOBER)]
        shop.deliver(a_report(rows, table=table).generated(hours=number).read_again(days=number))
        found = versions(shop.store, table)
        newest = max(each.opened for each in found)
        shown[newest] = as_of(found, newest)
        retire(shop, 10, table)
        later(shop, days)
        found, horizon = versions(shop.store, table), shop.store.horizon(table)
        assert as_of(found, newest) == shown[newest]
        for state, told in shown.items():
            if state >= horizon:
                assert as_of(found, state) == told
        # No state is refused without need.
        if horizon:
            earlier = [state for state in shown if state < horizon]
            assert as_of(found, max(earlier)) != shown[max(earlier)]

"""Deliveries that wait for a person, and those that come too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.factories import OCTOBER, Report, a_charge, a_report, an_unusable_row, charges

from costwire_db_handler.errors import WrongState
from costwire_db_handler.ledger import Entry, Rows, State
from costwire_focus.manifest import Changes

Shop = Any
MakeShop = Callable[..., Any]


@pytest.fixture
def month(shop: Shop) -> Shop:
    """Thirty charges of September are there."""
    shop.deliver(a_report(charges(30)))
    return shop


def a_third() -> Report:
    return a_report(charges(10)).generated(hours=1)


def test_report_cut_to_a_third_is_held_and_readers_see_nothing_of_it(month: Shop) -> None:
    held = month.deliver(a_third())
    assert held.state is State.HELD
    assert held.reason == "it would withdraw 20 of 30 charges"
    assert held.rows == Rows(read=10, stored=10, held=10)
    assert held.balanced
    assert len(month.costs()) == 30


def test_accepted_delivery_is_what_readers_see(month: Shop) -> None:
    held = month.deliver(a_third())
    accepted = month.store.accept(held.commit, month.tick)
    assert (accepted.commit, accepted.state, accepted.reason) == (held.commit, "committed", None)
    assert accepted.rows == Rows(read=10, stored=10, removed=20, unchanged=10)
    assert accepted.balanced
    assert month.costs() == sorted((f"disk-{i}", f"{i}.25") for i in range(1, 11))
    assert month.deliver(a_third().read_again(hours=1)).state is State.UNCHANGED


def test_rejected_delivery_stays_unseen_and_can_still_be_accepted(month: Shop) -> None:
    held = month.deliver(a_third())
    rejected = month.store.reject(held.commit, month.tick)
    assert (rejected.state, rejected.balanced) == (State.REJECTED, True)
    assert len(month.costs()) == 30
    assert month.store.accept(held.commit, month.tick).rows.removed == 20
    assert len(month.costs()) == 10


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_only_what_waits_can_be_decided(month: Shop, act: str) -> None:
    commit = month.store.deliveries()[0].commit
    with pytest.raises(WrongState, match=f"{act} {commit}: it is committed"):
        getattr(month.store, act)(commit, month.tick)


def test_one_period_that_shrinks_holds_the_whole_report(shop: Shop) -> None:
    shop.deliver(a_report([*charges(200), *charges(30, **OCTOBER)]))
    entry = shop.deliver(a_report([*charges(200), *charges(20, **OCTOBER)]).generated(hours=1))
    assert entry.state is State.HELD
    assert entry.reason == (
        "it would withdraw 10 of 30 charges of the billing period 2024-10-01T00:00:00Z"
    )


def test_corrections_are_no_withdrawals(month: Shop) -> None:
    corrected = [row | {"BilledCost": "7"} for row in charges(30)]
    entry = month.deliver(a_report(corrected).generated(hours=1))
    assert (entry.state, entry.rows.corrected) == (State.COMMITTED, 30)


def test_empty_report_is_held_and_accepted_clears_the_source(month: Shop) -> None:
    month.deliver(a_report([a_charge(ServiceName="Compute")], source="gcp"))
    empty = a_report([], columns=["BilledCost", "BillingPeriodStart"]).generated(hours=1)
    held = month.deliver(empty)
    assert (held.state, held.reason, held.balanced) == (State.HELD, "the report is empty", True)
    assert month.store.accept(held.commit, month.tick).rows == Rows(removed=30)
    assert len(month.costs()) == 1


def test_empty_report_of_a_declared_month_clears_no_other(month: Shop) -> None:
    empty = a_report([], columns=["BilledCost"], declared=["2024-11"]).generated(hours=1)
    held = month.deliver(empty)
    assert held.state is State.HELD
    assert month.store.accept(held.commit, month.tick).rows == Rows()
    assert len(month.costs()) == 30


def test_empty_report_of_a_new_source_is_nothing(shop: Shop) -> None:
    entry = shop.deliver(a_report([], columns=["BilledCost"]))
    assert (entry.state, entry.rows, entry.balanced) == (State.UNCHANGED, Rows(), True)


def test_same_content_under_another_name_is_held(month: Shop) -> None:
    held = month.deliver(a_report(charges(30)).of("aws-again"))
    assert held.state is State.HELD
    assert held.reason == "30 of its 30 charges were delivered by aws already"
    assert len(month.costs()) == 30
    accepted = month.store.accept(held.commit, month.tick)
    assert accepted.balanced
    assert len(month.costs()) == 60


def test_older_state_that_comes_late_is_superseded(month: Shop) -> None:
    month.deliver(a_report(charges(29)).generated(hours=2))
    late = month.deliver(a_report(charges(28)).generated(hours=1))
    assert (late.state, late.balanced) == (State.SUPERSEDED, True)
    assert late.reason == "an older state than that of commit 2 for 2024-09-01T00:00:00Z"
    assert late.rows == Rows(read=28, stored=28)
    assert len(month.costs()) == 29


def test_older_file_that_was_not_read_anew_is_no_return(month: Shop) -> None:
    month.deliver(a_report(charges(29)).generated(hours=2))
    assert month.deliver(a_report(charges(30))).state is State.SUPERSEDED
    assert month.deliver(a_report(charges(30)).read_again(hours=3)).state is State.COMMITTED


def test_superseded_delivery_can_be_accepted(month: Shop) -> None:
    month.deliver(a_report(charges(29)).generated(hours=2))
    late = month.deliver(a_report(charges(28)).generated(hours=1))
    month.store.accept(late.commit, month.tick)
    assert len(month.costs()) == 28
    newer = month.deliver(a_report(charges(29)).generated(hours=2).read_again(hours=1))
    assert (newer.state, newer.rows.added) == (State.COMMITTED, 1)


def test_state_that_is_older_for_some_periods_only_is_held(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)).generated(hours=2))
    mixed = a_report([*charges(30), *charges(5, **OCTOBER)]).generated(hours=1)
    shop.deliver(a_report(charges(5, **OCTOBER)))
    entry = shop.deliver(mixed)
    assert entry.state is State.HELD
    assert entry.reason.endswith("the newest for its other periods")


def test_newer_state_settles_what_was_held(month: Shop) -> None:
    held = month.deliver(a_third())
    newer = month.deliver(a_report(charges(29)).generated(hours=2))
    settled = month.store.delivery(held.commit)
    assert (settled.state, settled.reason) == (
        State.SUPERSEDED,
        f"commit {newer.commit} is a newer state",
    )


def test_older_state_leaves_a_newer_one_held(month: Shop) -> None:
    held = month.deliver(a_third().generated(hours=5))
    month.deliver(a_report(charges(29)).generated(hours=1))
    assert month.store.delivery(held.commit).state is State.HELD


def test_newer_held_state_settles_the_older_held_one(month: Shop) -> None:
    older = month.deliver(a_third())
    newer = month.deliver(a_report(charges(9)).generated(hours=2))
    states = [month.store.delivery(entry.commit).state for entry in (older, newer)]
    assert states == [State.SUPERSEDED, State.HELD]


def test_first_state_after_an_accepted_one_is_a_return_to_it(month: Shop) -> None:
    held = month.deliver(a_third())
    month.store.accept(held.commit, month.tick)
    back = month.deliver(a_report(charges(30)).read_again(hours=2))
    assert (back.state, back.rows.added) == (State.COMMITTED, 20)


def refused_later() -> Report:
    """A report with one row in the exporter's quarantine, and one for the handler's."""
    rows = [*charges(10), a_charge(ListCost="1e20", EffectiveCost="1e-24", ResourceId="odd")]
    fine = [a_charge(ListCost="1e-24", ResourceId="fine")]
    return a_report([*rows, *fine], quarantine=[an_unusable_row()], quarantined_cost="3.5")


def has_one_refused(entry: Entry) -> bool:
    line = entry.sums["USD"]["ListCost"]
    assert line is not None
    return (entry.rows.quarantined, line.quarantined) == (2, "100000000000000000000")


def test_accepted_delivery_keeps_its_quarantine_in_the_balance(month: Shop) -> None:
    held = month.deliver(refused_later().generated(hours=1))
    assert (held.state, held.balanced, has_one_refused(held)) == (State.HELD, True, True)
    accepted = month.store.accept(held.commit, month.tick)
    assert (accepted.balanced, has_one_refused(accepted)) == (True, True)


def test_repeated_delivery_shows_the_quarantine_of_the_first(shop: Shop) -> None:
    shop.deliver(refused_later())
    for hours in (1, 2):
        again = shop.deliver(refused_later().read_again(hours=hours))
        assert (again.state, again.balanced) == (State.UNCHANGED, True)
        assert has_one_refused(again)
        rules = [row["rule"] for row in shop.store.quarantine(again.commit)]
        assert sorted(rules) == ["CW-AmountDigits", "CW-AmountUnreadable"]


def test_thresholds_are_settings(make_shop: MakeShop) -> None:
    shop = make_shop(withdrawn_share=0.7, repeated_share=1)
    shop.deliver(a_report(charges(30)))
    assert shop.deliver(a_third()).state is State.COMMITTED
    assert shop.deliver(a_third().of("other")).state is State.COMMITTED


def test_held_delivery_that_comes_again_is_that_delivery(month: Shop) -> None:
    held = month.deliver(a_third())
    assert month.deliver(a_third().read_again(hours=1)) == held
    assert [entry.commit for entry in month.store.deliveries()] == [1, held.commit]


def test_held_delivery_of_an_exporter_that_told_no_currency_is_that_delivery(month: Shop) -> None:
    held = month.deliver(a_third())
    assert month.deliver(a_third().but(currency="EUR", dates="mdy")) == held


def test_held_delivery_that_is_rendered_in_another_way_is_that_delivery(month: Shop) -> None:
    """An exporter that lost its folder tells as a whole what it had told by its changes."""
    held = month.deliver(a_third())
    other = a_third().manifest.exposition.model_copy(update={"sha256": "f" * 64, "bytes": 7})
    changes = Changes(since="e" * 64, added=other, removed=other)
    assert month.deliver(a_third().but(exposition=other, changes=changes)) == held


def test_rejected_delivery_that_comes_again_asks_nobody_twice(month: Shop) -> None:
    held = month.deliver(a_third())
    rejected = month.store.reject(held.commit, month.tick)
    assert month.deliver(a_third().read_again(hours=1)) == rejected
    assert month.deliver(a_third().generated(hours=2)).state is State.HELD


def test_superseded_delivery_that_comes_again_is_that_delivery(month: Shop) -> None:
    late = a_report(charges(29)).generated(hours=-1)
    superseded = month.deliver(late)
    assert superseded.state is State.SUPERSEDED
    assert month.deliver(late.read_again(hours=1)) == superseded
    assert len(month.store.deliveries()) == 2


def test_superseded_delivery_comes_to_be_the_newest_when_an_older_one_is_accepted(
    month: Shop,
) -> None:
    late = a_report(charges(29)).generated(hours=-1)
    older = month.deliver(a_report(charges(28)).generated(hours=-2))
    superseded = month.deliver(late)
    month.store.accept(older.commit, month.tick)
    again = month.deliver(late.read_again(hours=1))
    assert (again.state, again.commit > superseded.commit) == (State.COMMITTED, True)


def test_return_to_what_readers_see_settles_what_was_held(month: Shop) -> None:
    held = month.deliver(a_third())
    assert month.deliver(a_report(charges(30)).generated(hours=2)).state is State.UNCHANGED
    assert month.store.delivery(held.commit).state is State.SUPERSEDED

"""The time of a state is that at which readers began to see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.factories import NOW, Report, a_report, charges

from costwire_db_handler.ledger import Entry, State

Shop = Any


def staged(shop: Shop, report: Report) -> int:
    """An open delivery of which everything has arrived."""
    entry = shop.open(report)
    shop.stage(entry.commit, report)
    commit: int = entry.commit
    return commit


class Witness:
    """A clock that notes what readers see whenever it is asked."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.seen: list[tuple[datetime, int]] = []

    def __call__(self) -> datetime:
        now: datetime = self._shop.tick()
        self.seen.append((now, len(self._shop.costs())))
        return now


def test_state_has_the_last_time_at_which_readers_saw_the_one_before(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    witness = Witness(shop)
    entry = shop.store.commit(staged(shop, a_report(charges(29)).generated(hours=1)), witness)
    assert witness.seen[-1] == (entry.times.committed, 30)
    assert len(shop.costs()) == 29


def test_accepted_delivery_has_the_time_of_its_acceptance(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    held = shop.deliver(a_report(charges(5)).generated(hours=1))
    shop.now += timedelta(days=1)
    witness = Witness(shop)
    accepted = shop.store.accept(held.commit, witness)
    assert witness.seen[-1] == (accepted.times.committed, 30)
    assert accepted.times.committed > held.times.committed + timedelta(days=1)
    assert shop.store.delivery(held.commit).times == accepted.times


def committed(shop: Shop, report: Report, at: datetime) -> Entry:
    entry = shop.store.open_delivery(report.manifest, lambda: at)
    if entry.state is State.OPEN:
        shop.stage(entry.commit, report)
        entry = shop.store.commit(entry.commit, lambda: at)
    told: Entry = shop.store.delivery(entry.commit)
    return told


def test_times_of_states_never_go_back_with_the_clock(shop: Shop) -> None:
    """As after a clock was set, or where handlers' clocks differ."""
    noon, before = NOW, NOW - timedelta(hours=3)
    assert committed(shop, a_report(charges(30)), noon).times.committed == noon
    changed = committed(shop, a_report(charges(29)).generated(hours=1), before)
    assert (changed.state, changed.times.committed) == (State.COMMITTED, noon)
    repeated = committed(shop, a_report(charges(29)).generated(hours=2), before)
    assert (repeated.state, repeated.times.committed) == (State.UNCHANGED, noon)
    other = committed(shop, a_report(charges(3), table="others"), before)
    assert other.times.committed == before


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_what_a_person_decides_is_not_earlier_than_what_was_decided_before(
    shop: Shop, act: str
) -> None:
    shop.deliver(a_report(charges(30)))
    held = shop.deliver(a_report(charges(5)).generated(hours=1))
    decided = getattr(shop.store, act)(held.commit, lambda: NOW - timedelta(hours=1))
    assert decided.times.committed == held.times.committed


def test_dry_run_has_a_time_and_makes_no_state(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    late = shop.now + timedelta(days=9)
    report = a_report(charges(29)).generated(hours=1)
    commit = staged(shop, report)
    told = shop.store.commit(commit, lambda: late, dry_run=True)
    assert told.times.committed == late
    assert shop.store.commit(commit, shop.tick).times.committed < late

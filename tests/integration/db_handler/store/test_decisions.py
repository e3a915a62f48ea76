"""The ledger tells who decided what on a delivery, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.factories import a_report, charges

from costwire_db_handler.ledger import Act, Decision, Entry, HeldFor, State
from costwire_db_handler.stores import StoreLimits
from costwire_db_handler.users import Caller, Role

Shop = Any
CUT = a_report(charges(10)).generated(hours=1)


@pytest.fixture
def month(shop: Shop) -> Shop:
    """Thirty charges are there."""
    shop.deliver(a_report(charges(30)))
    return shop


def acts(entry: Entry) -> list[tuple[Act, str | None]]:
    return [(decision.act, decision.by) for decision in entry.decisions]


def test_committed_delivery_was_decided_on_by_the_handler(month: Shop) -> None:
    entry = month.store.delivery(1)
    (decision,) = entry.decisions
    assert decision == Decision(act=Act.COMMITTED, at=entry.times.committed)
    again = month.deliver(a_report(charges(30)).generated(hours=1))
    assert acts(again) == [(Act.UNCHANGED, None)]


@pytest.mark.parametrize(("act", "told"), [("accept", Act.ACCEPTED), ("reject", Act.REJECTED)])
def test_who_decided_on_what_was_held_is_told(month: Shop, act: str, told: Act) -> None:
    held = month.deliver(CUT)
    decided = getattr(month.of(month.user), act)(held.commit, month.tick)
    first, second = decided.decisions
    assert [first] == held.decisions
    assert first.reason == "it would withdraw 20 of 30 charges"
    assert (first.act, first.by, first.kind) == (Act.HELD, None, HeldFor.WITHDRAWN)
    assert (second.act, second.by, second.reason) == (told, month.user.name, None)
    assert first.at < second.at == decided.times.committed
    assert month.store.delivery(held.commit) == decided


def test_every_change_of_mind_is_told(month: Shop) -> None:
    held = month.deliver(CUT)
    month.of(month.user).reject(held.commit, month.tick)
    accepted = month.store.accept(held.commit, month.tick)
    assert acts(accepted) == [
        (Act.HELD, None),
        (Act.REJECTED, month.user.name),
        (Act.ACCEPTED, None),
    ]


def test_held_delivery_that_a_newer_one_overtook_tells_both(month: Shop) -> None:
    held = month.deliver(CUT)
    newer = month.deliver(a_report(charges(29)).generated(hours=2))
    overtaken = month.store.delivery(held.commit)
    assert acts(overtaken) == [(Act.HELD, None), (Act.SUPERSEDED, None)]
    last = overtaken.decisions[-1]
    assert last.at == newer.times.committed
    assert last.reason == overtaken.reason == f"commit {newer.commit} is a newer state"
    assert (overtaken.state, overtaken.rows.held) == (State.SUPERSEDED, 0)
    assert overtaken.times == held.times


def test_who_gave_a_delivery_up_is_told(make_shop: Any) -> None:
    shop = make_shop(StoreLimits(open_hours=1))
    entry = shop.open(a_report(charges(3)))
    shop.of(shop.user).abort(entry.commit, shop.tick)
    assert acts(shop.store.delivery(entry.commit)) == [(Act.ABORTED, shop.user.name)]
    forsaken = shop.open(a_report(charges(4)))
    shop.now += timedelta(hours=2)
    shop.open(a_report(charges(5)))
    (decision,) = shop.store.delivery(forsaken.commit).decisions
    assert (decision.by, decision.reason) == (None, "nobody finished it in time")


def test_user_of_the_handlers_own_name_is_a_user(duckdb_shop: Shop) -> None:
    duckdb_shop.deliver(a_report(charges(30)))
    held = duckdb_shop.deliver(CUT)
    admin = Caller("costwire", Role.ADMIN)
    accepted = duckdb_shop.of(admin).accept(held.commit, duckdb_shop.tick)
    assert acts(accepted)[-1] == (Act.ACCEPTED, "costwire")

"""Deliveries in append mode add, and replace nothing."""

from __future__ import annotations

from typing import Any

from tests.factories import Report, a_report, charges

from costwire_db_handler.ledger import Rows, State

Shop = Any


def appended(number: int, service: str = "Storage") -> Report:
    return a_report(charges(number, ServiceName=service), mode="append")


def test_appended_charges_stand_beside_those_before(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    entry = shop.deliver(appended(3))
    assert (entry.state, entry.rows) == (State.COMMITTED, Rows(read=3, stored=3, added=3))
    assert entry.balanced
    assert len(shop.costs()) == 33


def test_same_content_is_appended_once(shop: Shop) -> None:
    shop.deliver(appended(3))
    for hours in (1, 2):
        again = shop.deliver(appended(3).read_again(hours=hours))
        assert (again.state, again.rows) == (
            State.UNCHANGED,
            Rows(read=3, stored=3, unchanged=3),
        )
        assert again.balanced
    assert len(shop.costs()) == 3


def test_appended_charges_that_were_withdrawn_can_be_appended_again(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    shop.deliver(appended(3, "Compute"))
    shop.deliver(a_report(charges(30)).read_again(hours=1))
    assert len(shop.costs()) == 30
    again = shop.deliver(appended(3, "Compute").read_again(hours=2))
    assert (again.state, again.rows.added) == (State.COMMITTED, 3)


def test_replacing_delivery_is_no_repeat_after_something_was_appended(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    shop.deliver(appended(3, "Compute"))
    back = shop.deliver(a_report(charges(30)).read_again(hours=1))
    assert back.rows == Rows(read=30, stored=30, removed=3, unchanged=30)
    assert back.balanced


def test_appending_leaves_what_is_held_as_it_is(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    held = shop.deliver(a_report(charges(5)).generated(hours=1))
    shop.deliver(appended(3).generated(hours=2))
    assert shop.store.delivery(held.commit).state is State.HELD


def test_appended_under_another_name_is_held_and_added_when_accepted(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    held = shop.deliver(appended(30).of("other"))
    assert held.state is State.HELD
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.rows, accepted.balanced) == (Rows(read=30, stored=30, added=30), True)
    again = shop.deliver(appended(30).of("other").read_again(hours=1))
    assert (again.state, again.rows.unchanged, again.balanced) == (State.UNCHANGED, 30, True)


def test_nothing_appended_is_nothing(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    empty = a_report([], columns=["BilledCost"], mode="append")
    assert shop.deliver(empty).state is State.UNCHANGED

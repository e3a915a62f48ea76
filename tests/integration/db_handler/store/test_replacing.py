"""A delivery replaces what it is the new state of: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.factories import OCTOBER, SEPTEMBER, a_charge, a_report, charges

from costwire_db_handler.ledger import Rows, State

Shop = Any
MakeShop = Callable[..., Any]


def test_first_delivery_is_added_as_a_whole(shop: Shop) -> None:
    entry = shop.deliver(a_report(charges(30), part_rows=7))
    assert entry.state is State.COMMITTED
    assert entry.rows == Rows(read=30, stored=30, added=30)
    assert entry.balanced
    assert shop.costs() == sorted((f"disk-{i}", f"{i}.25") for i in range(1, 31))


def test_same_delivery_again_writes_nothing(shop: Shop) -> None:
    first = shop.deliver(a_report(charges(30)))
    again = shop.deliver(a_report(charges(30)).read_again(hours=1))
    assert again.state is State.UNCHANGED
    assert again.rows == Rows(read=30, stored=30, unchanged=30)
    assert again.balanced
    assert again.sums == first.sums
    assert [entry.commit for entry in shop.store.deliveries()] == [first.commit, again.commit]


def a_changed_month() -> list[dict[str, str | None]]:
    """Of 30 charges three deleted, two amounts changed, one doubled."""
    rows = charges(30)
    rows[10]["BilledCost"] = "99.5"
    rows[11]["EffectiveCost"] = "0.000001"
    return [*rows[3:], rows[20]]


def test_only_what_changed_is_written(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    entry = shop.deliver(a_report(a_changed_month()).generated(hours=1))
    assert entry.state is State.COMMITTED
    assert entry.rows == Rows(read=28, stored=28, added=3, removed=5, corrected=2, unchanged=25)
    assert entry.balanced
    costs = dict(shop.costs())
    assert "disk-1" not in costs
    assert costs["disk-11"] == "99.5"
    assert shop.costs().count(("disk-21", "21.25")) == 2


def test_return_to_an_earlier_state_is_applied(shop: Shop) -> None:
    first = a_report(charges(30))
    shop.deliver(first)
    before = shop.costs()
    shop.deliver(a_report(a_changed_month()).generated(hours=1))
    entry = shop.deliver(first.read_again(hours=2))
    assert entry.state is State.COMMITTED
    assert entry.rows == Rows(read=30, stored=30, added=5, removed=3, corrected=2, unchanged=25)
    assert shop.costs() == before


def test_order_spelling_and_empty_columns_change_nothing(shop: Shop) -> None:
    shop.deliver(a_report([*charges(30), *charges(2)]))
    respelled = [
        row
        | {
            "BilledCost": f"{row['BilledCost']}00",
            "EffectiveCost": "125E-2",
            "ListCost": "+2.0",
            "ChargePeriodStart": "2024-09-01T02:00:00+02:00",
            "x_New": None,
        }
        for row in reversed([*charges(2), *charges(30)])
    ]
    entry = shop.deliver(a_report(respelled).generated(hours=1))
    assert entry.state is State.UNCHANGED
    assert entry.rows == Rows(read=32, stored=32, unchanged=32)
    assert entry.balanced


def with_tags(tags: str) -> list[dict[str, str | None]]:
    return [a_charge(Tags=tags), *charges(9)]


def test_order_of_tags_changes_nothing(shop: Shop) -> None:
    shop.deliver(a_report(with_tags('{"a": "1", "b": {"y": 2, "x": [1.50]}}')))
    turned = a_report(with_tags('{"b":{"x":[1.50],"y":2},"a":"1"}')).generated(hours=1)
    assert shop.deliver(turned).rows.unchanged == 10
    changed = a_report(with_tags('{"b":{"x":[1.51],"y":2},"a":"1"}')).generated(hours=2)
    assert shop.deliver(changed).rows.added == 1


def test_identical_charges_add_up(shop: Shop) -> None:
    shop.deliver(a_report([a_charge()] * 5))
    fewer = shop.deliver(a_report([a_charge()] * 4).generated(hours=1))
    assert (fewer.rows.removed, fewer.rows.unchanged) == (1, 4)
    assert shop.ask("SELECT count(*), sum(BilledCost)::text FROM charges")[0][0] == 4


def test_null_is_another_value_than_zero_and_empty_text_is_null(shop: Shop) -> None:
    shop.deliver(a_report([a_charge(BilledCost=None, ServiceName=None), *charges(9)]))
    zero = [a_charge(BilledCost="0", ServiceName=None), *charges(9)]
    assert shop.deliver(a_report(zero).generated(hours=1)).rows.corrected == 1
    assert shop.ask("SELECT count(*) FROM charges WHERE BilledCost IS NULL") == [(0,)]
    assert shop.ask("SELECT count(*) FROM charges WHERE ServiceName IS NULL") == [(1,)]


def test_texts_that_look_alike_when_joined_stay_apart(shop: Shop) -> None:
    shop.deliver(a_report([{**a_charge(), "x_a": "b=c", "x_a=b": None}, *charges(9)]))
    other = a_report([{**a_charge(), "x_a": None, "x_a=b": "c"}, *charges(9)])
    assert shop.deliver(other.generated(hours=1)).rows.added == 1
    joined = a_report([{**a_charge(), "x_a": "1\x1f2", "x_b": None}, *charges(9)])
    shop.deliver(joined.generated(hours=2))
    parted = a_report([{**a_charge(), "x_a": "1", "x_b": "2"}, *charges(9)])
    assert shop.deliver(parted.generated(hours=3)).rows.added == 1


@pytest.fixture
def two_months(shop: Shop) -> Shop:
    shop.deliver(a_report([*charges(10), *charges(10, **OCTOBER)]))
    return shop


def test_other_billing_periods_of_the_source_stay(two_months: Shop) -> None:
    entry = two_months.deliver(a_report(charges(9, **SEPTEMBER)).generated(hours=1))
    assert (entry.rows.removed, entry.rows.added, entry.rows.stored) == (1, 0, 9)
    assert entry.balanced
    assert len(two_months.costs()) == 19


def test_other_sources_stay(two_months: Shop) -> None:
    other = [row | {"ServiceName": "Compute"} for row in charges(10)]
    entry = two_months.deliver(a_report(other, source="gcp"))
    assert (entry.state, entry.rows.removed) == (State.COMMITTED, 0)
    assert len(two_months.costs()) == 30


def test_other_tables_are_other_worlds(two_months: Shop) -> None:
    entry = two_months.deliver(a_report(charges(3), table="other"))
    assert entry.rows == Rows(read=3, stored=3, added=3)
    assert len(two_months.costs()) == 20
    assert len(two_months.costs("other")) == 3
    assert [e.commit for e in two_months.store.deliveries("other")] == [entry.commit]


def test_declared_month_clears_what_the_report_no_longer_names(two_months: Shop) -> None:
    gone = a_report(charges(10), declared=["2024-09", "2024-10"]).generated(hours=1)
    held = two_months.deliver(gone)
    assert (held.state, held.reason) == (State.HELD, "it would withdraw 10 of 20 charges")
    entry = two_months.store.accept(held.commit, two_months.tick)
    assert (entry.rows.removed, entry.rows.unchanged) == (10, 10)
    assert len(two_months.costs()) == 10


def test_months_of_another_time_zone_are_found_by_their_middle(shop: Shop) -> None:
    september = {
        "BillingPeriodStart": "2024-09-01T07:00:00Z",
        "BillingPeriodEnd": "2024-10-01T07:00:00Z",
    }
    tokyo = {
        "BillingPeriodStart": "2024-08-31T15:00:00Z",
        "BillingPeriodEnd": "2024-09-30T15:00:00Z",
    }
    shop.deliver(a_report([*charges(10, **september), *charges(10, **tokyo)]))
    entry = shop.deliver(a_report(charges(9, **september), declared=["2024-09"]).generated(hours=1))
    assert (entry.state, entry.reason) == (State.HELD, "it would withdraw 11 of 20 charges")


def test_charges_without_billing_period_belong_to_the_month_they_were_used_in(
    make_shop: MakeShop,
) -> None:
    shop = make_shop(withdrawn_share=1)
    bare = {"BillingPeriodStart": None, "BillingPeriodEnd": None}
    shop.deliver(a_report([*charges(10, **bare), *charges(10, **OCTOBER)]))
    entry = shop.deliver(a_report(charges(9, **SEPTEMBER)).generated(hours=1))
    assert (entry.rows.added, entry.rows.removed, entry.rows.stored) == (9, 10, 9)


def test_charges_without_any_period_are_a_scope_of_their_own(shop: Shop) -> None:
    bare = dict.fromkeys((*SEPTEMBER, "ChargePeriodStart", "ChargePeriodEnd"))
    shop.deliver(a_report([*charges(10, **bare), *charges(10)]))
    entry = shop.deliver(a_report(charges(9, **bare)).generated(hours=1))
    assert (entry.rows.removed, entry.rows.unchanged) == (1, 9)
    assert entry.balanced
    assert entry.billing_periods[0].start is None
    assert len(shop.costs()) == 19


def test_charges_without_any_period_belong_to_the_one_declared_month(shop: Shop) -> None:
    bare = dict.fromkeys((*SEPTEMBER, "ChargePeriodStart", "ChargePeriodEnd"))
    shop.deliver(a_report(charges(10, **bare), declared=["2024-09"]))
    october = shop.deliver(a_report(charges(5, **bare), declared=["2024-10"]).generated(hours=1))
    assert (october.state, october.rows.removed) == (State.COMMITTED, 0)
    assert len(shop.costs()) == 15


def test_charges_without_any_period_are_found_again_when_their_month_is_declared_later(
    shop: Shop,
) -> None:
    bare = dict.fromkeys((*SEPTEMBER, "ChargePeriodStart", "ChargePeriodEnd"))
    shop.deliver(a_report(charges(10, **bare)))
    same = shop.deliver(a_report(charges(10, **bare), declared=["2024-09"]).generated(hours=1))
    assert (same.state, same.rows.unchanged) == (State.UNCHANGED, 10)
    other = [
        row | {"ResourceId": f"other {number}"} for number, row in enumerate(charges(10, **bare))
    ]
    held = shop.deliver(a_report(other, declared=["2024-09"]).generated(hours=2))
    assert held.state is State.HELD
    assert len(shop.costs()) == 10


def test_declared_month_is_found_beside_periods_of_the_same_start_and_another_end(
    make_shop: MakeShop,
) -> None:
    shop = make_shop(withdrawn_share=1)
    yearly = SEPTEMBER | {"BillingPeriodEnd": "2025-09-01T00:00:00Z"}
    shop.deliver(a_report([*charges(10), *charges(1, **yearly)]))
    tokyo = {
        "BillingPeriodStart": "2024-08-31T15:00:00Z",
        "BillingPeriodEnd": "2024-09-30T15:00:00Z",
    }
    entry = shop.deliver(a_report(charges(9, **tokyo), declared=["2024-09"]).generated(hours=1))
    assert (entry.rows.added, entry.rows.removed) == (9, 11)


def test_partial_report_is_stored_without_currency(shop: Shop) -> None:
    rows = [{"BilledCost": "1.5", "BillingPeriodStart": "2024-09-01"}]
    entry = shop.deliver(a_report(rows))
    assert entry.balanced
    assert list(entry.sums) == ["XXX"]
    assert entry.sums["XXX"]["BilledCost"].stored == "1.5"
    assert entry.sums["XXX"]["ListCost"] is None


def test_sums_stand_per_currency(shop: Shop) -> None:
    rows = [*charges(4), a_charge(BillingCurrency="EUR"), a_charge(BillingCurrency=None)]
    entry = shop.deliver(a_report(rows))
    assert {c: lines["BilledCost"].stored for c, lines in entry.sums.items()} == {
        "EUR": "1.5",
        "USD": "11",
        "XXX": "1.5",
    }
    assert entry.balanced


def test_currency_column_that_comes_later_is_another_content(make_shop: MakeShop) -> None:
    shop = make_shop(withdrawn_share=1)
    bare = [{k: v for k, v in row.items() if k != "BillingCurrency"} for row in charges(5)]
    shop.deliver(a_report(bare))
    entry = shop.deliver(a_report(charges(5)).generated(hours=1))
    assert entry.rows.corrected == 0
    assert (entry.rows.added, entry.rows.removed, list(entry.sums)) == (5, 5, ["USD"])

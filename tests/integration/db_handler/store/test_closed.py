"""Closed billing periods: what readers have seen of them changes only when a person says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import NOW, OCTOBER, Report, a_charge, a_report, charges

from costwire_db_handler.decide import ClosedPeriods
from costwire_db_handler.ledger import Act, Entry, HeldFor, Rows, State

Shop = Any
MakeShop = Callable[..., Any]

SEPTEMBER_IS_CLOSED = ClosedPeriods(through="2024-09")
OF_GOOGLE = {
    "BillingPeriodStart": "2024-09-01T07:00:00Z",
    "BillingPeriodEnd": "2024-10-01T07:00:00Z",
}
CORRECTION = {"ChargeClass": "Correction", "ResourceId": "corrected", "BilledCost": "-0.5"}


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """September is closed and has thirty charges, October is open and has as many."""
    shop = make_shop(closed=SEPTEMBER_IS_CLOSED)
    assert shop.deliver(a_report(both())).state is State.COMMITTED
    return shop


def both(september: int = 30, october: int = 30) -> list[dict[str, str | None]]:
    return [*charges(september), *charges(october, **OCTOBER)]


def seen(shop: Shop) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = shop.costs()
    return found


def held_whole(shop: Shop, report: Report, added: int, withdrawn: int) -> Entry:
    """Deliver what must be held, and accept it."""
    before = seen(shop)
    held: Entry = shop.deliver(report)
    assert (held.state, held.balanced) == (State.HELD, True)
    assert held.reason == (
        "it would change the closed billing period 2024-09 (2024-09-01T00:00:00Z): "
        f"{added} added, {withdrawn} withdrawn"
    )
    assert held.closed_periods == ["2024-09"]
    assert held.rows.held == held.rows.stored
    assert seen(shop) == before
    return held


def test_empty_report_is_held_for_the_closed_periods_that_it_would_withdraw(shop: Shop) -> None:
    before = seen(shop)
    held = shop.deliver(a_report([]).generated(hours=1))
    assert (held.state, held.closed_periods) == (State.HELD, ["2024-09"])
    assert held.decisions[-1].kind is HeldFor.CLOSED_PERIOD
    assert "0 added, 30 withdrawn" in held.reason
    assert seen(shop) == before
    assert shop.store.accept(held.commit, shop.tick).state is State.COMMITTED
    assert seen(shop) == []


REPLACEMENTS: dict[str, tuple[list[dict[str, str | None]], int, int]] = {
    "added": (both(31), 1, 0),
    "withdrawn": (both(29), 0, 1),
    "corrected": ([*charges(29), a_charge(BilledCost="7", ResourceId="disk-30")], 1, 1),
    "corrected by a row": ([*charges(30), a_charge(**CORRECTION)], 1, 0),
    "all of it": (charges(30, ServiceName="Compute"), 30, 30),
}


@pytest.mark.parametrize("change", REPLACEMENTS)
def test_replacement_that_changes_a_closed_period_is_held_until_accepted(
    shop: Shop, change: str
) -> None:
    rows, added, withdrawn = REPLACEMENTS[change]
    report = a_report(rows).generated(hours=1)
    held = held_whole(shop, report, added, withdrawn)
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.state, accepted.balanced, accepted.rows.held) == (State.COMMITTED, True, 0)
    assert (accepted.rows.added, accepted.rows.removed) == (added, withdrawn)
    assert accepted.closed_periods == ["2024-09"]
    costs = [row["BilledCost"] for row in rows]
    untouched = 0 if len(rows) > 50 else 30
    assert len(seen(shop)) == len(costs) + untouched
    assert shop.deliver(report.read_again(hours=1)).state is State.UNCHANGED


def test_replacement_that_changes_open_periods_only_passes(shop: Shop) -> None:
    october = [*charges(29, **OCTOBER), a_charge(BilledCost="7", ResourceId="disk-30", **OCTOBER)]
    entry = shop.deliver(a_report([*charges(30), *october]).generated(hours=1))
    assert (entry.state, entry.rows.corrected, entry.closed_periods) == ("committed", 1, [])


def test_appended_correction_of_a_closed_period_is_held_until_accepted(shop: Shop) -> None:
    """FOCUS knows two ways of correction: this is the other one."""
    report = a_report([a_charge(**CORRECTION)], mode="append")
    held = held_whole(shop, report, 1, 0)
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.state, accepted.rows.added) == (State.COMMITTED, 1)
    assert ("corrected", "-0.5") in seen(shop)


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_correction_row_in_an_open_period_passes_whatever_it_corrects(
    shop: Shop, mode: Any
) -> None:
    """Its charge period lies in the closed month, its billing period does not."""
    row = a_charge(**CORRECTION, **OCTOBER)
    assert row["ChargePeriodStart"] == "2024-09-01T00:00:00Z"
    rows = [row] if mode == "append" else [*charges(30, **OCTOBER), row]
    entry = shop.deliver(a_report(rows, mode=mode).generated(hours=1))
    assert (entry.state, entry.rows.added) == (State.COMMITTED, 1)


def test_repeat_of_a_closed_period_passes(shop: Shop) -> None:
    assert shop.deliver(a_report(both()).read_again(hours=1)).state is State.UNCHANGED
    assert shop.deliver(a_report(charges(30)).generated(hours=1)).state is State.UNCHANGED


def test_months_that_are_declared_are_judged_too(shop: Shop) -> None:
    """What a report no longer names of them would be withdrawn."""
    report = a_report(charges(30, **OCTOBER), declared=["2024-09", "2024-10"]).generated(hours=1)
    assert held_whole(shop, report, 0, 30).rows.held == 30


def test_first_delivery_of_a_closed_month_passes_where_readers_saw_none_of_it(
    make_shop: MakeShop,
) -> None:
    shop = make_shop(closed=SEPTEMBER_IS_CLOSED)
    assert shop.deliver(a_report(charges(30, **OCTOBER))).state is State.COMMITTED
    late = shop.deliver(a_report(charges(30)).of("gcp"))
    assert (late.state, len(seen(shop))) == (State.COMMITTED, 60)


def test_first_delivery_of_another_source_changes_the_closed_month(shop: Shop) -> None:
    """By month: also where its billing period begins at another hour."""
    rows = charges(3, ServiceName="BigQuery", **OF_GOOGLE)
    held = shop.deliver(a_report(rows, source="gcp"))
    assert (held.state, held.closed_periods) == (State.HELD, ["2024-09"])
    assert held.reason.endswith("2024-09 (2024-09-01T07:00:00Z): 3 added, 0 withdrawn")


def test_closed_month_that_was_emptied_stays_closed_to_its_source(shop: Shop) -> None:
    nothing = a_report(charges(30, **OCTOBER), declared=["2024-09", "2024-10"]).generated(hours=1)
    shop.store.accept(shop.deliver(nothing).commit, shop.tick)
    held = shop.deliver(a_report(both()).read_again(hours=2))
    assert (held.state, held.closed_periods) == (State.HELD, ["2024-09"])


def test_month_that_begins_at_seven_closes_at_seven(make_shop: MakeShop) -> None:
    shop = make_shop(closed=ClosedPeriods(after_days=3))
    report = a_report(charges(30, **OF_GOOGLE))
    shop.deliver(report)
    changed = a_report(charges(31, **OF_GOOGLE))
    moment = NOW.replace(month=10, day=4, hour=7)
    for at, state in ((moment - timedelta(seconds=1), State.COMMITTED), (moment, State.HELD)):
        entry = shop.store.open_delivery(changed.generated(hours=1).manifest, lambda at=at: at)
        shop.stage(entry.commit, changed)
        tried = shop.store.commit(entry.commit, lambda at=at: at, dry_run=True)
        assert tried.state is state


def test_charges_without_billing_period_are_never_closed(make_shop: MakeShop) -> None:
    shop = make_shop(closed=ClosedPeriods(after_days=0))
    rows = [{"BilledCost": "1", "BillingCurrency": "USD", "ResourceId": "a"}]
    shop.deliver(a_report(rows))
    changed = shop.deliver(a_report([*rows, {**rows[0], "ResourceId": "b"}]).generated(hours=1))
    assert changed.state is State.COMMITTED


def test_reason_counts_each_closed_period(make_shop: MakeShop) -> None:
    shop = make_shop(closed=ClosedPeriods(months=frozenset({"2024-09", "2024-10"})))
    shop.deliver(a_report(both()))
    held = shop.deliver(a_report(both(29, 32)).generated(hours=1))
    assert held.reason == (
        "it would change the closed billing periods "
        "2024-09 (2024-09-01T00:00:00Z): 0 added, 1 withdrawn; "
        "2024-10 (2024-10-01T00:00:00Z): 2 added, 0 withdrawn"
    )
    assert held.closed_periods == ["2024-09", "2024-10"]


def kinds(entry: Entry) -> list[tuple[Act, HeldFor | None]]:
    return [(decision.act, decision.kind) for decision in entry.decisions]


def test_first_reason_that_applies_counts(shop: Shop) -> None:
    """Late before closed, closed before all that is only unlikely."""
    shop.deliver(a_report(charges(30, **OCTOBER)).generated(hours=5))
    late = shop.deliver(a_report(charges(3, **OCTOBER)).generated(hours=2))
    assert kinds(late) == [(Act.SUPERSEDED, None)]
    older = shop.deliver(a_report(both(2, 30)).generated(hours=2))
    assert kinds(older) == [(Act.HELD, HeldFor.OLDER)]
    cut = shop.deliver(a_report(charges(3)).generated(hours=6))
    assert kinds(cut) == [(Act.HELD, HeldFor.CLOSED_PERIOD)]
    repeated = shop.deliver(a_report(charges(30)).of("again"))
    assert kinds(repeated) == [(Act.HELD, HeldFor.CLOSED_PERIOD)]
    repeated = shop.deliver(a_report(charges(30, **OCTOBER)).of("again"))
    assert kinds(repeated) == [(Act.HELD, HeldFor.REPEATED)]
    declared = a_report([], columns=["BilledCost"], declared=["2024-09"]).generated(hours=7)
    assert kinds(shop.deliver(declared)) == [(Act.HELD, HeldFor.CLOSED_PERIOD)]
    empty = a_report([], columns=["BilledCost"]).generated(hours=7)
    assert kinds(shop.deliver(empty)) == [(Act.HELD, HeldFor.CLOSED_PERIOD)]
    shrunk = shop.deliver(a_report(charges(3, **OCTOBER)).generated(hours=8))
    assert kinds(shrunk) == [(Act.HELD, HeldFor.WITHDRAWN)]


def test_dry_run_says_what_would_be_held(shop: Shop) -> None:
    tried = shop.deliver(a_report(both(31)).generated(hours=1), dry_run=True)
    assert (tried.state, tried.closed_periods) == (State.HELD, ["2024-09"])
    assert len(shop.store.deliveries()) == 1


def test_what_was_held_for_a_closed_period_can_be_rejected_or_superseded(shop: Shop) -> None:
    first = shop.deliver(a_report(both(31)).generated(hours=1))
    second = shop.deliver(a_report(both(32)).generated(hours=2))
    overtaken = shop.store.delivery(first.commit)
    assert (overtaken.state, overtaken.rows.held) == (State.SUPERSEDED, 0)
    rejected = shop.store.reject(second.commit, shop.tick)
    assert (rejected.rows, rejected.balanced) == (Rows(read=62, stored=62), True)
    assert kinds(overtaken) == [(Act.HELD, HeldFor.CLOSED_PERIOD), (Act.SUPERSEDED, None)]
    assert len(seen(shop)) == 60


CLOSED = {"2024-08", "2024-10"}
MONTHS = ("2024-08", "2024-09", "2024-10")
COUNTS = st.lists(st.integers(0, 3), min_size=3, max_size=3)


@pytest.fixture
def two_closed(make_shop: MakeShop) -> Shop:
    """Nothing holds but closed months."""
    closed = ClosedPeriods(months=frozenset(CLOSED))
    return make_shop(closed=closed, withdrawn_share=1.0, repeated_share=1.0)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=COUNTS, after=COUNTS, append=st.booleans())
def test_change_is_held_exactly_where_a_closed_month_changes(
    two_closed: Shop, before: Any, after: Any, append: bool
) -> None:
    """Of three months two are closed."""
    shop, table = two_closed, f"charges_{len(two_closed.store.deliveries())}"
    shop.deliver(a_report(of_months(before), columns=COLUMNS, table=table))
    mode: Any = "append" if append else "replace"
    report = a_report(
        of_months(after, "y" if append else "x"),
        columns=COLUMNS,
        table=table,
        mode=mode,
        declared=None if append else [*MONTHS],
    ).generated(hours=1)
    entry = shop.deliver(report)
    changed = {
        month
        for month, there, told in zip(MONTHS, before, after, strict=True)
        if there and (told if append else told != there)
    }
    assert entry.closed_periods == sorted(changed & CLOSED)
    held_for = entry.decisions[-1].kind
    assert (held_for is HeldFor.CLOSED_PERIOD) == bool(changed & CLOSED)
    if entry.state is State.HELD:
        assert len(shop.costs(table)) == sum(before)


COLUMNS = list(a_charge())


def of_months(numbers: list[int], name: str = "x") -> list[dict[str, str | None]]:
    return [
        a_charge(
            BillingPeriodStart=f"{month}-01T00:00:00Z",
            BillingPeriodEnd=f"2024-{int(month[5:]) + 1:02}-01T00:00:00Z",
            ResourceId=f"{name}-{number}",
        )
        for month, count in zip(MONTHS, numbers, strict=True)
        for number in range(count)
    ]

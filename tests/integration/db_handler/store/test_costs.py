"""`/costs` on each engine: exact sums of any group, as of any moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.factories import OCTOBER, a_charge, a_report, charges

from costwire_db_handler.answers.costs import CostsAnswer, CostsQuestion, costs
from costwire_db_handler.answers.rates import Pair, Rate
from costwire_db_handler.errors import BadQuestion, RateFrozen, UnknownDelivery, UnknownTable
from costwire_db_handler.ledger import State
from costwire_focus.canonical import exact_sum

Shop = Any
GOOGLE_SEPTEMBER = {
    "BillingPeriodStart": "2024-09-01T07:00:00Z",
    "BillingPeriodEnd": "2024-09-30T07:00:00Z",
}


@pytest.fixture
def fresh(lasting_shop: Callable[[], tuple[Shop, str]]) -> tuple[Shop, str]:
    """A store, and a table of it that nobody has used."""
    shop, table = lasting_shop()
    shop.now += timedelta(days=1)
    return shop, table


def ask(shop: Shop, table: str, **asked: str) -> CostsAnswer:
    """Ask the store."""
    names = {"from_": "from", "in_": "in"}
    given = [("table", table), *((names.get(name, name), text) for name, text in asked.items())]
    question = CostsQuestion.read(given)
    with shop.store.versions(question.scope.table) as versions:
        return costs(versions, question, shop.now, shop.store.rates.list())


def told(answer: CostsAnswer) -> list[tuple[Any, ...]]:
    """Group, currency, charges and sums of each row."""
    return [
        (*row.group, row.currency, row.charges, *(row.sums[name] for name in answer.metrics))
        for row in answer.rows
    ]


def test_costs_are_summed_exactly_by_what_is_asked(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    rows = [
        a_charge(ResourceId="a", BilledCost="0.1", Tags='{"env":"dev"}'),
        a_charge(ResourceId="b", BilledCost="0.2", Tags='{"env":"prod"}'),
        a_charge(ResourceId="c", BilledCost="1e-18", Tags='{"env":"dev"}'),
        a_charge(ResourceId="d", BilledCost=None, ServiceName=None),
        a_charge(ResourceId="e", BilledCost="7", BillingCurrency="EUR"),
    ]
    shop.deliver(a_report(rows, table=table))

    assert told(ask(shop, table)) == [
        ("EUR", 1, Decimal(7)),
        ("USD", 4, Decimal("0.300000000000000001")),
    ]
    assert told(ask(shop, table, by="servicename,Tags.env", currency="USD")) == [
        ("Storage", "prod", "USD", 1, Decimal("0.2")),
        ("Storage", "dev", "USD", 2, Decimal("0.100000000000000001")),
        (None, None, "USD", 1, None),
    ]
    answer = ask(shop, table, by="Tags['env']", metric="effectivecost,ListCost", currency="usd")
    assert (answer.by, answer.metrics) == (["Tags.env"], ["EffectiveCost", "ListCost"])
    assert told(answer)[0] == ("dev", "USD", 2, Decimal("2.5"), Decimal(4))
    assert [(t.currency, t.charges) for t in answer.totals] == [("USD", 4)]


def test_amounts_of_any_scale_are_summed_without_loss(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    costs_of = ["1.000000000000000000000000000001", "-0.000000000000000000000000000003"]
    costs_of += ["999999.5"] * 20
    rows = [a_charge(ResourceId=str(n), BilledCost=cost) for n, cost in enumerate(costs_of)]
    shop.deliver(a_report(rows, table=table))

    ((_, number, total),) = told(ask(shop, table))

    assert (number, total) == (22, exact_sum(map(Decimal, costs_of)))


def test_months_are_the_reports_own(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report([a_charge(BilledCost="1")], table=table))
    shop.deliver(
        a_report([a_charge(BilledCost="2") | GOOGLE_SEPTEMBER], table=table, source="google")
    )
    october = a_charge(BilledCost="4", ChargePeriodStart="2024-09-30T00:00:00Z") | OCTOBER
    shop.deliver(a_report([october], table=table, source="azure"))

    assert told(ask(shop, table, by="month")) == [
        ("2024-10", "USD", 1, Decimal(4)),
        ("2024-09", "USD", 2, Decimal(3)),
    ]
    assert told(ask(shop, table, from_="2024-09", to="2024-10")) == [("USD", 2, Decimal(3))]
    assert told(ask(shop, table, from_="2024-10")) == [("USD", 1, Decimal(4))]
    assert told(ask(shop, table, from_="2024-09-30")) == [("USD", 1, Decimal(4))]
    assert told(ask(shop, table, by="day,BillingPeriodStart", to="2024-09-02T00:00:00Z")) == [
        ("2024-09-01", "2024-09-01T07:00:00Z", "USD", 1, Decimal(2)),
        ("2024-09-01", "2024-09-01T00:00:00Z", "USD", 1, Decimal(1)),
    ]


def test_as_of_tells_what_readers_saw_then(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    first = shop.deliver(a_report(charges(3), table=table))
    after_first = shop.now
    shop.now += timedelta(days=1)
    changed = [*charges(2), a_charge(ResourceId="disk-3", BilledCost="100")]
    second = shop.deliver(a_report(changed, table=table).generated(hours=1))
    shop.now += timedelta(hours=1)
    held = shop.deliver(a_report(charges(1), table=table).generated(hours=2))
    assert held.state is State.HELD

    one, two = [("USD", 3, Decimal("6.75"))], [("USD", 3, Decimal("103.5"))]
    assert told(ask(shop, table)) == two
    for asked in (str(first.commit), after_first.isoformat(), f"{after_first:%Y-%m-%d}", first.id):
        assert told(ask(shop, table, as_of=asked)) == one, asked
    for asked in (str(second.commit), str(held.commit), f"{shop.now:%Y-%m-%d}", second.id[:12]):
        assert told(ask(shop, table, as_of=asked)) == two, asked
    long_ago = ask(shop, table, as_of="2001-02-03")
    assert (told(long_ago), long_ago.moment.state, long_ago.totals) == ([], 0, [])
    shop.store.accept(held.commit, shop.tick)
    assert told(ask(shop, table)) == [("USD", 1, Decimal("1.25"))]
    assert told(ask(shop, table, as_of=str(second.commit))) == two


@pytest.mark.parametrize(
    ("asked", "refusal", "said"),
    [
        ({"as_of": "99999999"}, UnknownDelivery, "no delivery with the number"),
        ({"as_of": "abcdef0123"}, UnknownDelivery, "no delivery abcdef0123"),
        ({"as_of": "yesterday"}, BadQuestion, "a commit number, a delivery's id, or a time"),
        ({"as_of": "2099-01-01"}, BadQuestion, "has not come"),
        ({"by": "Servicename,Colour"}, BadQuestion, "no column 'Colour'"),
        ({"by": "BilledCost"}, BadQuestion, "it is an amount"),
        ({"by": "Tags"}, BadQuestion, "no column 'Tags'"),
        ({"filter": "Colour = 'x'"}, BadQuestion, "no column 'Colour'"),
        ({"in_": "CHF"}, BadQuestion, "no rate from USD to CHF for 2024-09"),
    ],
)
def test_question_that_cannot_be_answered_says_why(
    fresh: tuple[Shop, str], asked: dict[str, str], refusal: type[Exception], said: str
) -> None:
    shop, table = fresh
    rows = [{name: cell for name, cell in a_charge().items() if name != "Tags"}]
    shop.deliver(a_report(rows, table=table))

    with pytest.raises(refusal) as refused:
        ask(shop, table, **asked)

    assert said in str(refused.value) or "name one of its tags" in str(refused.value)


def test_unknown_table_is_told(shop: Shop) -> None:
    with pytest.raises(UnknownTable, match="no table 'nothing'"):
        ask(shop, "nothing")


def test_pages_hold_every_group_once(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report(charges(25), table=table))
    rows, offset, pages = [], 0, 0
    while offset is not None:
        answer = ask(shop, table, by="ResourceId", limit="7", offset=str(offset))
        rows += told(answer)
        offset, pages = answer.next_offset, pages + 1
        assert answer.totals[0].charges == 25

    assert pages == 4
    assert rows == [(f"disk-{n}", "USD", 1, Decimal(f"{n}.25")) for n in range(25, 0, -1)]


def test_sums_are_converted_month_by_month_at_rates_that_freeze(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    rows = [a_charge(BilledCost="10"), a_charge(BilledCost="100") | OCTOBER]
    rows.append(a_charge(BilledCost="1", BillingCurrency="EUR", ResourceId="e"))
    shop.deliver(a_report(rows, table=table))
    rates = shop.store.rates
    rates.put([_rate("2024-09", "0.9"), _rate("2024-10", "0.91")])

    answer = ask(shop, table, in_="EUR", by="ServiceName")

    assert answer.converted is not None
    assert told(answer) == [("Storage", "EUR", 1, Decimal(1)), ("Storage", "USD", 2, Decimal(110))]
    assert [each["BilledCost"] for each in answer.converted.rows] == [Decimal(1), Decimal(100)]
    assert answer.converted.total == {"BilledCost": Decimal(101)}
    assert [rate.pair.month for rate in answer.converted.rates] == ["2024-09", "2024-10"]

    rates.put([_rate("2024-09", "0.8")])  # nothing has frozen it yet
    used = [rate for rate in rates.list() if rate.pair.base == "USD"]
    assert not rates.freeze([_frozen(_rate("2024-09", "0.9"), shop.now)])
    assert rates.freeze([_frozen(rate, shop.now) for rate in used])
    assert all(rate.frozen == shop.now for rate in rates.list())
    with pytest.raises(RateFrozen, match="frozen since"):
        rates.put([_rate("2024-09", "0.7")])
    assert rates.put([_rate("2024-09", "0.80")]) == 0


def _rate(month: str, rate: str) -> Rate:
    return Rate(Pair(month, "USD", "EUR"), Decimal(rate), "our bank")


def _frozen(rate: Rate, now: datetime) -> Rate:
    return Rate(rate.pair, rate.rate, rate.source, now.astimezone(UTC))

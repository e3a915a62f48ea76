"""`/changes` on each engine: every change has its reason, and they add up to the last digit."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges

from costwire_db_handler.answers.changed import Kind
from costwire_db_handler.answers.changes import ChangesAnswer, ChangesQuestion, Part, changes
from costwire_db_handler.errors import BadQuestion
from costwire_db_handler.stores.duckdb import asked
from costwire_focus.canonical import exact_sum

Shop = Any
COSTS = "BilledCost,EffectiveCost,ListCost,ContractedCost"


@pytest.fixture
def fresh(lasting_shop: Callable[[], tuple[Shop, str]]) -> tuple[Shop, str]:
    """A store, and a table of it that nobody has used."""
    shop, table = lasting_shop()
    shop.now += timedelta(days=1)
    return shop, table


def ask(shop: Shop, table: str, begin: object, end: object = "", **asked: str) -> ChangesAnswer:
    """Ask the store."""
    given = [("table", table), ("from", str(begin)), ("to", str(end)), *asked.items()]
    question = ChangesQuestion.read(given)
    with shop.store.versions(question.scope.table) as versions:
        return changes(versions, question, shop.now)


def told(answer: ChangesAnswer, metric: str = "BilledCost") -> list[tuple[Any, ...]]:
    """Group, currency, kind, numbers, difference and differing columns of each change."""
    return [
        (*row.group, row.currency, kind.value, *_told(part, metric))
        for row in answer.rows
        for kind, part in row.parts.items()
    ]


def _told(part: Part, metric: str) -> tuple[Any, ...]:
    return part.added, part.removed, part.differences[metric], dict(part.columns)


def day(number: int) -> dict[str, str | None]:
    """A charge period of one day."""
    return {
        "ChargePeriodStart": f"2024-09-{number:02d}T00:00:00Z",
        "ChargePeriodEnd": f"2024-09-{number + 1:02d}T00:00:00Z",
    }


def test_each_change_is_told_with_its_reason(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    stays = [a_charge(ResourceId=f"stays-{n}") | day(n) for n in (1, 2, 3)]
    before = [
        *stays,
        a_charge(ResourceId="corrected", BilledCost="10") | day(2),
        a_charge(ResourceId="moved", BilledCost="20", Tags='{"env":"dev"}') | day(2),
        a_charge(ResourceId="gone", BilledCost="40") | day(2),
        a_charge(ResourceId="twice", BilledCost="7") | day(1),
        a_charge(ResourceId="twice", BilledCost="7") | day(1),
    ]
    after = [
        *stays,
        a_charge(ResourceId="corrected", BilledCost="10.5", ListCost="3") | day(2),
        a_charge(ResourceId="moved", BilledCost="20", Tags='{"env":"prod"}') | day(2),
        a_charge(ResourceId="late", BilledCost="0.25") | day(1),
        a_charge(ResourceId="new", BilledCost="5") | day(3),
        a_charge(ResourceId="new", BilledCost="6") | day(4),
        a_charge(ResourceId="twice", BilledCost="7") | day(1),
    ]
    first = shop.deliver(a_report(before, table=table))
    second = shop.deliver(a_report(after, table=table).generated(hours=1))
    if second.reason:
        second = shop.store.accept(second.commit, shop.tick)

    answer = ask(shop, table, first.commit, second.commit, by="ResourceId", metric=COSTS)

    assert sorted(told(answer)) == sorted(
        [
            (
                "corrected",
                "USD",
                "corrected",
                1,
                1,
                Decimal("0.5"),
                {"BilledCost": 1, "ListCost": 1},
            ),
            ("moved", "USD", "redimensioned", 1, 1, Decimal(0), {"Tags": 1}),
            ("gone", "USD", "withdrawn", 0, 1, Decimal(-40), {}),
            ("late", "USD", "late", 1, 0, Decimal("0.25"), {}),
            ("new", "USD", "new", 2, 0, Decimal(11), {}),
            ("twice", "USD", "withdrawn", 0, 1, Decimal(-7), {}),
        ]
    )
    assert [row.group for row in answer.rows][:3] == [("gone",), ("new",), ("twice",)]
    (corrected,) = [row for row in answer.rows if row.group == ("corrected",)]
    assert (corrected.before["BilledCost"], corrected.after["BilledCost"]) == (10, Decimal("10.5"))
    by_tag = ask(shop, table, first.commit, by="Tags.env", filter="ResourceId = 'moved'")
    assert told(by_tag) == [
        ("dev", "USD", "redimensioned", 0, 1, Decimal(-20), {}),
        ("prod", "USD", "redimensioned", 1, 0, Decimal(20), {"Tags": 1}),
    ]
    (together,) = ask(shop, table, first.commit, by="BillingCurrency").rows
    assert [*together.parts] == [*Kind]
    back = ask(shop, table, second.commit, first.commit)
    assert back.balances[0].parts["withdrawn"].removed == 3  # type: ignore[index]
    assert back.balances[0].before == ask(shop, table, first.commit).balances[0].after


def test_moved_charges_are_compared_some_columns_at_a_time(
    fresh: tuple[Shop, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, table = fresh
    monkeypatch.setattr(asked, "_CELLS_AT_ONCE", 20)

    def report(service: str, region: str) -> list[dict[str, Any]]:
        moved = [a_charge(ResourceId=f"r{n}", ServiceName=service) | day(1) for n in range(4)]
        last = {f"x_{n}": service for n in range(9)}
        cells = [*moved, a_charge(ResourceId="r4", ServiceName=service, RegionId=region) | day(1)]
        return [dict.fromkeys(last) | {"RegionId": None} | each for each in cells[:4]] + [
            cells[4] | last
        ]

    first = shop.deliver(a_report(report("Compute", "here"), table=table))
    second = shop.deliver(a_report(report("Other", "there"), table=table).generated(hours=1))

    answer = ask(shop, table, first.commit, shop.store.accept(second.commit, shop.tick).commit)

    differing = {"ServiceName": 5, "RegionId": 1} | {f"x_{n}": 1 for n in range(9)}
    assert told(answer) == [("USD", "redimensioned", 5, 5, Decimal(0), differing)]


def test_few_changed_groups_of_many_are_told_alone(
    fresh: tuple[Shop, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, table = fresh
    monkeypatch.setattr("costwire_db_handler.answers.grouping.MOST_ROWS", 4)
    monkeypatch.setattr("costwire_db_handler.answers.changes.MOST_ROWS", 4)
    twice = [a_charge(ResourceId=f"r{n}", BilledCost=cost) for n in range(30) for cost in "12"]
    first = shop.deliver(a_report(twice, table=table))
    corrected = [
        cells | {"BilledCost": "3"} if number in (0, 2, 4, 6) else cells
        for number, cells in enumerate(twice)
    ]
    second = shop.deliver(a_report(corrected, table=table).generated(hours=1))

    answer = ask(shop, table, first.commit, second.commit, by="ResourceId")

    found = [(row.group, row.before["BilledCost"], row.after["BilledCost"]) for row in answer.rows]
    assert found == [((f"r{n}",), 3, 5) for n in range(4)]
    (balance,) = answer.balances
    assert (balance.before["BilledCost"], balance.after["BilledCost"]) == (90, 98)


def test_month_of_a_period_that_was_corrected_is_the_later_one(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    wrong = {"BillingPeriodEnd": "2024-12-01T00:00:00Z"}
    first = shop.deliver(a_report([a_charge(BilledCost="1") | wrong], table=table))
    second = shop.deliver(a_report([a_charge(BilledCost="2")], table=table).generated(hours=1))
    shop.store.accept(second.commit, shop.tick)

    answer = ask(shop, table, first.commit, second.commit, by="month")

    assert {row.group for row in answer.rows} == {("2024-09",)}


def test_return_to_an_earlier_state_is_no_change(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    first = shop.deliver(a_report(charges(5), table=table))
    shop.deliver(a_report(charges(5)[:4], table=table).generated(hours=1))
    third = shop.deliver(a_report(charges(5), table=table).generated(hours=2))

    answer = ask(shop, table, first.commit, third.commit, by="ResourceId")

    assert (answer.rows, answer.balances[0].parts) == ([], {})
    assert told(ask(shop, table, first.commit, first.commit)) == []


def test_changes_since_the_beginning_are_all_there_is(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report(charges(3), table=table))

    answer = ask(shop, table, "2001-01-01")

    assert told(answer) == [("USD", "new", 3, 0, Decimal("6.75"), {})]
    assert answer.balances[0].before == {"BilledCost": 0}


def test_pages_hold_every_changed_group_once(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    first = shop.deliver(a_report(charges(30), table=table))
    changed = [row | {"EffectiveCost": f"{n}"} for n, row in enumerate(charges(30))]
    shop.deliver(a_report(changed, table=table).generated(hours=1))
    found, offset = [], 0
    while offset is not None:
        answer = ask(
            shop,
            table,
            first.commit,
            by="ResourceId",
            limit="7",
            offset=str(offset),
            metric="EffectiveCost",
        )
        found += told(answer, "EffectiveCost")
        offset = answer.next_offset

    assert len({row[0] for row in found}) == len(found) == 30
    assert exact_sum(row[-2] for row in found) == Decimal(sum(range(30))) - 30 * Decimal("1.25")


def test_groups_of_an_instant_have_their_sums(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    rows = [a_charge(ResourceId=f"r{n}") | day(n) for n in (1, 2, 3)]
    first = shop.deliver(a_report(rows, table=table))
    shop.deliver(
        a_report([*rows[:2], rows[2] | {"BilledCost": "5"}], table=table).generated(hours=1)
    )

    (row,) = ask(shop, table, first.commit, by="ChargePeriodStart,ServiceName").rows

    assert row.group == ("2024-09-03T00:00:00Z", "Storage")
    assert (row.before["BilledCost"], row.after["BilledCost"]) == (Decimal("1.5"), Decimal(5))


def test_question_without_a_beginning_says_so(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report(charges(1), table=table))

    with pytest.raises(BadQuestion, match="say since when"):
        ask(shop, table, "")


def test_changes_between_any_two_states_add_up(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    dice = random.Random(7)  # noqa: S311 -- no secret
    known = [row | day(n % 20 + 1) for n, row in enumerate(charges(30))]
    states: list[tuple[int, list[dict[str, str | None]]]] = []
    for hours in range(8):
        report = a_report(known, table=table).generated(hours=hours)
        entry = shop.deliver(report)
        if entry.reason:
            entry = shop.store.accept(entry.commit, shop.tick)
        states.append((entry.commit, list(known)))
        known = [
            row | {"BilledCost": f"{dice.random():.12f}"} if dice.random() < 0.2 else row
            for row in known
            if dice.random() > 0.05
        ]
        known += [a_charge(ResourceId=f"more-{hours}") | day(dice.randrange(1, 25)), known[0]]

    for _ in range(20):
        (one, rows_one), (two, rows_two) = dice.choice(states), dice.choice(states)
        answer = ask(shop, table, one, two, by="ResourceId,day")
        (balance,) = answer.balances
        assert balance.before["BilledCost"] == _sum(rows_one)
        assert balance.after["BilledCost"] == _sum(rows_two)
        assert exact_sum(row.difference("BilledCost") for row in answer.rows) == _sum(
            rows_two
        ) - _sum(rows_one)
        for row in answer.rows:
            mine = [
                [
                    r
                    for r in rows
                    if (r["ResourceId"], str(r["ChargePeriodStart"])[:10]) == row.group
                ]
                for rows in (rows_one, rows_two)
            ]
            assert (row.before["BilledCost"], row.after["BilledCost"]) == tuple(map(_sum, mine))


def _sum(rows: list[dict[str, str | None]]) -> Decimal:
    return exact_sum(Decimal(row["BilledCost"] or 0) for row in rows)

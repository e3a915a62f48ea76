"""Amounts keep every digit, names and cells keep every letter, whatever comes later."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges

from costwire_focus.canonical import canonical_text

Shop = Any
LastingShop = Callable[[], tuple[Shop, str]]


def stored(shop: Shop) -> dict[str, str]:
    """The amounts that a reader sees, by resource, as canonical text."""
    rows = shop.ask("SELECT ResourceId, BilledCost::text FROM charges")
    return {resource: canonical_text(Decimal(text)) for resource, text in rows}


def of_amounts(amounts: list[str], first: int = 0) -> list[dict[str, str | None]]:
    return [
        a_charge(BilledCost=amount, ResourceId=f"disk-{first + number}")
        for number, amount in enumerate(amounts)
    ]


EXACT = [
    "123456789012.123456789012",
    "0.0000050000000000000004",
    "-0.0000012345678901234567",
    "15E-1",
    "1.5e-20",
    "9999999999999.99",
    "-10000000000000",
    "0.000000000000000000000001",
    "9999999999999.000000000000000000000001",
]


def test_amounts_of_the_wild_keep_every_digit(shop: Shop) -> None:
    entry = shop.deliver(a_report(of_amounts(EXACT), part_rows=2))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (len(EXACT), 0, True)
    expected = [canonical_text(Decimal(text)) for text in EXACT]
    assert stored(shop) == {f"disk-{n}": text for n, text in enumerate(expected)}
    total = shop.ask("SELECT sum(BilledCost)::text FROM charges")[0][0]
    context = Context(prec=60)
    exact = Decimal(0)
    for text in EXACT:
        exact = context.add(exact, Decimal(text))
    assert Decimal(total) == exact


def test_column_is_widened_no_further_than_needed(shop: Shop) -> None:
    """So that sums, which have 38 digits too, have room for them."""
    shop.deliver(a_report(of_amounts(["0.0000000000000000000001", *["99999999999999"] * 50])))
    assert shop.ask("SELECT sum(BilledCost)::text FROM charges") == [
        ("4999999999999950.0000000000000000000001",)
    ]


def test_sums_that_the_engine_has_no_room_for_balance_all_the_same(shop: Shop) -> None:
    largest = "9" * 20 + "." + "9" * 18
    entry = shop.deliver(a_report(of_amounts([largest] * 3)))
    assert (entry.rows.stored, entry.balanced) == (3, True)
    line = entry.sums["USD"]["BilledCost"]
    assert line is not None
    assert Decimal(line.stored) == Context(prec=60).multiply(Decimal(largest), 3)


def test_column_is_widened_and_older_amounts_stay(shop: Shop) -> None:
    shop.deliver(a_report(of_amounts(["1.123456789012345678"])))
    finer = ["0.1234567890123456789012", "0.1234567890123456789012345678"]
    for number, amount in enumerate(finer, 1):
        entry = shop.deliver(a_report(of_amounts([amount], number), mode="append"))
        assert (entry.rows.quarantined, entry.balanced) == (0, True)
    expected = ["1.123456789012345678", *finer]
    assert stored(shop) == {f"disk-{n}": amount for n, amount in enumerate(expected)}
    again = a_report(of_amounts(["1.1234567890123456780"], 0), mode="append")
    assert shop.deliver(again).rows.stored == 1


def test_wider_column_makes_no_charge_a_new_one(shop: Shop) -> None:
    shop.deliver(a_report(charges(30)))
    finer = a_report([*charges(30), a_charge(BilledCost="1e-24")]).generated(hours=1)
    assert (shop.deliver(finer).rows.added, shop.deliver(finer).rows.unchanged) == (1, 31)
    back = shop.deliver(a_report(charges(30)).read_again(hours=2))
    assert (back.rows.added, back.rows.removed) == (0, 1)


def test_amounts_that_fit_nowhere_together_cost_the_fewest_rows(shop: Shop) -> None:
    amounts = ["1e-28", "1e-24", "1000000000000", "2000000000000"]
    entry = shop.deliver(a_report(of_amounts(amounts), part_rows=1))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (3, 1, True)
    line = entry.sums["USD"]["BilledCost"]
    assert line.quarantined == "0.0000000000000000000000000001"
    (row,) = shop.store.quarantine(entry.commit)
    assert (row["line"], row["column"], row["rule"]) == (1, "BilledCost", "CW-AmountDigits")
    assert row["reason"] == "BilledCost has more digits than DECIMAL(38,24) holds"
    told = json.loads(base64.b64decode(row["raw"]))
    assert told == a_charge(BilledCost=line.quarantined, ResourceId="disk-0")


def test_noise_of_doubles_leaves_room_for_all_later_amounts(shop: Shop) -> None:
    noise = "-0.000000000000000013877787807814457"
    first = shop.deliver(a_report(of_amounts([noise, "0.5"])))
    assert (first.rows.quarantined, first.balanced) == (1, True)
    later = shop.deliver(a_report(of_amounts(["99999999.99"], 9), mode="append"))
    assert (later.rows.quarantined, later.balanced) == (0, True)


def test_amount_larger_than_the_column_has_room_for_is_told(shop: Shop) -> None:
    shop.deliver(a_report(of_amounts(["0.0000000000000000000000000001"])))
    entry = shop.deliver(a_report(of_amounts(["10000000000", "1"], 1), mode="append"))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (1, 1, True)


def test_repeated_amounts_without_room_cost_only_their_own_rows(shop: Shop) -> None:
    """A part tells them once for all rows."""
    shop.deliver(a_report(of_amounts(["9" * 18])))
    fine = "0." + "1" * 24
    both = of_amounts([*[fine] * 4, *["2.5"] * 6], 1)
    entry = shop.deliver(a_report(both, source="other"))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (6, 4, True)
    assert list(stored(shop).values()).count("2.5") == 6


def test_unreadable_cells_are_quarantined_here_too(shop: Shop) -> None:
    rows = [*charges(5), a_charge(BilledCost="abc"), a_charge(ChargePeriodStart="yesterday")]
    entry = shop.deliver(a_report(rows, part_rows=3))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (5, 2, True)
    told = [(row["line"], row["column"]) for row in shop.store.quarantine(entry.commit)]
    assert told == [(6, "BilledCost"), (7, "ChargePeriodStart")]


def test_thousands_of_random_amounts_sum_up_exactly(shop: Shop) -> None:
    dice = random.Random(7)  # noqa: S311 -- no secret
    amounts = [
        f"{dice.choice(['', '-'])}{dice.randrange(10**8)}.{dice.randrange(10**22):022}"
        for _ in range(3_000)
    ]
    entry = shop.deliver(a_report(of_amounts(amounts), part_rows=700))
    context = Context(prec=80)
    exact = Decimal(0)
    for amount in amounts:
        exact = context.add(exact, Decimal(amount))
    assert entry.sums["USD"]["BilledCost"].stored == canonical_text(exact)
    assert entry.balanced


HARD_NAMES = {
    "x.y": "x_y",
    "x y": "x y",
    "x[y]": "x_y_",
    "X_Y": "X_Y_2",
    "_id": "column_id",
    "__name__": "column__name__",
    "billedcost": "billedcost_2",
    "Größe": "Größe",
    'say "hi"': 'say "hi"',
    "it's": "it's",
    "TagsJson": "TagsJson_2",
    "y" * 300: "y" * 300,
    "": "column",
    "job": "job",
    "a\tb\x01": "a_b_",
    "select": "select",
}


def test_hard_column_names_have_one_mapping(shop: Shop) -> None:
    row = a_charge(**{name: f"cell of {number}" for number, name in enumerate(HARD_NAMES)})
    entry = shop.deliver(a_report([row, *charges(9)]))
    assert entry.balanced
    quoted = [name.lower().replace('"', '""') for name in HARD_NAMES.values()]
    names = '"' + '", "'.join(quoted) + '"'
    (cells,) = shop.ask(f'SELECT {names} FROM charges WHERE "job" IS NOT NULL')  # noqa: S608
    assert list(cells) == [f"cell of {number}" for number in range(len(HARD_NAMES))]
    assert shop.deliver(a_report([row, *charges(9)]).generated(hours=1)).rows.unchanged == 10


def test_columns_that_differ_in_case_keep_their_own_cells(shop: Shop) -> None:
    twins = [a_charge(x_a="small", X_A="large"), *charges(9)]
    shop.deliver(a_report(twins))
    assert shop.ask("SELECT x_a, x_a_2 FROM charges WHERE x_a IS NOT NULL") == [("small", "large")]
    changed = [a_charge(x_a="small", X_A="other"), *charges(9)]
    assert shop.deliver(a_report(changed).generated(hours=1)).rows.added == 1


def test_columns_that_come_later_are_added_and_keep_their_names(shop: Shop) -> None:
    shop.deliver(a_report([a_charge(**{"X_a": "1"}), *charges(9)]))
    later = [a_charge(**{"x_a": "2", "SkuId": "sku", "X_a": "1"}), *charges(9)]
    entry = shop.deliver(a_report(later).generated(hours=1))
    assert (entry.rows.added, entry.rows.removed) == (1, 1)
    assert shop.ask("SELECT x_a, x_a_2, SkuId FROM charges WHERE x_a IS NOT NULL") == [
        ("1", "2", "sku")
    ]


TAGS = {
    '{"env": "prod", "a.b": "x"}': {"env": "prod", "a.b": "x"},
    '{"n": 1.50, "t": true, "z": null}': {"n": "1.50", "t": "true", "z": None},
    '{"o": {"b": 1, "a": [1, "x"]}}': {"o": '{"a":[1,"x"],"b":1}'},
    '"env": "azure"': {"env": "azure"},
    "{}": {},
    "no tags at all": None,
    '{"quote": "\\"\\u00e9\\n", "": "empty"}': {"quote": '"é\n', "": "empty"},
}


@pytest.mark.parametrize("text", TAGS, ids=str)
def test_tags_are_a_map_and_their_text_stays(lasting_shop: LastingShop, text: str) -> None:
    shop, table = lasting_shop()
    shop.deliver(a_report([{"BilledCost": "1", "Tags": text}], table=table))
    ((found, json_text),) = shop.ask(f"SELECT Tags, TagsJson FROM {table}")  # noqa: S608
    assert (dict(found) if found is not None else None, json_text) == (TAGS[text], text)


LONG = "long " * 10_000


def test_texts_may_be_of_any_length_also_where_they_were_short(shop: Shop) -> None:
    shop.deliver(a_report(charges(3, ServiceName="short")))
    entry = shop.deliver(a_report(charges(3, ServiceName=LONG), mode="append"))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (3, 0, True)
    found = sorted(shop.ask("SELECT ServiceName FROM charges"))
    assert found == [(LONG,)] * 3 + [("short",)] * 3


def test_tags_may_be_of_any_length_also_where_they_were_short(shop: Shop) -> None:
    shop.deliver(a_report(charges(3, Tags=json.dumps({"env": "prod", "note": "short"}))))
    told = json.dumps({"env": "test", "note": LONG})
    entry = shop.deliver(a_report(charges(3, Tags=told), mode="append"))
    assert (entry.rows.stored, entry.rows.quarantined, entry.balanced) == (3, 0, True)
    found = shop.ask("SELECT tags['note'], TagsJson FROM charges WHERE tags['env'] = 'test'")
    assert found == [(LONG, told)] * 3


def test_instants_are_utc_to_the_millisecond(shop: Shop) -> None:
    shop.deliver(a_report([a_charge(ChargePeriodStart="2024-09-01 02:00:00.123+02:00")]))
    assert shop.ask("SELECT ChargePeriodStart FROM charges") == [(1725148800123,)]


def test_focus_columns_that_a_partial_report_lacks_are_null(shop: Shop) -> None:
    shop.deliver(a_report([{"BilledCost": "1", "BillingPeriodStart": "2024-09-01T00:00:00Z"}]))
    assert shop.ask(
        "SELECT sum(BilledCost), sum(EffectiveCost), max(ServiceName), max(ChargePeriodStart), "
        "max(Tags['team']) FROM charges"
    ) == [(1, None, None, None, None)]
    assert shop.store.deliveries()[0].sums["XXX"]["EffectiveCost"] is None

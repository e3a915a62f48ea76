"""What the handler is asked."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.costs.made_up import OCTOBER

from costwire_aggregator.costs.questions import COLUMNS, batches, of_charges, of_tags

CHARGES = of_charges("charges", OCTOBER, COLUMNS, 1_000)
MOST_BYTES = 8_192 - 200


def test_charges_of_a_month_are_asked_for_by_resource() -> None:
    assert CHARGES == {
        "table": "charges",
        "from": "2026-10",
        "to": "2026-11",
        "metric": "BilledCost,EffectiveCost",
        "limit": "1000",
        "by": "ResourceId,ResourceName,SubAccountId,RegionId",
    }


def test_tags_are_asked_for_by_resource_where_there_are_any() -> None:
    asked = of_tags(CHARGES | {"as_of": "7"}, ["a/b", "it's"])
    assert asked["by"] == "ResourceId,Tags['a/b'],Tags['it's']"
    assert asked["filter"] == "Tags['a/b'] IS NOT NULL OR Tags['it''s'] IS NOT NULL"
    assert (asked["as_of"], asked["from"]) == ("7", "2026-10")


@given(st.lists(st.text(min_size=1, max_size=200), unique=True))
def test_each_tag_is_asked_for_once_in_requests_that_the_handler_takes(keys: list[str]) -> None:
    asked = [*batches(keys)]
    speakable = [key for key in keys if not set(key) & set("]\r\n")]
    unbearable = {key for key in speakable if len(urlencode({"": key})) > 1_000}
    told = [key for batch in asked for key in batch]
    assert [key for key in told if key not in unbearable] == [
        key for key in speakable if key not in unbearable
    ]
    for batch in asked:
        assert 1 <= len(batch) <= 7
        assert len(urlencode(of_tags(CHARGES, batch))) < MOST_BYTES


def test_long_keys_are_asked_for_in_several_requests() -> None:
    asked = [*batches([f"{n}/{'k' * 600}" for n in range(7)])]
    assert [len(batch) for batch in asked] == [3, 3, 1]


def test_key_that_no_cloud_has_is_not_asked_for() -> None:
    assert [*batches(["a]b", "a\nb", "k" * 2_000, "fine"])] == [["fine"]]

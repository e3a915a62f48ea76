"""When two readings are the same delivery."""

from dataclasses import replace

import pytest

from costwire_exporter.identity import Meaning, delivery_id, shelf_key

MEANING = Meaning("charges", "replace", ("2024-09",), None, None, None)


def test_id_is_that_of_the_content_in_its_order() -> None:
    assert delivery_id(MEANING, ["a", "b"]) == delivery_id(MEANING, ["a", "b"])
    assert delivery_id(MEANING, ["a", "b"]) != delivery_id(MEANING, ["b", "a"])
    assert delivery_id(MEANING, ["a"]) != delivery_id(MEANING, ["a", "a"])


@pytest.mark.parametrize(
    "changed",
    [
        replace(MEANING, table="other"),
        replace(MEANING, mode="append"),
        replace(MEANING, period=()),
        replace(MEANING, currency="EUR"),
        replace(MEANING, dates="mdy"),
        replace(MEANING, focus_version="1.1"),
        replace(MEANING, encoding="cp1252"),
        replace(MEANING, map_legacy=True),
    ],
    ids=["table", "mode", "period", "currency", "dates", "version", "encoding", "drafts"],
)
def test_other_meaning_is_another_delivery(changed: Meaning) -> None:
    assert delivery_id(changed, ["a"]) != delivery_id(MEANING, ["a"])
    assert shelf_key("s", changed) != shelf_key("s", MEANING)


def test_what_another_source_published_is_told_apart() -> None:
    assert shelf_key("a", MEANING) != shelf_key("b", MEANING)


def test_settings_that_came_later_change_no_id_where_they_are_not_used() -> None:
    known = "32c0b445353139c32e460a44c4536a99325c69679a6f0972b4fa5ebd8b84c357"
    assert delivery_id(MEANING, ["a"]) == known

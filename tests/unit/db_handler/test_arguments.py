"""What arguments become because of the column that they meet."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from costwire_db_handler.sql.arguments import converted
from costwire_db_handler.sql.checked import Conversion
from costwire_db_handler.sql.errors import ConversionFailed, InvalidArgument

SEPTEMBER = datetime(2024, 9, 1)  # noqa: DTZ001 - the engine's instants carry no zone


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_725_148_800_000, SEPTEMBER),
        ("1725148800000", SEPTEMBER),
        ("2024-09-01T00:00:00Z", "2024-09-01T00:00:00Z"),
        (0, datetime(1970, 1, 1)),  # noqa: DTZ001
        (None, None),
    ],
)
def test_milliseconds_are_an_instant(value: Any, expected: Any) -> None:
    assert converted([value], {0: Conversion.INSTANT}) == [expected]


@pytest.mark.parametrize("value", [True, {}, 10**30])
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises(ConversionFailed, match="to type `timestamp`"):
        converted([value], {0: Conversion.INSTANT})


def test_an_object_is_a_map_of_texts() -> None:
    value = {"a": "x", "b": Decimal("1.50"), "c": {"d": [1, None]}, "e": None}
    assert converted([value], {0: Conversion.MAP}) == [
        {"key": ["a", "b", "c", "e"], "value": ["x", "1.50", '{"d":[1,null]}', None]}
    ]


def test_the_json_text_of_an_object_is_a_map_too() -> None:
    assert converted(['{"a": 1}'], {0: Conversion.MAP}) == [{"key": ["a"], "value": ["1"]}]


@pytest.mark.parametrize("value", ["abc", 1, [1], "[1]"])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(ConversionFailed, match="to type `object`"):
        converted([value], {0: Conversion.MAP})


def test_an_object_without_a_column_of_objects_is_json_text() -> None:
    assert converted([{"a": [1.5]}, [1, 2], [[1]]], {}) == ['{"a":[1.5]}', [1, 2], "[[1]]"]


def test_a_decimal_for_a_double_is_the_double_that_was_written() -> None:
    assert converted([Decimal("0.30000000000000004")], {0: Conversion.DOUBLE}) == [0.1 + 0.2]


def test_more_arguments_than_a_statement_may_have_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="10,001 arguments"):
        converted([1] * 10_001, {})

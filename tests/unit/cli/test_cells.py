"""Cells of an SQL answer, exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from costwire_cli.cells import as_json, as_text, is_number

BIG = "123456789012345678901234567890.12345678"


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (Decimal("20.520226728990000000"), 22, "20.52022672899"),
        (Decimal(BIG), 22, BIG),
        (Decimal("1E-22"), 22, "0.0000000000000000000001"),
        (7, 22, "7"),
        (7, 10, 7),
        (Decimal("0.5"), 6, 0.5),
        (1725148800000, 11, "2024-09-01T00:00:00Z"),
        (1725148800001, 15, "2024-09-01T00:00:00.001Z"),
        (10**18, 11, 10**18),
        ("2024", 4, "2024"),
        (None, 22, None),
        (True, 3, True),
        ({"a": Decimal("1.50")}, 12, {"a": "1.5"}),
        ([Decimal("1.50"), None], [100, 22], ["1.5", None]),
        ([1725148800000], [100, 11], ["2024-09-01T00:00:00Z"]),
    ],
)
def test_json_keeps_every_digit(value: Any, kind: Any, told: Any) -> None:
    assert as_json(value, kind) == told


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (None, 4, None),
        ("", 4, ""),
        (Decimal("1.50"), 22, "1.5"),
        (3, 10, "3"),
        ({"a": "ü"}, 12, '{"a": "ü"}'),
        (False, 3, "false"),
    ],
)
def test_text_of_a_cell(value: Any, kind: Any, told: str | None) -> None:
    assert as_text(value, kind) == told


def test_amounts_survive_the_way_from_the_wire() -> None:
    (value,) = json.loads(f"[{BIG}]", parse_float=Decimal)
    assert as_text(value, 22) == BIG


def test_numbers_end_flush() -> None:
    assert [is_number(kind) for kind in (22, 6, 10, 4, 11, None, [100, 22])] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]

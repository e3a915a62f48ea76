"""Quarantined rows in pieces: never too many, never too long, none left out."""

from __future__ import annotations

from typing import Any

import pytest
from tests.factories import an_unusable_row

from costwire_db_handler import quarantined
from costwire_db_handler.quarantined import RuleCount, fitting, pieces

BYTES = 1_000


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantined, "_PIECE_BYTES", BYTES)


@pytest.mark.parametrize(
    ("sizes", "page"),
    [([1], 1), ([BYTES], 1), ([BYTES + 1, 1], 1), ([400, 600, 1], 2), ([0] * 9, 9)],
)
def test_a_page_has_what_fits_and_one_row_at_least(sizes: list[int], page: int) -> None:
    assert fitting(sizes) == page


@pytest.mark.parametrize("name", ["raw", "reason", "file"])
def test_pieces_end_where_their_rows_are_long_enough(name: str) -> None:
    rows: list[dict[str, Any]] = [
        an_unusable_row(line, **{name: "x" * (line * 97 % 700)}) for line in range(50)
    ]
    told = list(pieces(rows, 10))
    assert [row for piece in told for row in piece] == rows
    for piece in told:
        assert len(piece) <= 10
        assert sum(len(row[name]) for row in piece[:-1]) < BYTES


@pytest.mark.parametrize(
    ("rule", "column", "unknown"),
    [
        ("CW-AmountUnreadable", "BilledCost", 5),
        ("CW-NulCharacter", "BilledCost", 5),
        ("CW-AmountDigits", "BilledCost", 2),
        ("CW-AmountUnreadable", "ListCost", 2),
        ("CW-FieldCount", None, 2),
    ],
)
def test_the_money_of_rows_whose_billed_cost_cannot_be_read_is_unknown(
    rule: str, column: str | None, unknown: int
) -> None:
    assert RuleCount.of(rule, column, 5, 2).unknown == unknown

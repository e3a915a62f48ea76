"""Tables with figures and bars, on a terminal and elsewhere."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from rich.cells import cell_len

from costwire_cli.grid import Grid, Note, Row, Rule, laid_out

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def drawn(grid: Grid, width: int | None = None) -> list[str]:
    return [_COLOUR.sub("", line) for line in laid_out(grid, width)]


GRID = Grid(
    ["service", "env"],
    ["cost"],
    [
        Row(["Compute", "prod"], ["1,234.50"], Decimal("1234.5")),
        Note("late: 2 charges", "+3.25"),
        Row(["計算", None], ["-617.25"], Decimal("-617.25")),
        Rule(),
        Row(["total", ""], ["617.25"]),
    ],
)


def test_table_for_a_file_is_plain_and_aligned() -> None:
    assert list(laid_out(GRID, None)) == [
        "service      env       cost",
        "-----------  ----  --------",
        "Compute      prod  1,234.50",
        "  late: 2 charges     +3.25",
        "計算         NULL   -617.25",
        "-----------  ----  --------",
        "total                617.25",
    ]


def test_terminal_has_bars_beside_the_rows() -> None:
    lines = drawn(GRID, 46)
    assert lines[1] == "Compute      prod  1,234.50        ███████████"
    assert lines[3] == "計算         NULL   -617.25  ▐█████"
    assert all(cell_len(line) <= 46 for line in lines)


def test_narrow_terminal_has_no_bars() -> None:
    assert not any("█" in line for line in drawn(GRID, 34))


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_long_texts_lose_their_middle_and_figures_nothing(width: int) -> None:
    text = "arn:aws:rds:us-east-1:782130557190:db:" + "x" * 100 + "計-0000"
    lines = drawn(Grid(["ResourceId"], ["cost"], [Row([text], ["1,234.50"])]), width)
    assert lines[1].startswith("arn:aws:r")
    assert "…" in lines[1]
    assert lines[1].endswith("-0000  1,234.50")
    assert cell_len(lines[1]) <= width


def test_decimal_points_stand_below_each_other() -> None:
    rows = [
        Row(["a"], ["1,604", "509.8215"]),
        Row(["b"], ["12,004", "3"]),
        Row(["c"], ["1", "NULL"]),
    ]
    assert drawn(Grid(["x"], ["n", "cost"], rows))[2:] == [
        "a   1,604  509.8215",
        "b  12,004    3",
        "c       1      NULL",
    ]


def test_long_words_of_a_note_wrap_below_it() -> None:
    words = "corrected: 4 charges (BilledCost, ConsumedQuantity, ContractedCost, EffectiveCost)"
    assert drawn(Grid(["x"], ["cost"], [Row(["a"], ["1.00"]), Note(words, "+1.00")]))[3:] == [
        "  corrected: 4 charges (BilledCost, ConsumedQuantity,  +1.00",
        "    ContractedCost, EffectiveCost)",
    ]


def test_control_characters_reach_no_terminal() -> None:
    rows = [Row(["a\x1b[31m"], ["1"]), Note("\x1b[2J", "1")]
    assert all("\x1b[31m" not in line for line in laid_out(Grid(["x"], ["n"], rows), 80))
    assert not any("\x1b[2J" in line for line in laid_out(Grid(["x"], ["n"], rows), 80))

"""What `costwire diff` shows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from costwire_cli.answering import Block
from costwire_cli.diff_view import diff_lines

FIRST = {
    "table": "charges",
    "from": {"state": 1, "commit": 1, "delivery": "ab" * 32, "at": "2024-10-01T05:00:00Z"},
    "to": {"state": 3, "commit": 3, "delivery": "cd" * 32, "at": "2024-10-03T05:00:00Z"},
    "by": ["ServiceName"],
    "metrics": ["BilledCost"],
}


def part(difference: str, added: int, removed: int, **columns: int) -> dict[str, Any]:
    told = {"added": added, "removed": removed, "difference": {"BilledCost": difference}}
    return {**told, "columns": columns} if columns else told


def sums(before: str, after: str, difference: str, **changes: Any) -> dict[str, Any]:
    told = {"before": before, "after": after, "difference": difference}
    return {"BilledCost": told, "changes": changes}


def group(service: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"by": {"ServiceName": service}, **told}


TOTAL = sums(
    *("1010.5", "1012.2000001", "1.7000001"),
    withdrawn=part("-0.8", 0, 1),
    corrected=part("1.2", 3, 3, BilledCost=3, ListCost=2),
    late=part("1.3000001", 2, 0),
)
COMPUTE = sums(
    *("1000.5", "1002.2000001", "1.7000001"),
    corrected=part("0.4000001", 2, 2, ListCost=2, BilledCost=2),
    late=part("1.3", 2, 0),
)


def test_reasons_stand_below_each_group_and_the_sum_adds_up() -> None:
    block = Block("USD", [group("Compute", COMPUTE)], False, TOTAL)
    assert list(diff_lines(FIRST, [block], {}, None)) == [
        "charges: what changed",
        "from delivery 1 (abababababab, 2024-10-01T05:00:00Z)",
        "to   delivery 3 (cdcdcdcdcdcd, 2024-10-03T05:00:00Z)",
        "",
        "BilledCost in USD",
        "ServiceName                      before      after  difference",
        "-----------------------------  --------  ---------  ----------",
        "Compute                        1,000.50  ~1,002.20      ~+1.70",
        "  late: 2 charges                                        +1.30",
        "  corrected: 2 charges (BilledCost, ListCost)           ~+0.40",
        "-----------------------------  --------  ---------  ----------",
        "total                          1,010.50  ~1,012.20      ~+1.70",
        "  late: 2 charges                                       ~+1.30",
        "  corrected: 3 charges (BilledCost, ListCost in 2)       +1.20",
        "  withdrawn: 1 charge                                    -0.80",
        "adds up: 1,010.5 before + 1.3000001 late + 1.2 corrected - 0.8 withdrawn"
        " = 1,012.2000001 after",
        "",
        "~ is rounded; the sums below a table, --format csv and json are exact",
    ]


def test_groups_that_are_not_shown_are_in_one_line() -> None:
    block = Block("USD", [group("Compute", COMPUTE)], True, TOTAL)
    lines = list(diff_lines(FIRST, [block], {"filter": "x = 1"}, None))
    assert lines[3] == "filter=x = 1"
    others = next(line for line in lines if line.startswith("all others"))
    assert others.split() == ["all", "others", "0.00"]
    assert "Shown: what changed most (1 group); --limit N shows more." in lines


def test_currency_in_which_nothing_changed_says_so() -> None:
    block = Block("EUR", [], False, sums("9.5", "9.5", "0"))
    assert list(diff_lines(FIRST, [block], {}, None))[4:] == [
        "BilledCost in EUR",
        "  nothing changed: 9.5",
    ]


def test_sum_that_does_not_add_up_is_no_secret() -> None:
    block = Block("EUR", [], False, sums("9.5", "9.7", "0.2", new=part("0.1", 1, 0)))
    lines = list(diff_lines({**FIRST, "by": []}, [block], {}, None))
    assert lines[-1].startswith("DOES NOT ADD UP, please report this: 9.5 before + 0.1 new = 9.7")


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_shows_bars_and_no_line_is_too_wide(width: int) -> None:
    found = [group("Compute", COMPUTE), group("Storage", sums("10", "9", "-1"))]
    lines = list(diff_lines(FIRST, [Block("USD", found, False, TOTAL)], {}, width))
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert all(len(line) <= width for line in plain)
    rises, falls = (next(each for each in lines if name in each) for name in ("Compute", "Storage"))
    assert "\x1b[31m" in rises
    assert "\x1b[32m" in falls


def test_charges_that_moved_are_counted_on_both_sides() -> None:
    told = sums("5", "5", "0", redimensioned=part("0", 3, 1, Tags=3, SkuId=1))
    lines = list(diff_lines(FIRST, [Block("USD", [group("a", told)], False, told)], {}, None))
    assert any("re-dimensioned: 3 charges came, 1 went (Tags, SkuId in 1)" in x for x in lines)

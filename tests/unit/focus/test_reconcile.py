from dataclasses import dataclass
from decimal import Decimal

import pytest

from costwire_focus.batch import Unusable
from costwire_focus.own_rules import BROKEN_QUOTES, FIELD_COUNT, UNDECODABLE
from costwire_focus.reconcile import disagreement
from costwire_focus.recount import CsvRecount

NAMES = ["ServiceName", "BilledCost"]


@dataclass
class Second:
    records: int
    billed_cost: Decimal
    names: list[str]
    reader: str = "another"

    def cost_in(self, raw: bytes) -> str | None:
        return CsvRecount(self.names).cost_in(raw)


def uncut(raw, rule=FIELD_COUNT):
    return Unusable("part", 2, raw, None, rule, "reason")


def said(records, billed_cost, rows, second_records, second_cost, names=NAMES):
    second = Second(second_records, Decimal(second_cost), names)
    return disagreement(records, Decimal(billed_cost), rows, second)


def test_equal_figures_are_nothing_to_say():
    assert said(2, "1.50", [], 2, "1.5") is None


def test_other_numbers_of_records_are_said():
    assert said(2, "1.5", [], 3, "1.5") == (
        "one reader finds 2 records, another finds 3; "
        "the file may still be being written, or its quotes are broken"
    )


def test_other_sums_are_said_exactly():
    assert said(2, "1.50", [], 2, "1.5000000000000000000000000000001") == (
        "the sum of BilledCost is 1.5 by one reader and "
        "1.5000000000000000000000000000001 by another"
    )


@pytest.mark.parametrize(
    ("raw", "rule", "cost"),
    [
        pytest.param(b"a,2,c", FIELD_COUNT, "2", id="too many cells"),
        pytest.param(b"a", FIELD_COUNT, "0", id="too few cells"),
        pytest.param(b"a,,c", FIELD_COUNT, "0", id="empty cell"),
        pytest.param(b"a,x,c", FIELD_COUNT, "0", id="no amount"),
        pytest.param(b"a,1E999,c", FIELD_COUNT, "0", id="too long"),
        pytest.param(b'"a,\nb","2",c', FIELD_COUNT, "2", id="quoted"),
        pytest.param(b"\xff,2", UNDECODABLE, "2", id="undecodable"),
        pytest.param(b"a,2," + b"x" * 200_000, FIELD_COUNT, "2", id="long cell"),
    ],
)
def test_what_stands_at_billed_cost_in_an_uncut_row_is_counted(raw, rule, cost):
    expected = Decimal("1.5") + Decimal(cost)
    assert said(2, "1.5", [uncut(raw, rule)], 2, expected) is None
    assert said(2, "1.5", [uncut(raw, rule)], 2, expected + 1) is not None


def test_where_quotes_are_broken_the_readers_may_differ():
    assert said(2, "1.5", [uncut(b'"a', BROKEN_QUOTES)], 9, "9") is None


def test_a_report_without_billed_cost_is_compared_by_its_records():
    assert said(1, "0", [uncut(b"5,6,7")], 1, "0", names=["a", "b"]) is None
    assert said(1, "0", [], 2, "0", names=["a", "b"]) is not None

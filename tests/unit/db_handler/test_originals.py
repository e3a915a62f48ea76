"""The original's cells become what a report has; its tables are told from others."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.stores.cratedb import originals
from costwire_focus import amounts, instants
from costwire_focus.columns import COLUMNS
from costwire_focus.typed import typed

TYPES = dict(originals._TYPES)
YEAR_1, YEAR_9999 = -62_135_596_800_000, 253_402_300_799_999


def cell(kind: str, value: Any) -> str | None:
    (text,) = originals.report_cells(kind, [value]).to_pylist()
    return text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_becomes_the_shortest_decimal_that_is_it(value: float) -> None:
    text = cell("double precision", Decimal(repr(value)))
    assert text is not None
    assert float(text) == value
    digits = len(Decimal(text).normalize().as_tuple().digits)
    assert digits == len(Decimal(repr(value)).normalize().as_tuple().digits)
    assert "E" not in text.upper()


@given(st.floats(min_value=-1e15, max_value=1e15).filter(lambda v: v == 0 or abs(v) > 1e-20))
def test_double_of_any_bill_is_an_amount(value: float) -> None:
    text = cell("double precision", Decimal(repr(value)))
    assert amounts.read(str(text)) == Decimal(repr(value))


@pytest.mark.parametrize(
    ("told", "text"),
    [("0.0", "0"), ("-0.0", "0"), ("1.0E-7", "0.0000001"), ("0.30000000000000004", None)],
)
def test_doubles_as_cratedb_spells_them(told: str, text: str | None) -> None:
    assert cell("double precision", Decimal(told)) == (text or told)


@pytest.mark.parametrize("told", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_told_as_it_is(told: str) -> None:
    assert cell("double precision", told) == told
    assert originals.number(told) == 0


@given(st.integers(YEAR_1, YEAR_9999))
def test_milliseconds_become_the_same_instant(milliseconds: int) -> None:
    cells = originals.report_cells("timestamp without time zone", [milliseconds, None])
    read = instants.parse(cells)
    assert read.unreadable is None
    assert [None if v is None else v.value for v in read.values] == [milliseconds, None]


def test_instant_beyond_the_calendar_is_quarantined_later() -> None:
    cells = originals.report_cells("timestamp without time zone", [10**15])
    assert instants.parse(cells).unreadable is not None


@pytest.mark.parametrize("told", ["", "NULL", "null"])
def test_text_without_a_value_is_null(told: str) -> None:
    assert cell("text", told) is None


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_other_texts_stay(text: str) -> None:
    assert cell("text", text) == (None if text in {"", "NULL", "null"} else text)


@given(st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text("äb\n")))
def test_tags_become_json_of_the_same_pairs(tags: dict[str, str]) -> None:
    assert json.loads(str(cell("object", tags))) == tags


def test_values_of_other_types_are_told_in_full() -> None:
    assert cell("bigint", 2**62) == str(2**62)
    assert cell("boolean", True) == "true"
    assert cell("numeric", Decimal("12345678901234567890.10")) == "12345678901234567890.1"
    assert cell("text_array", ["a", None]) == '["a", null]'
    assert cell("object", {"n": {"x": Decimal("0.1")}}) == '{"n": {"x": 0.1}}'
    assert cell("object", None) is None


def test_names_of_focus_get_their_case_back() -> None:
    names = originals.report_names([*TYPES, "x_costcenter", "contractedunitprice", "Odd"])
    assert {names[name.lower()] for name in COLUMNS if name.lower() in TYPES} <= COLUMNS.keys()
    assert names["contractedunitprice"] == "ContractedUnitPrice"
    assert (names["x_costcenter"], names["Odd"]) == ("x_costcenter", "Odd")
    assert names["contractedunitcost"] == "contractedunitcost"  # the original's own spelling


def test_table_of_the_original_is_known() -> None:
    assert len(TYPES) == 50
    assert originals.difference(reversed(originals.KEY), TYPES | {"x_a": "text"}) is None


@pytest.mark.parametrize(
    ("key", "types", "told"),
    [
        (["resourceid", "metricname"], TYPES, r"primary key is \(resourceid, metricname\)"),
        (originals.KEY, TYPES | {"listcost": "text"}, "column listcost is text, not double"),
        (originals.KEY, TYPES | {"BilledCost": "text"}, "two of its columns are BilledCost"),
        (originals.KEY, {"tags": "object"}, "column billingperiodend is missing"),
    ],
)
def test_what_differs_is_named(key: Any, types: dict[str, str], told: str) -> None:
    assert re.search(told, str(originals.difference(key, types)))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "billedcost": st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-5),
                "chargeperiodstart": st.integers(YEAR_1, YEAR_9999),
                "resourceid": st.text("aÄ\U0001f600 ", min_size=1),
            }
        ),
        min_size=1,
    )
)
def test_rows_keep_their_values_on_the_way_to_typed_charges(rows: list[dict[str, Any]]) -> None:
    names = originals.report_names(rows[0])
    told = {
        names[name]: originals.report_cells(
            TYPES[name],
            [Decimal(repr(v)) if isinstance(v := row[name], float) else v for row in rows],
        )
        for name in rows[0]
    }
    result = typed(pa.table(told))
    assert not result.refused
    for row, charge in zip(rows, result.charges.to_pylist(), strict=True):
        assert charge["BilledCost"] == Decimal(repr(row["billedcost"]))
        assert charge["ResourceId"] == row["resourceid"]
    assert result.charges["ChargePeriodStart"].cast(pa.int64()).to_pylist() == [
        row["chargeperiodstart"] for row in rows
    ]

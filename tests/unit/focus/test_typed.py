from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus import amounts
from costwire_focus.own_rules import AMOUNT_DIGITS, AMOUNT_UNREADABLE, INSTANT_UNREADABLE
from costwire_focus.repeats import each_once, plain_table
from costwire_focus.typed import SCALES, fits, typed


def a_table(**columns):
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def test_amounts_instants_and_texts_get_their_types():
    table = typed(
        a_table(BilledCost=["1.5"], ChargePeriodStart=["2024-09-01T00:00:00Z"], x_Own=["1.5"])
    ).charges
    assert table.schema == pa.schema(
        [
            ("BilledCost", pa.decimal128(38, 18)),
            ("ChargePeriodStart", pa.timestamp("ms")),
            ("x_Own", pa.string()),
        ]
    )


def test_null_stays_null():
    result = typed(a_table(BilledCost=[None], ChargePeriodStart=[None], ServiceName=[None]))
    assert result.charges.to_pylist() == [
        {"BilledCost": None, "ChargePeriodStart": None, "ServiceName": None}
    ]
    assert result.refused == []


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1", 18),
        ("0." + "1" * 18, 18),
        ("0." + "1" * 19, 24),
        ("0." + "1" * 24, 24),
        ("0." + "1" * 25, 30),
        ("1E-30", 30),
        ("1E-38", 38),
        ("9" * 20 + "." + "9" * 18, 18),
        ("-" + "9" * 14 + "." + "9" * 24, 24),
    ],
)
def test_the_scale_is_the_first_that_loses_no_digit(text, scale):
    result = typed(a_table(BilledCost=["0.5", text, None]))
    assert result.charges.schema.field("BilledCost").type == pa.decimal128(38, scale)
    assert result.charges.column("BilledCost").to_pylist() == [Decimal("0.5"), Decimal(text), None]
    assert result.refused == []


def test_where_no_scale_holds_all_the_one_that_refuses_fewest_is_taken():
    large, fine = "1" * 21, "0." + "1" * 38
    result = typed(a_table(BilledCost=["0.5", fine, large, fine]))
    assert [(row.index, row.column, row.rule) for row in result.refused] == [
        (2, "BilledCost", AMOUNT_DIGITS)
    ]
    assert result.charges.column("BilledCost").to_pylist() == [
        Decimal(text) for text in ("0.5", fine, fine)
    ]


def test_an_amount_that_no_scale_holds_is_refused_and_the_others_stay():
    result = typed(a_table(BilledCost=["1.5", "9" * 30 + "." + "9" * 20]))
    assert [row.rule for row in result.refused] == [AMOUNT_DIGITS]
    assert result.charges.column("BilledCost").to_pylist() == [Decimal("1.5")]


def test_a_row_is_refused_once_and_in_the_order_of_the_rows():
    result = typed(
        a_table(
            BilledCost=["1", "2", "x", "4"],
            ChargePeriodStart=[None, "never", "never", None],
            ListCost=["y", None, "y", None],
        )
    )
    assert [(row.index, row.column, row.rule) for row in result.refused] == [
        (0, "ListCost", AMOUNT_UNREADABLE),
        (1, "ChargePeriodStart", INSTANT_UNREADABLE),
        (2, "BilledCost", AMOUNT_UNREADABLE),
    ]
    assert result.charges.column("BilledCost").to_pylist() == [4]


def test_a_reason_names_the_column_and_shows_the_start_of_the_cell():
    (refused,) = typed(a_table(BilledCost=["x" * 1000])).refused
    assert refused.reason == f"BilledCost is no amount: {'x' * 60!r}"


@pytest.mark.parametrize("table", [a_table(BilledCost=[]), a_table(), a_table(x_Own=["a"])])
def test_a_table_without_rows_or_typed_columns_is_typed(table):
    assert typed(table).charges.num_rows == table.num_rows


exact = st.one_of(
    st.none(), st.decimals("-1e29", "1e29", places=38), st.decimals("-1e5", "1e5", places=18)
)


@given(st.lists(exact, max_size=6), st.sampled_from(SCALES))
def test_an_amount_fits_when_the_scale_holds_it_exactly(values, scale):
    def holds(value):
        return (Fraction(value) * 10**scale).denominator == 1 and abs(value) < 10 ** (38 - scale)

    expected = [value is None or holds(value) for value in values]
    assert fits(pa.array(values, amounts.EXACT), scale).to_pylist() == expected


@given(st.lists(exact, max_size=6))
def test_what_is_typed_is_exactly_what_was_written(values):
    texts = [None if value is None else str(value) for value in values]
    result = typed(a_table(BilledCost=texts))
    refused = {row.index for row in result.refused}
    kept = [value for index, value in enumerate(values) if index not in refused]
    assert result.charges.column("BilledCost").to_pylist() == kept
    scale = result.charges.schema.field("BilledCost").type.scale
    for index in refused:
        assert not fits(pa.array([values[index]], amounts.EXACT), scale)[0].as_py()


AMOUNT_CELLS = st.none() | st.sampled_from(
    ["1.5", "15E-1", "x", "1e-30", "1" * 29 + "." + "1" * 20, "9" * 20]
)
INSTANT_CELLS = st.none() | st.sampled_from(["2024-09-01T00:00:00Z", "2024-09-01", "soon"])


@given(st.lists(st.tuples(AMOUNT_CELLS, INSTANT_CELLS, st.none() | st.sampled_from("ab"))))
def test_a_dictionary_is_typed_as_its_texts_are(rows):
    names = ["BilledCost", "ChargePeriodStart", "x_Own"]
    columns = [[row[at] for row in rows] for at in range(3)]
    table = a_table(**dict(zip(names, columns, strict=True)))
    once = typed(pa.table([each_once(column) for column in table.columns], names=names))
    whole = typed(table)
    assert once.refused == whole.refused
    assert plain_table(once.charges) == whole.charges

import re
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus import amounts
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text, exact_sum

digits = st.text("0123456789", min_size=1, max_size=30)
signs = st.sampled_from(["", "-", "+"])
plain = st.one_of(
    st.tuples(signs, digits).map("".join),
    st.tuples(signs, digits, st.just("."), st.text("0123456789", max_size=38)).map("".join),
    st.tuples(signs, st.just("."), digits).map("".join),
)
exponents = st.one_of(
    st.tuples(st.sampled_from("eE"), signs, st.integers(0, 90).map(str)).map("".join),
    st.sampled_from(["", "e00005", "E-0007", "E+00", "e999999999", "E-999999999", "E" + "9" * 25]),
)
readable = st.one_of(plain, st.tuples(plain, exponents).map("".join))
garbage = st.one_of(
    st.text(max_size=6),
    st.text("0123456789+-.eE, _$", max_size=9),
    st.sampled_from(
        ["nan", "NaN", "inf", "-Infinity", "0x10", "1_000", "1,5", "\u0663", "1\n", " 1", "1 "]
    ),
)
cells = st.one_of(st.none(), readable, garbage)


def by_hand(text):
    """What a cell is worth, by Python's decimal alone; None when it is no amount we can keep."""
    if text is None or not re.fullmatch(amounts.READABLE, text) or text.endswith("\n"):
        return None
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    significant = (whole + fraction).lstrip("0")
    power = int(exponent or 0) - len(fraction)
    trailing = len(significant) - len(significant.rstrip("0"))
    if not significant:
        return Decimal(0) if abs(int(exponent or 0)) < 10**18 else None
    if len(significant) + power > 30 or -(power + trailing) > 38:
        return None
    return Decimal((text.startswith("-"), tuple(map(int, significant)), power))


def a_table(**columns):
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


@given(st.lists(cells, max_size=6))
def test_every_cell_is_worth_what_python_s_decimal_says(texts):
    values, unreadable = amounts.parse(pa.array(texts, pa.string()))
    expected = [by_hand(text) for text in texts]
    assert values.type == pa.decimal256(76, 38)
    assert values.to_pylist() == expected
    wrong = [
        text is not None and value is None for text, value in zip(texts, expected, strict=True)
    ]
    assert (unreadable.to_pylist() if unreadable is not None else [False] * len(texts)) == wrong
    assert (unreadable is not None) == any(wrong)


short = st.from_regex(r"[+-]?[0-9]{0,12}\.?[0-9]{0,19}", fullmatch=True)


@given(st.one_of(st.lists(cells, max_size=6), st.lists(st.none() | short, max_size=6)))
def test_amounts_that_are_read_as_short_ones_are_worth_the_same(texts):
    values = amounts.short(pa.array(texts, pa.string()))
    assert values is None or values.to_pylist() == [by_hand(text) for text in texts]


@pytest.mark.parametrize("text", ["1", "-0.00000000000000001", "12345678901234567890", None])
def test_amounts_of_usual_length_are_read_as_short_ones(text):
    (value,) = amounts.short(pa.array([text], pa.string())).to_pylist()
    assert value == by_hand(text)


@given(cells.filter(lambda text: text is not None))
def test_one_cell_read_alone_is_worth_the_same(text):
    assert amounts.read(text) == by_hand(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1." + "0" * 300, id="more zeros than 256 bits hold"),
        pytest.param("0" * 300 + "1", id="leading zeros"),
        pytest.param("0E-999999999", id="zero with a wild exponent"),
        pytest.param("0E+999999999", id="zero with a huge exponent"),
        pytest.param("1" + "0" * 60 + "E-60", id="digits taken back by the exponent"),
        pytest.param("1e29", id="exponent"),
        pytest.param("-" + "9" * 30 + "." + "9" * 38, id="as many digits as there may be"),
        pytest.param("0." + "0" * 37 + "1", id="the smallest"),
        pytest.param("-0", id="negative zero"),
        pytest.param("5.", id="point at the end"),
        pytest.param("+.5", id="plus sign, point first"),
    ],
)
def test_an_amount_of_unusual_form_is_exact(text):
    values, unreadable = amounts.parse(pa.array([text, "1.5", None]))
    assert values.to_pylist() == [Decimal(text), Decimal("1.5"), None]
    assert unreadable is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" * 31, id="31 digits before the point"),
        pytest.param("1E30", id="31 digits by exponent"),
        pytest.param("0." + "1" * 39, id="39 digits after the point"),
        pytest.param("1E-39", id="39 digits after the point by exponent"),
        pytest.param("800e58", id="wraps around in 256 bits"),
        pytest.param("1E999999999", id="huge exponent"),
        pytest.param("1E-999999999", id="tiny exponent"),
        pytest.param("1" + "0" * 400, id="400 digits"),
        *["", " ", "1 ", " 1", "1\n", "1,5", "1_000", "--1", "1e", "e5", ".", "nan", "inf", "0x1"],
    ],
)
def test_what_is_no_amount_or_too_long_is_unreadable_and_null(text):
    values, unreadable = amounts.parse(pa.array(["1", text, None]))
    assert values.to_pylist() == [Decimal(1), None, None]
    assert unreadable.to_pylist() == [False, True, False]


@pytest.mark.parametrize("cells", [[], [None, None]])
def test_nothing_to_read_is_nothing_unreadable(cells):
    values, unreadable = amounts.parse(pa.array(cells, pa.string()))
    assert values.to_pylist() == cells
    assert unreadable is None


def test_chunks_are_read_as_one_column():
    values, _ = amounts.parse(pa.chunked_array([["1"], ["2.5"], []], pa.string()))
    assert values.to_pylist() == [Decimal(1), Decimal("2.5")]


@given(readable, st.integers(0, 9))
def test_amounts_that_are_equal_have_one_canonical_text(text, zeros):
    value = amounts.read(text)
    if value is not None and "e" not in text.lower() and "." in text:
        respelled = amounts.read(text + "0" * min(zeros, 68 - len(text)))
        assert canonical_text(respelled) == canonical_text(value)


money = st.one_of(
    st.none(), st.decimals("-1e25", "1e25", places=24).map(str), st.sampled_from(["1E-38", "x"])
)
charges = st.lists(
    st.tuples(st.sampled_from([None, "USD", "EUR"]), *[money] * len(COST_COLUMNS)), max_size=8
)


def sums_of(rows, **kwargs):
    columns = {
        name: [row[index] for row in rows]
        for index, name in enumerate(("BillingCurrency", *COST_COLUMNS))
    }
    sums = CostSums(**kwargs)
    sums.add(a_table(**columns))
    return sums


def sums_by_hand(rows):
    expected = {}
    for currency, *costs in rows:
        bucket = expected.setdefault(currency or "XXX", [Decimal(0)] * len(COST_COLUMNS))
        for index, cost in enumerate(costs):
            bucket[index] = exact_sum([bucket[index], by_hand(cost) or Decimal(0)])
    return {
        currency: dict(zip(COST_COLUMNS, map(canonical_text, bucket), strict=True))
        for currency, bucket in sorted(expected.items())
    }


@given(charges)
def test_sums_are_those_of_python_s_decimal_per_currency(rows):
    assert sums_of(rows).to_json() == sums_by_hand(rows)


@given(charges, st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_the_order(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert sums_of(shuffled) == sums_of(rows)


@given(charges, charges)
def test_merged_sums_are_the_sums_of_everything(first, second):
    mine, theirs = sums_of(first), sums_of(second)
    merged = sums_of(first)
    merged.merge(theirs)
    assert merged == sums_of(first + second)
    rest = merged.minus(theirs)
    for currency in rest.currencies():
        for name in COST_COLUMNS:
            assert rest.get(currency, name) == (mine.get(currency, name) or 0)


@given(charges)
def test_typed_charges_have_the_sums_of_their_texts(rows):
    texts = a_table(
        BillingCurrency=[row[0] for row in rows],
        **{name: [row[i] for row in rows] for i, name in enumerate(COST_COLUMNS, start=1)},
    )
    typed = texts
    for index, name in enumerate(texts.column_names[1:], start=1):
        typed = typed.set_column(index, name, amounts.parse(texts.column(name))[0])
    sums = CostSums()
    sums.add_typed(typed)
    assert sums == sums_of(rows)


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(["99999999999999999999"] * 3, id="twenty digits before the point"),
        pytest.param(["99999999999999999999", "-99999999999999999999", "0.1"], id="either sign"),
        pytest.param(["0.123456789012345678", "-.000000000000000001"], id="eighteen behind it"),
        pytest.param(["0.1234567890123456789", "1"], id="nineteen behind it"),
        pytest.param(["1.000000000000000000", "+1", "007", "5.", "-0"], id="spellings"),
        pytest.param(["12345678901234567890", "0.000000000000000001", None], id="both"),
        pytest.param(["1", "x", "", None], id="no amounts among them"),
        pytest.param([None, None], id="nothing"),
    ],
)
def test_short_amounts_add_up_exactly(cells):
    sums = CostSums()
    sums.add(a_table(BilledCost=cells))
    assert sums.get("XXX", "BilledCost") == exact_sum(by_hand(cell) or Decimal(0) for cell in cells)


@given(
    st.lists(
        st.decimals("-1e12", "1e12", places=18).map(str) | st.integers(-(10**20), 10**20).map(str)
    )
)
def test_sums_of_short_amounts_are_those_of_python_s_decimal(cells):
    sums = CostSums()
    sums.add(a_table(BilledCost=cells))
    assert (sums.get("XXX", "BilledCost") or 0) == exact_sum(map(Decimal, cells))


def test_a_sum_has_no_digit_too_few_beyond_what_a_float_holds():
    sums = CostSums()
    sums.add(a_table(BilledCost=["10000000000000", "0.0000000000000000000000001"]))
    assert sums.get("XXX", "BilledCost") == Decimal("10000000000000.0000000000000000000000001")


def test_an_absent_column_has_no_sum_and_an_empty_one_has_zero():
    sums = CostSums()
    sums.add(a_table(BillingCurrency=["EUR"], BilledCost=["1.50"], ListCost=[None]))
    assert sums.to_json() == {
        "EUR": {"BilledCost": "1.5", "EffectiveCost": None, "ListCost": "0", "ContractedCost": None}
    }


def test_charges_without_a_currency_are_counted_under_the_one_told():
    assert sums_of([(None, "1", None, None, None)], currency="CHF").currencies() == ["CHF"]
    assert sums_of([(None, "1", None, None, None)]).currencies() == ["XXX"]


def test_unreadable_amounts_count_nothing():
    sums = CostSums()
    sums.add(a_table(BilledCost=["1", "abc", "1E999"]))
    assert sums.get("XXX", "BilledCost") == 1


def test_no_charges_have_no_sums():
    sums = CostSums()
    sums.add(a_table(BilledCost=[]))
    assert sums.to_json() == {}


@given(
    st.lists(st.tuples(st.none() | st.sampled_from(["1.5", "-2e-9", "x"]), st.sampled_from("ab")))
)
def test_sums_of_a_dictionary_are_those_of_its_texts(rows):
    costs = pa.array([cost for cost, _ in rows], pa.string())
    currencies = pa.array([currency for _, currency in rows], pa.string())
    told, once = CostSums(), CostSums()
    told.add(pa.table({"BilledCost": costs, "BillingCurrency": currencies}))
    once.add(
        pa.table(
            {
                "BilledCost": costs.dictionary_encode(),
                "BillingCurrency": currencies.dictionary_encode(),
            }
        )
    )
    assert once == told

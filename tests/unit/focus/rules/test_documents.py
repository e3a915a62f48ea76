"""Tests of the JSON documents in cells: flat objects, FOCUS's own nesting, and what breaks them."""

import json
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_focus.columns import columns_of
from costwire_focus.rules.documents import VERDICTS, Documents, judge

_TAGS = columns_of("1.3")["Tags"]
_NESTED = columns_of("1.3")["ContractApplied"]


def _broken(column: Any, *texts: str | None) -> list[bool | None]:
    cells = pa.chunked_array([texts], pa.string())
    return Documents(column).verdicts(cells)[f"{column.id}!json"].to_list()


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        " { } ",
        '{"org": "a", " org": "b"}',
        '{"a": 1, "b": -2.5E+7, "c": true, "d": false, "e": null}',
        '{"a":"}{", "b": "\\"", "c\\u00e9": "\\\\", ",\\":": ","}',
        '{"a":"b",":c":1}',
        '{"": ""}',
        '{\t"ключ" : "значение"\n}',
    ],
)
def test_a_flat_object_is_right(text):
    assert _broken(_TAGS, text) == [False]


@pytest.mark.parametrize(
    "text",
    [
        "team=web",
        '"a": "b"',
        "[]",
        "null",
        "1",
        "{'a': 'b'}",
        '{"a": "b",}',
        '{"a" "b"}',
        '{"a": {"b": 1}}',
        '{"a": [1]}',
        '{"a": NaN}',
        '{"a": 01}',
        '{"a": "\t"}',
        '{"a": "\\x"}',
        '{"a": 1} x',
        '{"a": 1, "a": 2}',
        '{"a": 1, "b": 2, "a": 1}',
        '{"a": 1, "\\u0061": 2}',
    ],
)
def test_anything_else_is_no_key_value_text(text):
    assert _broken(_TAGS, text) == [True]


def test_verdicts_stand_at_their_rows_and_null_is_right():
    verdicts = _broken(_TAGS, "{}", None, "x", "{}", "x")
    assert [bool(verdict) for verdict in verdicts] == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ('{"Elements": [{"ContractId": "c", "ContractCommitmentAppliedCost": 1.5}]}', False),
        ('{"Elements":[{"a": 1}, {"a": 2}]}', False),
        ('{"Elements":[]}', False),
        ('{"x_More": {"deep": [1, 2]}, "Elements": [{"a": "{}"}]}', False),
        ('{"Elements":[{"a": 1}, {"a": 1}]}', True),
        ('{"Elements":[{"a": 1, "a": 2}]}', True),
        ('{"Elements":[{"a": 1}, null]}', True),
        ('{"Elements":[1, "a"]}', True),
        ('{"Elements":[{"a": {"b": 1, "b": 1}}]}', True),
        ('{"Elements":[{"a": 1}', True),
        ('[{"a": 1}]', True),
        ('{"a": Infinity}', True),
        ("[" * 100_000, True),
    ],
)
def test_objects_may_nest_where_focus_nests_them(text, broken):
    assert _broken(_NESTED, text) == [broken]


_KEYS = st.sampled_from(["CoreCount", "InstanceType", "x_own", "other", "a\\u0062"])
_VALUES = st.sampled_from(["1", '"a"', "true", "null", "[1]", "{}"])
_MEMBERS = st.lists(st.builds('"{}": {}'.format, _KEYS, _VALUES), max_size=3)
_CELLS = st.none() | _MEMBERS.map(lambda members: "{" + ", ".join(members) + "}")


@pytest.mark.parametrize("most", [0, 1_000, 1 << 20])
@given(batches=st.lists(st.lists(_CELLS, max_size=8), max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_was_judged_in_an_earlier_batch_is_judged_the_same_again(most, batches):
    column = columns_of("1.4")["SkuPriceDetails"]
    documents = Documents(column, most=most)
    for cells in batches:
        told = documents.verdicts(pa.chunked_array([cells], pa.string()))
        for row, cell in enumerate(cells):
            plain = judge(column, pl.Series([cell] if cell else [], dtype=pl.String))
            for verdict in VERDICTS:
                expected = [bool(told[f"{column.id}!{verdict}"][row])]
                assert expected == (plain[verdict].to_list() or [False])


def test_keys_of_sku_price_details_are_defined_or_custom(a_charge, check):
    _, findings = check(a_charge(SkuPriceDetails='{"CoreCount": 2, "Cores": 2}'))
    assert list(findings) == ["SkuPriceDetails-C-017-C"]


@pytest.mark.parametrize("details", ['{"CoreCount": "2"}', '{"InstanceType": 1}'])
def test_values_of_sku_price_details_have_the_types_defined(details, a_charge, check):
    _, findings = check(a_charge(SkuPriceDetails=details))
    assert list(findings) == ["SkuPriceDetails-C-021-M"]


def test_1_1_does_not_define_keys(a_charge, check):
    _, findings = check(a_charge("1.1", SkuPriceDetails='{"Cores": "2"}'), version="1.1")
    assert not findings


def test_broken_tags_are_a_finding_and_stay(a_charge, check):
    checked, findings = check(a_charge(Tags='"team": "web"'))
    assert list(findings) == ["Tags-C-001-M"]
    assert checked.charges.num_rows == 1


def _oracle(text: str) -> bool:
    """The standard library's verdict on a key-value text."""
    twice = False

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        twice |= len({key for key, _ in pairs}) < len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        document = json.loads(text, object_pairs_hook=note, parse_constant=refuse)
    except ValueError:
        return True
    if not isinstance(document, dict) or twice:
        return True
    return any(isinstance(value, dict | list) for value in document.values())


_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats()
_OBJECTS = st.dictionaries(st.text(max_size=4), _SCALARS | st.lists(_SCALARS, max_size=2)).flatmap(
    lambda value: st.booleans().map(lambda ascii_only: json.dumps(value, ensure_ascii=ascii_only))
)


@settings(deadline=None, max_examples=400)
@given(text=_OBJECTS | st.text('{}[]":,\\ua01 tre-.\n', max_size=20))
def test_expressions_and_the_json_library_agree(text):
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert _broken(_TAGS, text) == [_oracle(text)]

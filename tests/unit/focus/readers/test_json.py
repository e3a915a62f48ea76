"""JSON as it is met: lines, arrays and answers of servers; exact numbers, told places."""

import gzip
import io
import json
import tracemalloc
from decimal import Decimal
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_focus.errors import Unreadable
from costwire_focus.own_rules import (
    COLUMN_BLANKS,
    COLUMN_REPEATED,
    NOT_A_RECORD,
    TEXT_ENCODING,
    UNDECODABLE,
)
from costwire_focus.readers import json as json_reader
from costwire_focus.readers import json_records, open_report
from costwire_focus.readers.json_records import Document

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
nested = st.recursive(
    texts | st.booleans() | st.none() | st.integers(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.fixed_dictionaries(
    {"BilledCost": numbers.map(lambda number: f"{number:f}")},
    optional={"ServiceName": texts, "Tags": st.dictionaries(texts, nested, max_size=3)},
)


def written(record, **style):
    """A record as JSON, its BilledCost as a number of just these digits."""
    rest = {name: value for name, value in record.items() if name != "BilledCost"}
    text = json.dumps({"BilledCost": "@", **rest}, **style)
    return text.replace('"@"', record["BilledCost"], 1)


def as_lines(found):
    return "\n".join(written(record) for record in found) + "\n"


def as_array(found):
    return "[" + ",".join(written(record, ensure_ascii=False) for record in found) + "]"


def as_pretty_array(found):
    return "[\n" + ",\n".join(written(record, indent=2) for record in found) + "\n]\n"


def as_answer(found):
    return '{"kind": "List", "Items": ' + as_pretty_array(found) + ', "metadata": {"a": [1]}}'


FORMS = [as_lines, as_array, as_pretty_array, as_answer]


@settings(max_examples=50)
@given(
    found=st.lists(records, min_size=1, max_size=6),
    form=st.sampled_from(FORMS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    size=st.integers(1, 200),
)
def test_any_records_come_back_from_every_form(read, found, form, encoding, size):
    seen = read(form(found).encode(encoding), batch_bytes=size)
    assert seen.unusable == []
    assert seen.disagreement is None
    rows = [dict(zip(seen.names, row, strict=True)) for row in seen.rows]
    assert [row["BilledCost"] for row in rows] == [record["BilledCost"] for record in found]
    for row, record in zip(rows, found, strict=True):
        assert row.get("ServiceName") == (record.get("ServiceName") or None)
        tags = row.get("Tags")
        assert (json.loads(tags) if tags is not None else None) == record.get("Tags")
    assert [json.loads(raw, parse_float=str) for raw in seen.raw] == [
        json.loads(written(record), parse_float=str) for record in found
    ]


@pytest.mark.parametrize(
    "number",
    ["0.1", "1.50", "-0.0", "1E-7", "12345678901234567890.123456789012345678", "1e5", "9" * 400],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_number_keeps_its_digits(read, number, form):
    seen = read(form([{"BilledCost": number}]).encode())
    assert seen.rows == [(number,)]
    assert seen.disagreement is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("null", None),
        ('""', None),
        ('"NULL"', "NULL"),
        ("true", "true"),
        ("false", "false"),
        ("0", "0"),
        ('"é\\n\\u00e9"', "é\né"),
        ("{}", "{}"),
        ("[]", "[]"),
        (
            '{"a": 1.50, "b": [true, null, "x\\"é"], "a": 2}',
            '{"a":1.50,"b":[true,null,"x\\"é"],"a":2}',
        ),
        ('[{"key": "env", "value": "prod"}]', '[{"key":"env","value":"prod"}]'),
    ],
)
def test_a_value_of_any_type_is_text(read, value, text):
    for data in (f'{{"BilledCost": 1, "Tags": {value}}}\n', f'[{{"BilledCost":1,"Tags":{value}}}]'):
        seen = read(data.encode())
        assert seen.rows == [("1", text)]
        assert seen.disagreement is None


def test_keys_that_appear_late_and_in_other_order_are_columns_of_all(read):
    data = b'{"BilledCost":1,"a":"x"}\n{"a":"y","BilledCost":2}\n{"BilledCost":3,"late":"z"}\n'
    seen = read(data, batch_bytes=1)
    assert seen.names == ["BilledCost", "a", "late"]
    assert seen.rows == [("1", "x", None), ("2", "y", None), ("3", None, "z")]
    assert seen.lines == [1, 2, 3]


def test_keys_are_named_like_the_cells_of_a_header(read):
    seen = read(b'{"BilledCost ":1,"":"x"}\n')
    assert seen.names == ["BilledCost", "column_2"]
    assert COLUMN_BLANKS in seen.remarks


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        pytest.param(b'{"BilledCost": 2', NOT_A_RECORD, id="cut off"),
        pytest.param(b'{"BilledCost": 2} null', NOT_A_RECORD, id="more behind it"),
        pytest.param(b'{"BilledCost": NaN}', NOT_A_RECORD, id="NaN"),
        pytest.param(b'{"x":' + b"[" * 100_000, NOT_A_RECORD, id="nested without end"),
        pytest.param(
            b'{"x": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b', "BilledCost": 2}',
            NOT_A_RECORD,
            id="nested deeply",
        ),
        pytest.param(b"null", NOT_A_RECORD, id="null"),
        pytest.param(b"[1, 2]", NOT_A_RECORD, id="array"),
        pytest.param(b"7", NOT_A_RECORD, id="number"),
        pytest.param(b'{"x": "\xff", "BilledCost": 2}', NOT_A_RECORD, id="no UTF-8"),
        pytest.param(b'{"x": "a\tb", "BilledCost": 2}', NOT_A_RECORD, id="bare tabulator"),
        pytest.param(b'{"BilledCost": 2, "BilledCost": 3}', COLUMN_REPEATED, id="cost twice"),
        pytest.param(b'{"BilledCost": 2, "x": 1, "x": 1}', COLUMN_REPEATED, id="key twice"),
        pytest.param(b'{"x": "\\ud800", "BilledCost": 2}', UNDECODABLE, id="half of a pair"),
        pytest.param(b'{"\\ud800": 1, "BilledCost": 2}', UNDECODABLE, id="half of a pair as key"),
    ],
)
def test_a_damaged_line_is_set_aside_alone(read, line, rule):
    seen = read(b'{"BilledCost": 1}\n\n' + line + b'\n{"BilledCost": 4, "y": 5}')
    assert seen.rows in ([("1", None), ("4", "5")], [("1", None, None), ("4", None, "5")])
    assert seen.lines == [1, 4]
    assert seen.unusable == [(3, line, rule)]
    assert seen.disagreement is None


def test_a_key_that_no_store_can_name_is_refused(read):
    with pytest.raises(Unreadable, match="holds the character U"):
        read(b'{"BilledCost": 1}\n{"a\\u0000": 2}\n')


def test_a_first_line_that_is_damaged_does_not_hide_the_others(read):
    seen = read(b'{"BilledCost": \n{"BilledCost": 2}\n{"BilledCost": 3}\n')
    assert seen.rows == [("2",), ("3",)]
    assert [line for line, _, _ in seen.unusable] == [1]


def test_an_element_that_is_no_object_is_set_aside_alone(read):
    data = b'[{"BilledCost":1},null,[{"BilledCost":9}],"a,b",{"x":1,"x":2,"BilledCost":3},\n\n7]'
    seen = read(data)
    assert seen.rows == [("1", None)]
    assert [(line, rule) for line, _, rule in seen.unusable] == [
        *[(1, NOT_A_RECORD)] * 3,
        (1, COLUMN_REPEATED),
        (3, NOT_A_RECORD),
    ]
    assert seen.disagreement is None


@pytest.mark.parametrize(
    "cost", ['"abc"', '" 5"', "true", '{"a": 1}', "[1]", '"1,5"', "1e-45", "1e999", '"1\\u0000"']
)
def test_a_cost_that_is_no_amount_counts_nothing_for_both_readers(read, cost):
    for data in (f'{{"BilledCost":{cost}}}\n{{"BilledCost":2}}\n', f'[{{"BilledCost":{cost}}}]'):
        assert read(data.encode()).disagreement is None


@pytest.mark.parametrize("cost", ['".5"', '"5."', '"+5"', '"1.5E3"', '"0.10"'])
def test_a_cost_that_is_told_as_text_is_counted_by_both_readers(read, cost):
    report = open_report(io.BytesIO(f'[{{"BilledCost":{cost}}}]'.encode()), "part")
    list(report.batches())
    assert report.recount().billed_cost == Decimal(cost.strip('"'))
    assert read(f'[{{"BilledCost":{cost}}}]'.encode()).disagreement is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"[{}]", "no record of it is usable", id="nothing named"),
        pytest.param(b"[1]", "no record of it is usable", id="no object"),
        pytest.param(b'[{"\\ud800": 1}]', "no record of it is usable", id="no name"),
        pytest.param(b'{"BilledCost":1}\r{"BilledCost":2}\r', "carriage returns", id="returns"),
        pytest.param(b'[{"BilledCost":1},{"Bil', "cut off", id="cut off"),
        pytest.param(b'[{"BilledCost":1},', "cut off", id="cut off behind a comma"),
        pytest.param(b'[{"BilledCost":1}', "cut off", id="not closed"),
        pytest.param(b'[{"BilledCost":1},]', "comma", id="comma at the end"),
        pytest.param(b'[{"BilledCost":1}\n{"BilledCost":2}]', "line 2", id="no comma"),
        pytest.param(b'[{"BilledCost":1},\n{"BilledCost":NaN}]', "line 2: NaN", id="NaN"),
        pytest.param(b'[{"BilledCost":1}]\n[]', "more behind", id="two documents"),
        pytest.param(b'{"a":[{"BilledCost":1}],"b":[{"BilledCost":2}]}', "two lists", id="lists"),
        pytest.param(b'{\n"BilledCost": 1\n}\n', "without a list", id="one pretty record"),
        pytest.param(b'{"items":[{"BilledCost":1}],"nextLink":"x"}', "one page", id="page"),
        pytest.param(b'{"items":[{"BilledCost":1}],"next":"http://x"}', "one page", id="next"),
        pytest.param(b'{"items":[{"BilledCost":1}],"NextToken":"x"}', "one page", id="AWS page"),
        pytest.param(b'{"items":[{"BilledCost":1}],"has_more":true}', "one page", id="more"),
        pytest.param(
            b'{"opc-next-page":"x","items":[{"BilledCost":1}]}', "one page", id="OCI page"
        ),
        pytest.param(
            b'{"links":{"next":"http://x"},"items":[{"BilledCost":1}]}',
            "one page",
            id="linked page",
        ),
        pytest.param(
            b'{"items":[{"BilledCost":1}],"metadata":{"continue":"x"}}', "one page", id="k8s page"
        ),
        pytest.param(b'[{"BilledCost":"\xff"}]', "not UTF-8", id="no UTF-8"),
        pytest.param(b'[{"a":' + b"[" * 100_000, "too deeply", id="nested without end"),
    ],
)
def test_a_document_that_is_broken_is_refused_with_its_place(read, data, said):
    with pytest.raises(Unreadable, match=said):
        read(data)


@pytest.mark.parametrize("data", [b"[]", b" [\n] ", b'{"items": []}'])
def test_a_part_without_records_has_no_columns_and_no_rows(data):
    first = open_report(io.BytesIO(data), "part")
    assert first.header == ()
    again = open_report(io.BytesIO(data), "part", header=first.header)
    assert [batch.charges.num_rows for batch in again.batches()] == [0]
    assert again.recount().records == 0


@pytest.mark.parametrize(
    "data", [b'[{"BilledCost":1}%b]', b'[{"BilledCost":1}%b,{"BilledCost":2}]', b'[%b{"a":1}]%b']
)
def test_blanks_without_end_take_no_memory(data):
    def blocks():
        for number, piece in enumerate(data.split(b"%b")):
            yield from repeat(b"\n" * (1 << 16), 1_000 if number else 0)
            yield piece

    found = blocks()
    document = Document(lambda _: next(filter(None, found), b""), 1 << 16, "part")
    tracemalloc.start()
    records = [record for batch, _ in document.elements() for record in batch]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert records[-1].line in (1, 65_536_001)
    assert peak < 2 << 20


def test_a_record_without_end_is_refused(read, monkeypatch):
    monkeypatch.setattr(json_records, "LONGEST_RECORD", 1 << 16)
    with pytest.raises(Unreadable, match=r"line 2: .* a record is too long"):
        read(b'[{"BilledCost":1},\n{"a":"' + b"x" * (1 << 20), batch_bytes=1 << 12)


def test_a_line_without_end_is_refused(read):
    with pytest.raises(Unreadable, match="line 2 is longer"):
        read(b'{"BilledCost":1}\n{"a":"' + b"x" * (20 << 20), batch_bytes=1 << 20)


def test_keys_that_are_data_are_no_columns(read):
    data = "".join(f'{{"BilledCost":1,"k{n}":1}}\n' for n in range(2_001))
    with pytest.raises(Unreadable, match="more than 2000 different keys"):
        read(data.encode())


def test_json_is_read_packed_and_from_windows(read):
    data = b'[{"BilledCost":1.50}]'
    assert read(gzip.compress(data)).rows == [("1.50",)]
    seen = read(data.decode().encode("utf-16"))
    assert seen.rows == [("1.50",)]
    assert TEXT_ENCODING in seen.remarks


def test_an_earlier_look_saves_the_search_for_columns(monkeypatch):
    data = b'{"BilledCost":1}\n{"BilledCost":2,"late ":3}\n'
    first = open_report(io.BytesIO(data), "part")
    monkeypatch.setattr(json_reader.JsonReport, "_keys", lambda _: pytest.fail("read again"))
    again = open_report(io.BytesIO(data), "part", header=first.header)
    assert again.names == first.names == ["BilledCost", "late"]
    rows = [row for batch in again.batches() for row in batch.charges.to_pylist()]
    assert rows == [{"BilledCost": "1", "late": None}, {"BilledCost": "2", "late": "3"}]


def test_a_key_that_an_earlier_look_did_not_see_is_never_dropped():
    report = open_report(io.BytesIO(b'{"BilledCost":1,"x_New":2}\n'), "part", header=["BilledCost"])
    with pytest.raises(Unreadable, match="x_New"):
        list(report.batches())

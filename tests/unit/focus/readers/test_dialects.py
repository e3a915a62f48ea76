"""CSV in every separator and encoding that is met: the same charges as from commas and UTF-8."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.csv_line import SEPARATORS
from costwire_focus.encoding_names import encoding_name
from costwire_focus.errors import Unreadable
from costwire_focus.own_rules import (
    BROKEN_QUOTES,
    CELL_SEPARATOR,
    COLUMN_BLANKS,
    COLUMN_REPEATED,
    FIELD_COUNT,
    LAST_LINE_OPEN,
    TEXT_ENCODING,
    UNDECODABLE,
)
from costwire_focus.readers import open_report
from costwire_focus.readers.dialect import separator_of, told_separator

HEADER = ["BilledCost", "ServiceName", "Tags"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
cells = st.text(characters, max_size=12)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str)
tables = st.lists(st.tuples(amounts, cells, cells), max_size=8)


def written(rows, separator=",", line_end="\n", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=quoting)
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue()


def expected(rows):
    nulls = {"": None}
    return [tuple(nulls.get(cell, cell) for cell in row) for row in rows]


@given(
    rows=tables,
    separator=st.sampled_from(SEPARATORS),
    encoding=st.sampled_from(ENCODINGS),
    line_end=st.sampled_from(["\n", "\r\n"]),
    size=st.integers(1, 64),
)
def test_any_table_comes_back_from_every_dialect(read, rows, separator, encoding, line_end, size):
    text = written(rows, separator.decode(), line_end, csv.QUOTE_ALL)
    seen = read(text.encode(encoding), batch_bytes=size)
    assert seen.names == HEADER
    assert seen.rows == expected(rows)
    assert seen.disagreement is None
    assert (CELL_SEPARATOR in seen.remarks) is (separator != b",")
    assert (TEXT_ENCODING in seen.remarks) is (encoding not in ("utf-8", "utf-8-sig"))


@given(
    rows=st.lists(
        st.tuples(amounts, *[st.text(st.characters(codec="windows-1252"), max_size=9)] * 2)
    ),
    size=st.integers(1, 64),
)
def test_any_table_comes_back_from_a_told_encoding(read, rows, size):
    rows = [tuple(re.sub("[\0\r\n]", " ", cell) for cell in row) for row in rows]
    data = written(rows, ";", quoting=csv.QUOTE_ALL).encode("windows-1252")
    seen = read(data, encoding="cp1252", batch_bytes=size)
    assert seen.rows == expected(rows)
    assert seen.disagreement is None


@pytest.mark.parametrize("encoding", ["shift_jis", "gb18030", "euc_kr", "iso8859-15", "utf-7"])
def test_a_character_cut_by_blocks_is_whole_in_any_encoding(read, encoding):
    text = {"shift_jis": "表示;ソ", "gb18030": "账单;𠀀", "euc_kr": "청구", "utf-7": "é;€"}
    rows = [("1", text.get(encoding, "€;œ"), "x")] * 20
    data = written(rows, ";").encode(encoding)
    for size in (1, 2, 3, 7, 1000):
        assert read(data, encoding=encoding, batch_bytes=size).rows == rows


@pytest.mark.parametrize(
    ("encoding", "damage"),
    [
        pytest.param("windows-1252", b"\x81", id="no character of the code page"),
        pytest.param("utf-16-le", b"\x00\xd8", id="half of a pair"),
        pytest.param("utf-32-le", b"\xff\xff\xff\xff", id="beyond Unicode"),
        pytest.param("shift_jis", b"\x81\x20", id="half of a character"),
    ],
)
def test_a_damaged_row_of_another_encoding_is_set_aside_alone(read, encoding, damage):
    good = [("1", "a", "b"), ("3", "c", "d")]
    head, tail = written(good[:1]).encode(encoding), "3,c,d\n".encode(encoding)
    row = "2,x".encode(encoding) + damage + "y,z\n".encode(encoding)
    seen = read(head + row + tail, encoding=encoding)
    assert seen.rows == good
    assert [(line, rule) for line, _, rule in seen.unusable] == [(3, UNDECODABLE)]
    assert seen.disagreement is None


def test_a_text_whose_last_character_is_cut_off_is_not_taken_for_whole(read):
    data = written([("1", "a", "b")]).encode("utf-16") + "2,c,".encode("utf-16-le") + b"\x61"
    seen = read(data)
    assert seen.rows == [("1", "a", "b")]
    assert [rule for _, _, rule in seen.unusable] == [UNDECODABLE]


def test_a_byte_order_mark_is_believed_more_than_a_setting(read):
    data = written([("1", "é", "b")]).encode("utf-8-sig")
    assert read(data, encoding="windows-1252").rows == [("1", "é", "b")]


@pytest.mark.parametrize(
    ("told", "name"),
    [("Latin-1", "iso8859-1"), ("windows-1252", "cp1252"), ("UTF8", "utf-8"), ("UTF-8", "utf-8")],
)
def test_an_encoding_has_one_name(told, name):
    assert encoding_name(told) == name


@pytest.mark.parametrize("told", ["", "klingon", "rot13", "base64", "zip", "undefined", "idna"])
def test_what_is_no_text_encoding_is_refused(told):
    with pytest.raises(ValueError, match="no text encoding"):
        encoding_name(told)


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        (b"BilledCost,ServiceName", b","),
        (b"BilledCost;ServiceName", b";"),
        (b"BilledCost\tServiceName", b"\t"),
        (b"BilledCost|ServiceName", b"|"),
        (b'"BilledCost";"ServiceName"', b";"),
        (b'BilledCost,"x_a;b;c;d"', b","),
        (b"x_a,b;BilledCost;ServiceName", b";"),
        (b"AmortizedCost;Provider;x_a,b,c,d", b";"),
        (b" BilledCost ; ServiceName ", b";"),
        (b"BilledCost", b","),
        (b"one;two;three", b";"),
        (b"", b","),
        (b"a\rb", b","),
    ],
)
def test_the_header_tells_the_separator(header, separator):
    assert separator_of(header) == separator


@pytest.mark.parametrize(
    ("line", "separator"),
    [(b"sep=;", b";"), (b'"sep=\t"\r', b"\t"), (b"SEP=,", b","), (b"sep=", None), (b"sep=x", None)],
)
def test_a_line_for_spreadsheets_tells_the_separator(line, separator):
    assert told_separator(line) == separator


def test_a_line_for_spreadsheets_is_no_header_and_counts_as_a_line(read):
    seen = read(b"\r\nsep=;\r\nBilledCost;ServiceName\r\n1;a,b\r\n2;c\r\n", batch_bytes=1)
    assert seen.names == ["BilledCost", "ServiceName"]
    assert seen.rows == [("1", "a,b"), ("2", "c")]
    assert seen.lines == [4, 5]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        pytest.param(b"1;a;b", FIELD_COUNT, id="too many cells"),
        pytest.param(b'1;"a', BROKEN_QUOTES, id="quote left open"),
        pytest.param(b"1;a\r2;b", BROKEN_QUOTES, id="bare carriage return"),
        pytest.param(b"1;\xff", UNDECODABLE, id="no UTF-8"),
    ],
)
def test_a_damaged_row_is_set_aside_alone_behind_any_separator(read, row, rule):
    seen = read(b"BilledCost;ServiceName\n1;a,b\n" + row + b'\n2;"b;c"\n3;"c\nd"\n')
    assert seen.rows == [("1", "a,b"), ("2", "b;c"), ("3", "c\nd")]
    assert [(line, raw, found) for line, raw, found in seen.unusable] == [(3, row, rule)]
    assert seen.disagreement is None


@pytest.mark.parametrize(
    "cell",
    [
        rb'"{\"env\":\"prod\"}"',
        rb'"{\"env\":\"prod\",\"org\":\"acme\"}"',
        rb'"\"quoted\" at the start"',
        rb'"ends \"quoted\""',
    ],
)
def test_quotes_behind_backslashes_are_named_not_guessed(cell):
    data = b"BilledCost,Tags\n1,a\n2," + cell + b"\n3,c\n"
    report = open_report(io.BytesIO(data), "part")
    (batch,) = report.batches()
    assert batch.charges.column("BilledCost").to_pylist() == ["1", "3"]
    (row,) = batch.unusable
    assert (row.line, row.rule) == (3, BROKEN_QUOTES)
    assert "CSV doubles it" in row.reason


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (rb'"{""a"":""b\""c""}"', r'{"a":"b\"c"}'),
        (rb'"C:\dir\"', "C:\\dir\\"),
        (rb'"\""x"', r"\"x"),
        (rb"5\"x", r"5\"x"),
    ],
)
def test_backslashes_are_characters_like_others(read, cell, text):
    for end in (b"\n", b"\r\n"):
        assert read(b"BilledCost,Tags,x_End\n1," + cell + b"," + end).rows == [("1", text, None)]


def test_a_carriage_return_within_a_quoted_name_is_no_line_end(read):
    assert read(b'BilledCost,"x_a\rb"\n1,2\n').names == ["BilledCost", "x_a\rb"]


def test_blanks_around_names_are_taken_off_and_told(read):
    seen = read('\ufeff\ufeffBilledCost ," ServiceName",\u00a0Tags\t\n1,a,b\n'.encode())
    assert seen.names == HEADER
    assert COLUMN_BLANKS in seen.remarks


def test_a_name_that_repeats_another_but_for_blanks_is_a_column_of_its_own(read):
    seen = read(b"BilledCost, BilledCost\n1,2\n")
    assert seen.names == ["BilledCost", "BilledCost_2"]
    assert {COLUMN_BLANKS, COLUMN_REPEATED} <= seen.remarks.keys()
    assert seen.disagreement is None


@pytest.mark.parametrize(
    ("end", "rows", "unusable"),
    [
        pytest.param(b"2,c", 1, [FIELD_COUNT], id="within the row"),
        pytest.param(b'2,c,"{', 1, [BROKEN_QUOTES], id="within quotes"),
        pytest.param(b"2,c,d", 2, [], id="within the last cell"),
    ],
)
def test_a_last_line_that_was_cut_off_is_told(read, end, rows, unusable):
    seen = read(b"BilledCost,ServiceName,Tags\n1,a,b\n" + end)
    assert LAST_LINE_OPEN in seen.remarks
    assert "line 3" in seen.remarks[LAST_LINE_OPEN]
    assert len(seen.rows) == rows
    assert [rule for _, _, rule in seen.unusable] == unusable


def test_blank_lines_at_the_end_are_no_cut(read):
    assert read(b"BilledCost,ServiceName\n1,a\n\n\r\n\n").remarks == {}


def test_four_hundred_columns_with_long_names_are_read(read):
    names = [f"x_{'Long' * 30}{n}" for n in range(398)]
    header = ",".join(["BilledCost", *names, "x_Ö"])
    cells = [str(n) for n in range(400)]
    seen = read(f"{header}\n{','.join(cells)}\n".encode())
    assert seen.rows == [tuple(cells)]
    assert seen.disagreement is None


def test_cells_of_a_megabyte_are_whole(read):
    cell = "line\n" * 200_000
    data = f'BilledCost;x_Long\n1;"{cell}"\n2;b\n'.encode()
    seen = read(data, batch_bytes=1 << 16)
    assert seen.rows == [("1", cell), ("2", "b")]
    assert seen.disagreement is None


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_header_without_rows_is_a_report_without_charges(read, encoding):
    seen = read(written([]).encode(encoding))
    assert (seen.names, seen.rows, seen.unusable) == (HEADER, [], [])
    assert seen.disagreement is None


@pytest.mark.parametrize("data", [b"", "\n\n".encode("utf-16"), b"sep=;\n"])
def test_a_report_without_header_is_refused(read, data):
    with pytest.raises(Unreadable, match="no header"):
        read(data)

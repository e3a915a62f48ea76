"""Single promises of the CSV reader, each with the smallest file that shows it."""

import io

import pytest

from costwire_focus.errors import Unreadable
from costwire_focus.readers import csv as csv_reader
from costwire_focus.readers import open_report

HEADER = b"BilledCost,ServiceName\n"


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        pytest.param(b"1,a\n2,b\n", [("1", "a"), ("2", "b")], id="plain"),
        pytest.param(b"1,a\n2,b", [("1", "a"), ("2", "b")], id="no last line end"),
        pytest.param(b"1,a\r\n2,b\r\n", [("1", "a"), ("2", "b")], id="CRLF"),
        pytest.param(b"\n\r\n1,a\n\n\r\n2,b\n\n", [("1", "a"), ("2", "b")], id="blank lines"),
        pytest.param(b'1,"a\nb"\n', [("1", "a\nb")], id="quoted line end"),
        pytest.param(b'1,"a\r\nb"\r\n', [("1", "a\r\nb")], id="quoted CRLF"),
        pytest.param(b'1,"a\rb"\n', [("1", "a\rb")], id="quoted carriage return"),
        pytest.param(b'1,"say ""hi"", ok"\n', [("1", 'say "hi", ok')], id="doubled quotes"),
        pytest.param(b'1,""""\n', [("1", '"')], id="one quote"),
        pytest.param(b'1,5" pipe\n2,b\n', [("1", '5" pipe'), ("2", "b")], id="one stray quote"),
        pytest.param(b'1,5" x 3"\n', [("1", '5" x 3"')], id="two stray quotes"),
        pytest.param(b'1,"a"b\n', [("1", "ab")], id="text after a closing quote"),
        pytest.param(b' 1 , "a"\n', [(" 1 ", ' "a"')], id="blanks are kept"),
        pytest.param("1,\ufeffa\n".encode(), [("1", "\ufeffa")], id="BOM within"),
        pytest.param("\ufeff1,a\n".encode(), [("\ufeff1", "a")], id="BOM of the first cell"),
        pytest.param(
            "1,a\u0085\u2028\u2029\x0b\x0c\x1c\n".encode(),
            [("1", "a\u0085\u2028\u2029\x0b\x0c\x1c")],
            id="line ends of Unicode are text",
        ),
        pytest.param(b",\n", [(None, None)], id="a charge of nulls"),
        pytest.param(b"", [], id="header only"),
    ],
)
def test_cells(read, data, rows):
    seen = read(HEADER + data)
    assert seen.rows == rows
    assert seen.unusable == []
    assert seen.disagreement is None


@pytest.mark.parametrize("cell", ["", "NULL", "null", '""'])
def test_an_empty_or_null_cell_is_null(read, cell):
    assert read(HEADER + f"1,{cell}\n".encode()).rows == [("1", None)]


@pytest.mark.parametrize("cell", ['"NULL"', '"null"', "Null", "N/A", "NaN", " ", "nan", "None"])
def test_every_other_text_is_text(read, cell):
    assert read(HEADER + f"1,{cell}\n".encode()).rows == [("1", cell.strip('"'))]


def test_lines_count_quoted_line_ends_and_blank_lines(read):
    seen = read(b'\nBilledCost,"Service\nName"\n\n1,"a\n\nb"\n2,c\n')
    assert seen.lines == [5, 8]
    assert seen.raw == [b'1,"a\n\nb"', b"2,c"]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        pytest.param(b"1", csv_reader.FIELD_COUNT, id="too few cells"),
        pytest.param(b"1,a,b", csv_reader.FIELD_COUNT, id="too many cells"),
        pytest.param(b"1,\xff", csv_reader.UNDECODABLE, id="no UTF-8"),
        pytest.param(b"1,\xe9t\xe9", csv_reader.UNDECODABLE, id="Latin-1"),
        pytest.param(b"1,\xed\xa0\x80", csv_reader.UNDECODABLE, id="surrogate"),
        pytest.param(b"1,a\0", csv_reader.NUL_CHARACTER, id="U+0000"),
        pytest.param(b"1,a\r2,b", csv_reader.BROKEN_QUOTES, id="bare carriage return"),
        pytest.param(b"1,\xff\r2", csv_reader.BROKEN_QUOTES, id="no UTF-8, carriage return"),
        pytest.param(b'1,"a', csv_reader.BROKEN_QUOTES, id="quote left open"),
    ],
)
def test_a_row_that_cannot_be_cut_is_set_aside_alone(read, row, rule):
    seen = read(HEADER + b"1,a\n" + row + b'\n2,"b"\n3,"c\nd"\n')
    assert seen.rows == [("1", "a"), ("2", "b"), ("3", "c\nd")]
    assert seen.lines == [2, 4, 5]
    assert seen.unusable == [(3, row, rule)]
    assert seen.disagreement is None


def test_two_carriage_returns_are_not_taken_for_two_charges(read):
    seen = read(HEADER + b"\r\r\n1,a\r2,b\n")
    assert seen.rows == []
    assert [line for line, _, _ in seen.unusable] == [2, 3]


def test_a_quote_left_open_costs_its_own_line_only(read):
    seen = read(HEADER + b'1,a\n2,"b\n3,c\n4,"d"\n5,e\n')
    assert seen.unusable == [(3, b'2,"b', csv_reader.BROKEN_QUOTES)]
    assert [row[0] for row in seen.rows] == ["1", "3", "4", "5"]


def test_two_quotes_left_open_cost_their_own_lines_only(read):
    seen = read(HEADER + b'1,a\n2,"b\n3,c\n4,"d\n5,e\n')
    assert [(line, raw) for line, raw, _ in seen.unusable] == [(3, b'2,"b'), (5, b'4,"d')]
    assert [row[0] for row in seen.rows] == ["1", "3", "5"]


def test_a_quote_left_open_to_the_end_costs_its_own_line_only(read):
    seen = read(HEADER + b'1,a\n2,"b\n3,c\n4,d', batch_bytes=4)
    assert seen.unusable == [(3, b'2,"b', csv_reader.BROKEN_QUOTES)]
    assert [row[0] for row in seen.rows] == ["1", "3", "4"]


def test_the_reason_names_the_damaged_byte_and_the_setting():
    report = open_report(io.BytesIO(HEADER + b"1,ab\xe9\n"), "part")
    (row,) = [row for batch in report.batches() for row in batch.unusable]
    assert row.reason.startswith("byte 5 of the row is not UTF-8; it would be 'é' in Windows-1252")
    assert "--encoding" in row.reason
    assert "EXPORTER_ENCODING" in row.reason


def test_a_record_cut_by_blocks_within_a_character_is_whole(read):
    text = "1,äöü€𝄞\n" * 5
    for size in range(1, 12):
        seen = read(HEADER + text.encode(), batch_bytes=size)
        assert seen.rows == [("1", "äöü€𝄞")] * 5


def test_one_column_has_a_charge_for_each_line_that_is_not_blank(read):
    seen = read(b'BilledCost\n1\n""\n\n2\nNULL\n')
    assert seen.rows == [("1",), (None,), ("2",), (None,)]
    assert seen.lines == [2, 3, 5, 6]
    assert seen.disagreement is None


def test_a_byte_order_mark_is_no_part_of_the_first_name(read):
    assert read(b"\xef\xbb\xbf" + HEADER + b"1,a\n", batch_bytes=1).names[0] == "BilledCost"


def test_a_long_cell_over_many_blocks_is_one_cell(read):
    text = 'line "" of text\n' * 100_000
    data = HEADER + b'1,"' + text.encode() + b'"\n2,b\n'
    seen = read(data, batch_bytes=4096)
    assert seen.rows == [("1", text.replace('""', '"')), ("2", "b")]
    assert seen.disagreement is None


def test_a_quote_left_open_in_a_large_part_is_given_up_at_some_size(read):
    rows = (b"x" * 253 + b",2\n") * (1 << 17)
    seen = read(HEADER + b'1,"a\n' + rows, batch_bytes=1 << 20)
    assert seen.unusable == [(2, b'1,"a', csv_reader.BROKEN_QUOTES)]
    assert len(seen.rows) == 1 << 17


def test_a_line_without_end_is_refused(read):
    with pytest.raises(Unreadable, match="line 2 is longer than"):
        read(HEADER + b"1," + b"x" * (20 << 20), batch_bytes=1 << 20)


def test_a_row_with_a_cell_beyond_the_csv_module_s_limit_is_set_aside(read):
    seen = read(HEADER + b"1,a," + b"x" * 200_000 + b"\n2,b\n")
    assert [rule for _, _, rule in seen.unusable] == [csv_reader.FIELD_COUNT]
    assert seen.disagreement is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "no header", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "no header", id="BOM only"),
        pytest.param(b"\n\r\n\n", "no header", id="blank lines"),
        pytest.param(b"Billed\0Cost,B\n1,2\n", "U+0000", id="U+0000 in the header"),
        pytest.param(b"Billed\xff,B\n1,2\n", "--encoding", id="undecodable header"),
        pytest.param(b"BilledCost,B\r1,2\r", "carriage returns", id="carriage returns alone"),
        pytest.param(b"B,C\r" * (1 << 23), "carriage returns", id="many carriage returns alone"),
        pytest.param(b"\r\r\nB,C\n1,2\n", "carriage returns", id="a header of a carriage return"),
        pytest.param(b'BilledCost,"B\n1,2\n', "header line", id="quote left open in the header"),
    ],
)
def test_what_is_no_csv_is_refused(read, data, said):
    with pytest.raises(Unreadable, match=said.replace("+", r"\+")):
        read(data)


def test_the_refusal_names_the_header_s_line(read):
    with pytest.raises(Unreadable) as refused:
        read(b"\n\r\nBilled\xff\n")
    assert refused.value.line == 3

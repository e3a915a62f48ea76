"""Sheets of quarantined rows: in several files where they are long, filled in by rule."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_cli.csv_cells import records, value
from costwire_cli.errors import CommandError
from costwire_cli.sheets import put, write_sheets
from costwire_focus.csv_line import SEPARATORS, csv_line

SHEET = (
    b"\xef\xbb\xbfcostwire:row,costwire:reason,BilledCost,Tags\r\n"
    b'1,"CW-A: x",abc,"{""a"":1}"\r\n2,CW-B: y,,\r\n3,torn\r\n'
)


cells = st.text(st.sampled_from('a1,"\r\n é'), max_size=6)


def cut(text: bytes, at: int) -> list[bytes]:
    """Pieces as they come from a server."""
    return [text[start : start + at] for start in range(0, len(text), at)]


@given(
    rows=st.lists(st.tuples(cells, cells), max_size=9), most=st.integers(1, 4), at=st.integers(1, 9)
)
def test_a_long_sheet_becomes_several_that_hold_all_of_its_rows(
    rows: list[tuple[str, str]], most: int, at: int
) -> None:
    header = csv_line(["costwire:row", "BilledCost"])
    whole = (header + "".join(map(csv_line, rows))).encode()
    with TemporaryDirectory() as folder:
        first = Path(folder) / "fix.csv"
        paths = write_sheets(first, cut(whole, at), most)
        assert paths[0] == first
        assert sorted(Path(folder).iterdir()) == sorted(paths)
        texts = [path.read_bytes().decode() for path in paths]
    assert all(text.startswith(header) for text in texts)
    parts = [text.removeprefix(header) for text in texts]
    assert "".join(parts) == "".join(map(csv_line, rows))
    read = [[*csv.reader(io.StringIO(part, newline=""))] for part in parts]
    assert all(len(part) == most for part in read[:-1])
    assert len(paths) == max(1, -(-len(rows) // most))


def test_files_of_a_long_sheet_are_numbered(tmp_path: Path) -> None:
    pieces = [b"costwire:row,A\n1,a\n2,b\n3,c\n4,d\n5,e\n"]
    paths = write_sheets(tmp_path / "fix.csv", pieces, 2)
    assert [path.name for path in paths] == ["fix.csv", "fix-2.csv", "fix-3.csv"]


def test_set_changes_the_rows_that_broke_the_rule_and_no_others() -> None:
    changed, sheet = put(SHEET, {"BilledCost": "1"}, "CW-A")
    assert changed == 1
    assert sheet == SHEET.replace(b",abc,", b",1,")
    assert put(SHEET, {"Tags": ""}, None)[0] == 1


def test_set_keeps_every_other_cell_to_the_byte() -> None:
    lines = [
        b'costwire:row;"costwire:reason";BilledCost;Note\r\n',
        b'1;"CW-A: x; y";"abc";"NULL"\r\n',
        b'2;"CW-A: z";%b;NULL\n',
        b'3;"CW-A: z";"two ""\r\nlines";null',
    ]
    changed, sheet = put(b"".join(lines) % b"9", {"BilledCost": "9"}, "CW-A")
    assert changed == 2
    kept = b"".join(lines) % b"9"
    assert sheet == kept.replace(b'"abc"', b"9").replace(b'"two ""\r\nlines"', b"9")


def test_a_value_that_is_set_is_quoted_where_readers_would_take_it_for_another() -> None:
    sheet = b"costwire:row;costwire:reason;A;B\n1;x;2;3\n"
    assert put(sheet, {"A": "a;b", "B": "NULL"}, None)[1].endswith(b'1;x;"a;b";"NULL"\n')
    assert put(sheet, {"A": ""}, None)[1].endswith(b"1;x;;3\n")


def test_a_cell_of_a_megabyte_does_not_keep_others_from_being_set() -> None:
    tags = b'"{""a"":""' + b"x" * (1 << 20) + b'""}"'
    sheet = b"costwire:row,costwire:reason,BilledCost,Tags\n1,CW-A: x,abc," + tags + b"\n"
    assert put(sheet, {"BilledCost": "1"}, None) == (1, sheet.replace(b",abc,", b",1,"))


@given(st.lists(st.lists(cells, min_size=1, max_size=4), max_size=5), st.sampled_from(SEPARATORS))
def test_cells_as_they_are_written_are_those_that_readers_read(
    rows: list[list[str]], separator: bytes
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator.decode()).writerows(rows)
    text = out.getvalue().encode()
    found = [*records(text, separator)]
    assert b"".join(separator.join(line) + end for line, end in found) == text
    assert [[value(cell) or "" for cell in line] for line, _ in found] == rows


@pytest.mark.parametrize("name", ["Nope", "costwire:row"])
def test_set_names_a_column_of_the_report(name: str) -> None:
    with pytest.raises(CommandError, match="no column"):
        put(SHEET, {name: "1"}, None)


def test_what_is_no_sheet_is_not_changed() -> None:
    for text in (b"a,b\n1,2\n", b"\xff\xfe", b'costwire:row,"'):
        with pytest.raises(CommandError, match="read the sheet"):
            put(text, {"BilledCost": "1"}, None)

"""Sheets of quarantined rows: in several files where they are long, filled in by rule."""

from __future__ import annotations

import csv
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_cli.csv_cells import records, value
from costwire_cli.errors import CommandError
from costwire_cli.sheets import put, refuse_edited, write_sheets
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
        paths = write_sheets(first, cut(whole, at), most_rows=most)
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
    paths = write_sheets(tmp_path / "fix.csv", pieces, most_rows=2)
    assert [path.name for path in paths] == ["fix.csv", "fix-2.csv", "fix-3.csv"]


def test_no_sheet_has_more_bytes_than_can_be_replayed_unless_a_row_has(tmp_path: Path) -> None:
    rows = [b"1,%b\n" % (b"a" * 17), b"2,b\n", b"3,%b\n" % (b"c" * 90), b"4,d\n"]
    header = b"costwire:row,A\n"
    paths = write_sheets(tmp_path / "fix.csv", [header, *rows], most_bytes=len(header) + 24)
    parts = [path.read_bytes().removeprefix(header) for path in paths]
    assert parts == [rows[0] + rows[1], rows[2], rows[3]]


def test_an_export_overwrites_no_sheet_that_may_hold_edits(tmp_path: Path) -> None:
    first, second = tmp_path / "fix.csv", tmp_path / "fix-2.csv"
    pieces = [b"costwire:row,A\n1,a\n2,b\n3,c\n"]
    for edited in (first, second):
        edited.write_bytes(b"mine")
        with pytest.raises(CommandError, match=rf"{edited.name} would be overwritten.*--force"):
            refuse_edited(first)
        with pytest.raises(CommandError, match=rf"{edited.name} would be overwritten.*--force"):
            write_sheets(first, pieces, most_rows=2)
        assert edited.read_bytes() == b"mine"
        edited.unlink()
        first.unlink(missing_ok=True)


def test_a_forced_export_leaves_no_sheets_of_a_longer_one(tmp_path: Path) -> None:
    first = tmp_path / "fix.csv"
    write_sheets(first, [b"costwire:row,A\n1,a\n2,b\n3,c\n"], most_rows=1)
    other = tmp_path / "fix-2024.csv"
    other.touch()
    paths = write_sheets(first, [b"costwire:row,A\n1,a\n"], force=True)
    assert (paths, sorted(tmp_path.iterdir())) == ([first], [other, first])


def test_a_pipe_gets_the_whole_sheet(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sheet = b"costwire:row,A\n1,a\n2,b\n"
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(pipe.read_bytes)
        assert write_sheets(pipe, [sheet], most_rows=1) == [pipe]
        assert reading.result(10) == sheet
    assert pipe.is_fifo()


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

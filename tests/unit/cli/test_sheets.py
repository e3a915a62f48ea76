"""Sheets of quarantined rows: in several files where they are long, filled in by rule."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_cli.errors import CommandError
from costwire_cli.sheets import put, write_sheets
from costwire_focus.csv_line import csv_line

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
    assert sheet.decode().splitlines() == [
        "costwire:row,costwire:reason,BilledCost,Tags",
        '1,CW-A: x,1,"{""a"":1}"',
        "2,CW-B: y,,",
        "3,torn",
    ]
    assert put(SHEET, {"Tags": ""}, None)[0] == 1


@pytest.mark.parametrize("name", ["Nope", "costwire:row"])
def test_set_names_a_column_of_the_report(name: str) -> None:
    with pytest.raises(CommandError, match="no column"):
        put(SHEET, {name: "1"}, None)


def test_what_is_no_sheet_is_not_changed() -> None:
    for text in (b"a,b\n1,2\n", b"\xff\xfe", b'costwire:row,"'):
        with pytest.raises(CommandError, match="read the sheet"):
            put(text, {"BilledCost": "1"}, None)

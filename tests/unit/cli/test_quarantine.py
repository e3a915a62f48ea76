"""`costwire quarantine fix`: the files it is given, and what it prints of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from costwire_cli.arguments import parser
from costwire_cli.commands import quarantine
from costwire_cli.errors import CommandError

SHEET = b"costwire:row,costwire:reason,BilledCost\n1,CW-A: x,abc\n"
FINE = {"rows": 1, "corrected": 0, "unchanged": 0, "brokenRows": 0, "broken": []}


class Handler:
    """Takes sheets of so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    def replay(self, _commit: str, sheet: bytes, _asked: Mapping[str, str]) -> Any:
        if len(sheet) > self.most_bytes:
            raise CommandError("too large")
        return FINE


def fix(monkeypatch: pytest.MonkeyPatch, most_bytes: int, *arguments: str) -> int:
    monkeypatch.setattr(quarantine, "open_store", lambda _args: nullcontext(Handler(most_bytes)))
    return quarantine.run(parser().parse_args(["quarantine", "fix", "1", *arguments]))


def test_fix_leaves_a_sheet_as_it_was_that_the_handler_does_not_take(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sheet = tmp_path / "fix.csv"
    sheet.write_bytes(SHEET)
    with pytest.raises(CommandError, match="too large"):
        fix(monkeypatch, len(SHEET), str(sheet), "--set", "BilledCost=1234567")
    assert sheet.read_bytes() == SHEET
    assert fix(monkeypatch, len(SHEET), str(sheet), "--set", "BilledCost=1") == 0
    assert sheet.read_bytes() == SHEET.replace(b"abc", b"1")


def test_json_of_several_sheets_is_one_document(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheets = [str(tmp_path / name) for name in ("a.csv", "b.csv", "c.csv")]
    for sheet in sheets[:2]:
        Path(sheet).write_bytes(SHEET)
    both = [*sheets[:2], "--set", "BilledCost=2", "--format", "json"]
    assert fix(monkeypatch, 1000, *both) == 0
    told = json.loads(capsys.readouterr().out)["sheets"]
    assert told == [{"sheet": sheet, "changed": 1, **FINE} for sheet in sheets[:2]]
    with pytest.raises(CommandError, match=r"c\.csv"):
        fix(monkeypatch, 1000, *sheets, "--format", "json")
    assert len(json.loads(capsys.readouterr().out)["sheets"]) == 2

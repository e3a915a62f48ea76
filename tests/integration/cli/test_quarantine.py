"""`costwire quarantine` as a user goes through it: from a broken report to a whole one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TORN = "9,9,9\n"


@pytest.fixture
def delivered(
    costwire: Any, a_report: Callable[..., str], tmp_path: Path, own_data: Path
) -> list[str]:
    """A store with a report of which two amounts and one line are broken."""
    bill = tmp_path / "bill.csv"
    bill.write_text(a_report("1.5", "n/a", "free") + TORN + "\x1b[31m,8\n")
    where = ["--data", str(own_data)]
    told = costwire("run", str(bill), "--once", *where)
    assert told.returncode == 3, told.stderr
    return where


def test_round_trip(costwire: Any, delivered: list[str], tmp_path: Path) -> None:
    sheet = tmp_path / "fix.csv"
    listed = costwire("quarantine", "list", *delivered)
    assert listed.returncode == 0, listed.stderr
    assert "CW-AmountUnreadable  BilledCost" in listed.stdout
    assert "EffectiveCost 2" in listed.stdout
    assert "of 4 rows BilledCost is unknown" in listed.stdout
    shown = costwire("quarantine", "show", "1", "--rule", "CW-FieldCount", *delivered)
    assert "9,9,9" in shown.stdout
    assert "\\x1b[31m,8" in shown.stdout
    assert "\x1b" not in shown.stdout
    exported = costwire("quarantine", "export", "1", "--output", str(sheet), *delivered)
    assert exported.returncode == 0, exported.stderr
    rows = [*csv.DictReader(io.StringIO(sheet.read_text(), newline=""))]
    assert [row["costwire:raw"] for row in rows] == ["", "", "9,9,9", "\x1b[31m,8"]
    assert rows[0]["Tags"] == '{"team":"a, b"}'
    refused = costwire("quarantine", "replay", "1", str(sheet), *delivered)
    assert (refused.returncode, "nothing was changed" in refused.stderr) == (1, True), (
        refused.stderr
    )
    assert "line 4:" in refused.stderr
    fix = ["quarantine", "fix", "1", str(sheet), *delivered]
    fixed = costwire(*fix, "--set", "BilledCost=2.25", "--where-rule", "CW-AmountUnreadable")
    assert (fixed.returncode, "2 rows of" in fixed.stdout) == (1, True)
    assert "2 rows can be replayed" in fixed.stdout
    assert "2 rows still broken" in fixed.stdout
    replayed = costwire("quarantine", "replay", "1", str(sheet), "--partial", *delivered)
    assert replayed.returncode == 3, replayed.stderr
    assert "2 rows left the quarantine" in replayed.stdout
    assert "replayed by costwire" in replayed.stdout
    assert "5 read = 3 stored + 2 quarantined" in replayed.stdout
    lines = [*csv.reader(io.StringIO(sheet.read_text(), newline=""))]
    torn = dict(zip(lines[0], lines[1], strict=True)) | {"costwire:row": "3", "BilledCost": "9"}
    with sheet.open("w", newline="") as out:
        csv.writer(out).writerows([lines[0], list(torn.values())])
    checked = costwire(*fix)
    assert (checked.returncode, "1 row can be replayed" in checked.stdout) == (0, True)
    last = costwire("quarantine", "replay", "1", str(sheet), "--format", "json", *delivered)
    entry = json.loads(last.stdout)["sheets"][0]["entry"]
    assert (last.returncode, entry["balanced"], entry["rows"]["repaired"]) == (0, True, 3)
    line = entry["sums"]["USD"]["BilledCost"]
    assert (line["read"], line["stored"], line["repaired"]) == ("1.5", "15", "13.5")
    second = sheet.with_name("fix-2.csv")
    with second.open("w", newline="") as out:
        others = torn | {"costwire:row": "4", "BilledCost": "1", "costwire:raw": ""}
        csv.writer(out).writerows([lines[0], list(others.values())])
    both = costwire("quarantine", "replay", "1", str(sheet), str(second), *delivered)
    assert both.returncode == 0, both.stderr
    assert "0 rows left the quarantine, 0 corrected, 1 were there before" in both.stdout
    assert "1 row left the quarantine, 0 corrected, 0 were there before" in both.stdout
    sums = costwire("sql", "SELECT sum(BilledCost) FROM charges", "--format", "csv", *delivered)
    assert sums.stdout.split()[-1] == "16"


def test_a_quoted_null_stays_a_text_on_its_way_through_the_sheet(
    costwire: Any, a_report: Callable[..., str], tmp_path: Path, own_data: Path
) -> None:
    header, first, second = a_report("abc", "abc").splitlines()
    rows = [first.replace(",vm,", ',"NULL",'), second.replace(",vm,", ',"null",')]
    bill, sheet = tmp_path / "bill.csv", str(tmp_path / "fix.csv")
    bill.write_text("\n".join([header, *rows, ""]))
    where = ["--data", str(own_data)]
    costwire("run", str(bill), "--once", *where)
    costwire("quarantine", "export", "1", "--output", sheet, *where)
    again = costwire("quarantine", "export", "1", "--output", sheet, *where)
    assert (again.returncode, "--force" in again.stderr) == (2, True), again.stderr
    shown = costwire("quarantine", "export", "1", "--output", "/dev/stdout", *where).stdout
    assert shown == Path(sheet).read_text()
    setting = ("--set", "BilledCost=9", "--format", "json")
    fixed = costwire("quarantine", "fix", "1", sheet, *setting, *where)
    (told,) = json.loads(fixed.stdout)["sheets"]
    assert (told["sheet"], told["changed"], told["rows"], told["dryRun"]) == (sheet, 2, 2, True)
    replayed = costwire("quarantine", "replay", "1", sheet, *where)
    assert replayed.returncode == 0, replayed.stderr
    asked = "SELECT ServiceName FROM charges ORDER BY 1"
    stored = costwire("sql", asked, "--format", "csv", *where).stdout
    assert stored.splitlines()[1:] == ['"NULL"', '"null"']


def test_a_replay_keeps_the_currency_and_the_dates_that_were_told_of_the_report(
    costwire: Any, a_report: Callable[..., str], tmp_path: Path
) -> None:
    text = a_report("1.5", "15", "9").replace("USD", "")
    text = text.replace("2024-09-02T00:00:00Z", "9/2/24").replace("2024-09-03T00:00:00Z", "9/3/24")
    bill, sheet = tmp_path / "bill.csv", tmp_path / "fix.csv"
    bill.write_text("".join(text.splitlines(keepends=True)[:-1]) + TORN)
    where = ["--data", str(tmp_path / "data")]
    costwire("run", str(bill), "--once", "--currency", "EUR", "--dates", "mdy", *where)
    costwire("quarantine", "export", "1", "--output", str(sheet), *where)
    header, _ = sheet.read_text().splitlines()
    sheet.write_text(f"{header}\n1,,{text.splitlines()[1]},\n")
    told = costwire("quarantine", "replay", "1", str(sheet), "--format", "json", *where)
    assert told.returncode == 0, told.stdout + told.stderr
    entry = json.loads(told.stdout)["sheets"][0]["entry"]
    stored = {code: lines["BilledCost"]["stored"] for code, lines in entry["sums"].items()}
    assert stored == {"EUR": "18"}

"""Commands that need no service: validate and sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLE_FILES = 6


def test_sample_is_the_same_from_the_same_seed(costwire: Any, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        options = ("--rows", "500", "--seed", "7", "--out", str(tmp_path / folder))
        assert costwire("sample", *options).returncode == 0
    first, second = (
        {
            str(path.relative_to(tmp_path / folder)): path.read_bytes()
            for path in (tmp_path / folder).rglob("*")
            if path.is_file()
        }
        for folder in ("a", "b")
    )
    assert first == second
    assert "truth.json" in first
    assert len(first) >= SAMPLE_FILES


def test_validate_lists_findings_with_lines(costwire: Any, tmp_path: Path, a_report: Any) -> None:
    path = tmp_path / "report.csv"
    path.write_text(a_report("1", "twelve", "3"))
    told = costwire("validate", str(path))
    assert told.returncode == 3
    assert "1  CW-AmountUnreadable: " in told.stdout
    assert "report.csv:3  " in told.stdout
    document = json.loads(costwire("validate", str(path), "--format", "json").stdout)
    assert document["rows"] == {"read": 3, "usable": 2, "unusable": 1}
    assert document["unusable"]["CW-AmountUnreadable"]["lines"][0]["line"] == 3
    assert all(finding["count"] for finding in document["findings"].values())


def test_validate_gives_0_for_a_clean_report(costwire: Any, tmp_path: Path) -> None:
    costwire("sample", "--rows", "200", "--out", str(tmp_path), "--focus-version", "1.2")
    reports = sorted(tmp_path.glob("*/*.csv"))
    assert any(costwire("validate", str(report)).returncode == 0 for report in reports)


def test_validate_passes_over_a_part_of_json_without_records(
    costwire: Any, tmp_path: Path, a_report: Any
) -> None:
    (tmp_path / "a.jsonl").write_text("[]")
    told = costwire("validate", str(tmp_path))
    assert told.returncode == 1
    assert f"read {tmp_path}: it holds no record to name a column" in told.stderr
    (tmp_path / "b.csv").write_text(a_report("1", "3"))
    document = json.loads(costwire("validate", str(tmp_path), "--format", "json").stdout)
    assert document["rows"] == {"read": 2, "usable": 2, "unusable": 0}


def test_validate_gives_1_for_what_cannot_be_read(costwire: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("a,b\n1,2\n")
    assert costwire("validate", str(path)).returncode == 1
    assert costwire("validate", str(tmp_path / "none.csv")).returncode == 1

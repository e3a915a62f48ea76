"""A closed month on the command line: held, accepted, and seen in the ledger with who did it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HELD = 4


def test_change_of_a_closed_month_waits_for_a_person(
    costwire: Any, a_report: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, data = tmp_path / "september.csv", str(tmp_path / "data")
    report.write_text(a_report("1", "2", "3"))
    assert costwire("run", str(report), "--once", "--data", data).returncode == 0
    report.write_text(a_report("1", "2", "3.5"))
    monkeypatch.setenv("HANDLER_CLOSED_THROUGH", "2024-09")

    held = costwire("run", str(report), "--once", "--data", data)

    assert held.returncode == HELD, held.stdout + held.stderr
    assert "closed billing period 2024-09" in held.stdout
    entry = json.loads(
        costwire("deliveries", "accept", "2", "--format", "json", "--data", data).stdout
    )
    assert (entry["state"], entry["closedPeriods"]) == ("committed", ["2024-09"])
    assert [(each["act"], each["by"]) for each in entry["decisions"]] == [
        ("held", None),
        ("accepted", "costwire"),
    ]

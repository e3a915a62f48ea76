"""Exit statuses, and the file that tells them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costwire_scraper.outcome import Outcome, OutcomeFile


def an_entry(state: str = "committed", quarantined: int = 0, balanced: bool = True) -> Any:
    return {"state": state, "rows": {"quarantined": quarantined}, "balanced": balanced}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(an_entry()), 0),
        (Outcome(an_entry("unchanged")), 0),
        (Outcome(an_entry("superseded", quarantined=2)), 0),
        (Outcome(an_entry(quarantined=2)), 3),
        (Outcome(an_entry("unchanged", quarantined=2)), 3),
        (Outcome(an_entry("held", quarantined=2)), 4),
        (Outcome(an_entry(balanced=False)), 1),
        (Outcome(an_entry("aborted")), 1),
        (Outcome(an_entry("rejected")), 0),
        (Outcome(error="no"), 1),
        (Outcome(an_entry("held"), dry_run=True), 0),
        (Outcome(an_entry(quarantined=2), dry_run=True), 0),
        (Outcome(an_entry("open"), dry_run=True), 0),
    ],
)
def test_exit_status_tells_how_a_delivery_ended(outcome: Outcome, status: int) -> None:
    assert outcome.exit_status == status


def test_file_counts_cycles_and_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = OutcomeFile(tmp_path / "outcome.json")
    file.progress("delivering", 5, 10)
    assert json.loads((tmp_path / "outcome.json").read_text())["samples"] == 5
    file.settled(Outcome(error="no"))
    file.settled(Outcome(an_entry()))
    told = json.loads((tmp_path / "outcome.json").read_text())
    assert (told["phase"], told["cycle"], told["exitStatus"]) == ("done", 2, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["outcome.json"]


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    OutcomeFile(None).settled(Outcome(error="no"))
    assert list(tmp_path.iterdir()) == []

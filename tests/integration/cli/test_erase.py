"""`costwire erase` as a user sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costwire_cli.kept import Kept


@pytest.fixture
def delivered(
    costwire: Any, a_report: Callable[..., str], tmp_path: Path, own_data: Path
) -> list[str]:
    """A store with one delivery; gives the options that name it."""
    bill = tmp_path / "bill.csv"
    bill.write_text(a_report("1.5", "2", "3"))
    where = ["--data", str(own_data)]
    told = costwire("run", str(bill), "--once", *where)
    assert told.returncode == 0, told.stderr
    return where


def test_erase_asks_and_tells(costwire: Any, delivered: list[str]) -> None:
    wanted = ["erase", "--table", "charges", "--where", "BilledCost < 2.5", *delivered]
    tried = costwire(*wanted, "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "2 charges would be erased from charges" in tried.stdout
    assert "nothing was changed" in tried.stdout
    refused = costwire(*wanted, stdin="no\n")
    assert (refused.returncode, "not confirmed" in refused.stderr) == (1, True)
    assert "erase 2 charges from every version of charges" in refused.stderr
    told = costwire(*wanted, "--reason", "asked for", stdin="yes\n")
    assert told.returncode == 0, told.stderr
    assert "2 charges erased from charges (entry " in told.stdout
    assert "BilledCost 3.5" in told.stdout
    assert "brings them back" in told.stdout
    again = costwire(*wanted, "--yes", "--format", "json")
    assert json.loads(again.stdout)["entry"]["rows"]["erased"] == 0
    ledger = costwire("ledger", "--format", "json", *delivered)
    states = [entry["state"] for entry in json.loads(ledger.stdout)["deliveries"]]
    assert states == ["committed", "erased", "erased"]
    shown = costwire("deliveries", "show", "1", *delivered)
    assert "3 read = 1 stored + 0 quarantined + 2 erased" in shown.stdout
    assert "yes: rows and sums agree exactly" in shown.stdout


def test_what_was_rendered_does_not_outlive_an_erasure(
    costwire: Any, delivered: list[str], tmp_path: Path
) -> None:
    rendered = tmp_path / "data" / "exporters"
    wanted = ["erase", "--table", "charges", "--where", "BilledCost < 2.5", "--yes", *delivered]
    assert costwire(*wanted, "--dry-run").returncode == 0
    assert len([*rendered.rglob("metrics.zst")]) == 1
    with Kept(tmp_path / "data") as another_command:
        used = another_command.take({"SOURCE": "other.csv"})
        told = costwire(*wanted)
    assert told.returncode == 0
    assert f"note: {used} may still hold these charges" in told.stderr
    assert [*rendered.iterdir()] == [used]


def test_erase_wants_a_condition_that_can_be_read(costwire: Any, delivered: list[str]) -> None:
    empty = costwire("erase", "--table", "charges", "--where", " ", "--yes", *delivered)
    assert (empty.returncode, "--where" in empty.stderr) == (2, True)
    wrong = costwire("erase", "--table", "charges", "--where", "Nope = 'x'", "--yes", *delivered)
    assert (wrong.returncode, "no column 'Nope'" in wrong.stderr) == (1, True)

"""A month that was delivered day by day is told, exported and delivered elsewhere as of any day."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import handler_of
from tests.support.store import ON_CRATEDB

DAYS = int(os.environ.get("COSTWIRE_TEST_DAYS", "3"))
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
SOURCE = "aws"
pytestmark = [
    pytest.mark.skipif(ON_CRATEDB, reason="exports into folders of the embedded store"),
    pytest.mark.timeout(1800),
]


def costwire(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "costwire_cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Days of deliveries of one report, and the store that has taken them."""
    folder = tmp_path_factory.mktemp("month")
    options = ("--rows", "600", "--days", str(DAYS), "--focus-version", "1.2")
    assert costwire("sample", *options, "--out", str(folder / "days")).returncode == 0
    with handler_of(folder / "data"):
        for day in range(1, DAYS + 1):
            report = folder / "days" / f"day-{day:02d}" / SOURCE
            options = ("--source", SOURCE, "--once", "--data", _data(folder))
            told = costwire("run", str(report), *options)
            assert told.returncode in (0, 3), told.stdout + told.stderr
        yield folder


def _data(folder: Path) -> str:
    return str(folder / "data")


def shown(data: str, *options: str) -> dict[str, Any]:
    """Charges and sums by currency, as the store tells them."""
    told = costwire(
        "costs", "--metric", ",".join(COSTS), "--format", "json", "--data", data, *options
    )
    assert told.returncode == 0, told.stderr
    totals: dict[str, Any] = json.loads(told.stdout)["totals"]
    return totals


def recomputed(report: Path) -> dict[str, Any]:
    """The same of the files of a report, by csv and decimal."""
    found: dict[str, Any] = {}
    for path in sorted(report.rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                total = found.setdefault(
                    row["BillingCurrency"], {"charges": 0, "sums": dict.fromkeys(COSTS, Decimal(0))}
                )
                total["charges"] += 1
                for name in COSTS:
                    total["sums"][name] += Decimal(row[name] or 0)
    return found


def as_numbers(totals: dict[str, Any]) -> dict[str, Any]:
    return {
        code: {
            "charges": total["charges"],
            "sums": {name: Decimal(total["sums"][name]) for name in COSTS},
        }
        for code, total in totals.items()
    }


@pytest.mark.parametrize(
    ("day", "form"), [((DAYS + 1) // 3, "csv"), ((DAYS + 1) // 2, "parquet"), (DAYS, "csv")]
)
def test_day_is_exported_whole(month: Path, tmp_path: Path, day: int, form: str) -> None:
    truth = recomputed(month / "days" / f"day-{day:02d}" / SOURCE)
    assert as_numbers(shown(_data(month), "--as-of", str(day))) == truth

    out = tmp_path / f"day-{day}.{form}"
    told = costwire(
        *("export", "--as-of", str(day), "--format", form, "--out", str(out)),
        *("--data", _data(month)),
    )
    assert told.returncode == 0, told.stderr

    _findings_are_those_of(month / "days" / f"day-{day:02d}" / SOURCE, out)
    elsewhere = str(tmp_path / "elsewhere")
    with handler_of(tmp_path / "elsewhere"):
        run = costwire("run", str(out), "--source", SOURCE, "--once", "--data", elsewhere)
        assert run.returncode in (0, 3), run.stdout + run.stderr
        assert as_numbers(shown(elsewhere)) == truth
        ledger = costwire("ledger", "--format", "json", "--data", elsewhere).stdout
    (entry,) = json.loads(ledger)["deliveries"]
    assert (entry["balanced"], entry["rows"]["quarantined"]) == (True, 0)


def _findings_are_those_of(report: Path, exported: Path) -> None:
    """What was exported breaks no rule that the report did not break, and has all its charges."""
    before, after = (
        json.loads(costwire("validate", str(path), "--format", "json").stdout)
        for path in (report, exported)
    )
    assert after["focusVersion"] == before["focusVersion"]
    assert after["rows"] == before["rows"]
    counts = [{rule: f["count"] for rule, f in t["findings"].items()} for t in (before, after)]
    assert counts[0] == counts[1]

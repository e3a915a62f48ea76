"""Exports and invoices on the command line."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costwire_cli.handler_api import Connection

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
DIFFERENT = 5


@pytest.fixture(scope="module")
def store(costwire: Any, handler: Connection, data: Path, tmp_path_factory: Any) -> Path:
    """A folder with an estate's charges in the table `estate`, each report a source."""
    reports = tmp_path_factory.mktemp("estate")
    made = costwire(
        "sample",
        "--rows",
        "400",
        "--focus-version",
        "1.2",
        "--out",
        str(reports),
        "--data",
        str(data),
    )
    assert made.returncode == 0, made.stderr
    run = costwire(
        *("run", str(reports / "aws"), "--source", "aws"),
        *("--once", "--table", "estate", "--data", str(data)),
    )
    assert run.returncode in (0, 3), run.stderr
    return data


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def summed(rows: list[dict[str, str]]) -> dict[str, Decimal]:
    return {name: sum((Decimal(r[name] or 0) for r in rows), Decimal(0)) for name in COSTS}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_report_that_was_exported_changes_nothing_when_it_is_delivered(
    costwire: Any, store: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / f"again.{form}"
    told = costwire(
        *("export", "--table", "estate", "--format", form, "--out", str(out)),
        *("--data", str(store)),
    )
    assert told.returncode == 0, told.stderr
    assert "charges as of commit 1 written to" in told.stdout
    assert [path.name for path in tmp_path.iterdir()] == [out.name]

    again = costwire(
        *("run", str(out), "--source", "aws", "--once", "--table", "estate"),
        *("--data", str(store), "--dry-run"),
    )
    assert again.returncode == 0, again.stderr + again.stdout
    assert "0 added" in again.stdout or "unchanged" in again.stdout, again.stdout
    elsewhere = costwire("run", str(out), "--once", "--data", str(tmp_path / "empty"))
    assert elsewhere.returncode == 0, elsewhere.stderr
    sums = ", ".join(f"sum({name})::text" for name in COSTS)
    statement = f"SELECT count(*), {sums} FROM {{}}"  # noqa: S608
    answers = [
        json.loads(
            costwire(
                "sql", statement.format(table), "--format", "json", "--data", str(where)
            ).stdout
        )["rows"][0]
        for table, where in (("estate", store), ("charges", tmp_path / "empty"))
    ]
    assert answers[0] == answers[1]


def test_export_goes_to_standard_output_too(costwire: Any, store: Path) -> None:
    told = costwire(
        "export", "--table", "estate", "--filter", "BilledCost > 0", "--data", str(store)
    )

    rows = rows_of(told.stdout)
    assert rows
    assert all(Decimal(row["BilledCost"]) > 0 for row in rows)


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--format", "parquet"], 2, "name it with --out"),
        (["--source", "nobody"], 1, "the table has charges of aws"),
        (["--as-of", "77777"], 1, "no delivery with the number 77777"),
        (["--out", "no/such/folder/x.csv"], 2, "No such file or directory"),
    ],
)
def test_export_that_cannot_be_made_says_why(
    costwire: Any, store: Path, options: list[str], status: int, said: str
) -> None:
    told = costwire("export", "--table", "estate", *options, "--data", str(store))

    assert told.returncode == status
    assert said in told.stderr


def test_planted_difference_of_a_cent_is_found(costwire: Any, store: Path, tmp_path: Path) -> None:
    told = costwire("invoices", "--table", "estate", "--format", "csv", "--data", str(store))
    lines = [row for row in rows_of(told.stdout) if row["InvoiceId"]]
    assert lines, told.stdout + told.stderr
    totals = tmp_path / "totals.csv"
    names = ["InvoiceId", "InvoiceIssuerName", "BillingCurrency", "BillingMonth", "BilledCost"]

    def compare(planted: Decimal) -> Any:
        with totals.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            for number, line in enumerate(lines):
                total = Decimal(line["billed"]) + (planted if number == 0 else 0)
                writer.writerow([*(line[name] for name in names[:-1]), total])
        return costwire(
            *("invoices", "--table", "estate", "--against", str(totals)),
            *("--format", "csv", "--data", str(store)),
        )

    assert compare(Decimal(0)).returncode == 0
    differing = compare(Decimal("0.01"))
    assert differing.returncode == DIFFERENT
    found = [row for row in rows_of(differing.stdout) if row["difference"] != "0"]
    assert [row["difference"] for row in found] == ["-0.01"]


def test_invoices_are_a_table_with_their_past(costwire: Any, store: Path) -> None:
    told = costwire("invoices", "--table", "estate", "--data", str(store))

    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0].split()[:2] == ["InvoiceId", "InvoiceIssuerName"]
    assert "as of commit 1" in told.stdout.splitlines()[-1]

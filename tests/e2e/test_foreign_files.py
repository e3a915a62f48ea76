"""Reports of FOCUS 1.0 to 1.4, ours and not ours, mixed in one table."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.commands import Run
from tests.support.in_process import Pipeline
from tests.support.reports import read_rows, stored_sums, sums
from tests.support.store import Entry, Store

from costwire_focus.estates import TRUTH, Estate, files

TABLE = "mixed"
TOOLKIT = Path(sys.executable).with_name("focus-toolkit")
NUMERIC, TIMESTAMP, OBJECT, TEXT = 22, 15, 12, 4

Rows = list[dict[str, str | None]]


@dataclass(frozen=True)
class Delivered:
    """A report of a known version, and what the ledger says of it."""

    version: str
    path: Path
    entry: Entry

    def rows(self) -> Rows:
        """Its rows by Python's csv."""
        if self.path.is_file():
            return read_rows(self.path)
        return [
            row
            for part in sorted(self.path.rglob("*"))
            if part.is_file()
            for row in read_rows(part)
        ]


def toolkit(*arguments: object) -> None:
    """Run the FOCUS data toolkit."""
    command = [str(TOOLKIT), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def generated(folder: Path, provider: str, version: str, seed: int) -> Path:
    """A report of the toolkit."""
    told = ["--provider", provider, "--focus-version", version, "--rows", 150, "--seed", seed]
    toolkit("generate", *told, "--out", folder)
    return folder / f"focus_{version.replace('.', '_')}_cost_and_usage_{provider}.csv"


def converted(folder: Path) -> Path:
    """A report of FOCUS 1.4, which the toolkit makes from one of 1.3."""
    source = generated(folder, "gcp", "1.3", 43)
    told = ["--mode", "synthetic", "--exit-policy", "pipeline", "--out", folder / "1.4"]
    toolkit("convert", "--cost-and-usage", source, *told)
    return folder / "1.4" / "synthetic_focus_1_4_cost_and_usage.csv"


def estate(folder: Path, version: str, seed: int) -> Path:
    """A folder of reports of ours: five clouds, and one version in the clouds' own spelling."""
    made = Estate(
        seed=seed,
        rows=300,
        focus_version=version,
        months=("2024-08", "2024-09"),
        currencies=(("saas", "EUR"),),
        spelling="native" if version == "1.1" else "focus",
    )
    for name, chunks in files(made):
        if name != TRUTH:
            path = folder / "ours" / version / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(chunks))
    return folder / "ours" / version


@pytest.fixture(scope="module")
def delivered(
    tmp_path_factory: pytest.TempPathFactory, run: Run, store: Store
) -> dict[str, Delivered]:
    """A foreign report by `costwire run`, the others from this process."""
    folder = tmp_path_factory.mktemp("foreign")
    by_command = {"toolkit 1.4": ("1.4", converted(folder))}
    directly = {
        "toolkit 1.2": ("1.2", generated(folder, "aws", "1.2", 41)),
        "toolkit 1.3": ("1.3", generated(folder, "azure", "1.3", 42)),
    } | {
        f"ours {version}": (version, estate(folder, version, seed))
        for seed, version in enumerate(("1.0", "1.1", "1.2", "1.3", "1.4"), start=50)
    }
    done = run(*(path for _, path in by_command.values()), table=TABLE)
    assert done.status == 0, done.out + done.err
    direct = Pipeline(store, folder)
    for _, path in directly.values():
        assert direct.deliver(path, TABLE).exit_status == 0
    entries = {entry["source"]: entry for entry in store.ledger(TABLE)}
    return {
        name: Delivered(version, path, entries[str(path)])
        for name, (version, path) in (by_command | directly).items()
    }


REPORTS = ["toolkit 1.2", "toolkit 1.3", "toolkit 1.4"] + [f"ours 1.{n}" for n in range(5)]


@pytest.mark.parametrize("name", REPORTS)
def test_report_is_stored_whole_with_its_version_known(
    delivered: dict[str, Delivered], name: str
) -> None:
    report = delivered[name]
    rows = report.rows()
    assert report.entry["focusVersion"] == report.version
    assert report.entry["state"] == "committed"
    assert report.entry["balanced"]
    assert report.entry["rows"]["stored"] == report.entry["rows"]["read"] == len(rows) > 0
    assert stored_sums(report.entry) == sums(rows)


def test_table_holds_them_all_and_adds_up_to_the_digit(
    delivered: dict[str, Delivered], store: Store
) -> None:
    rows = [row for report in delivered.values() for row in report.rows()]
    for currency, expected in sums(rows).items():
        mine = [row for row in rows if row["BillingCurrency"] == currency]
        assert store.shown(TABLE, currency) == (len(mine), expected)


def test_custom_and_unknown_columns_keep_every_cell(
    delivered: dict[str, Delivered], store: Store
) -> None:
    rows = [row for report in delivered.values() for row in report.rows()]
    custom = sorted({name for row in rows for name in row if name.startswith("x_")})
    assert len(custom) >= 5
    for name in custom:
        told = Counter(row[name] for row in rows if row.get(name) is not None)
        column = f'"{name.replace(".", "_").lower()}"'
        found = store.sql(f"SELECT {column} FROM {TABLE} WHERE {column} IS NOT NULL")  # noqa: S608
        assert Counter(text for (text,) in found) == told, name


@pytest.mark.usefixtures("delivered")
def test_columns_have_the_types_of_focus(store: Store) -> None:
    answer = store.answer(
        "SELECT BilledCost, PricingQuantity, ChargePeriodStart, BillingPeriodEnd, Tags, ServiceName"
        " FROM mixed LIMIT 1"
    )
    kinds = [kind[0] if isinstance(kind, list) else kind for kind in answer["col_types"]]
    assert kinds == [NUMERIC, NUMERIC, TIMESTAMP, TIMESTAMP, OBJECT, TEXT]


def test_instants_and_tags_mean_what_the_files_say(
    delivered: dict[str, Delivered], store: Store
) -> None:
    rows = [row for report in delivered.values() for row in report.rows()]
    told = Counter(_milliseconds(row["ChargePeriodStart"]) for row in rows)
    found = store.sql("SELECT ChargePeriodStart, count(*) FROM mixed GROUP BY 1")
    assert {at: count for at, count in found} == dict(told)

    foreign = [tags(row) for row in delivered["toolkit 1.2"].rows()]
    key, value = next(pair for pairs in foreign for pair in pairs.items())
    everywhere = sum(tags(row).get(key) == value for row in rows)
    assert everywhere >= 1
    text = key.replace("'", "''")
    question = f"SELECT count(*) FROM mixed WHERE tags['{text}'] = ?"  # noqa: S608
    assert store.sql(question, value) == [[everywhere]]


def tags(row: dict[str, str | None]) -> dict[str, str]:
    """The tags of a row, where they are a JSON object."""
    cell = row["Tags"] or ""
    return dict(json.loads(cell)) if cell.startswith("{") else {}


def _milliseconds(text: str | None) -> int:
    assert text is not None
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def test_another_dataset_of_focus_is_refused_in_a_sentence(
    delivered: dict[str, Delivered], run: Run
) -> None:
    azure = delivered["toolkit 1.3"].path
    done = run(azure.with_name("focus_1_3_contract_commitment_azure.csv"), table="no_costs")
    assert done.status == 1
    assert "contract commitment" in done.err.lower()
    assert len(done.err.splitlines()) <= 2

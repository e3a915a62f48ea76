"""The notebook, run as a person runs it, over a month that was delivered day by day."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import pytest
from nbclient import NotebookClient
from tests.support.in_process import Pipeline
from tests.support.reports import EXACT, amount, read_rows, total
from tests.support.store import ADMIN, Store

from costwire_focus.estates import Estate, Report, daily, generate

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "answers.ipynb"
TABLE = "notebook_charges"
DAYS = 12
SECONDS = 60
FIGURES = ["services", "movers", "days", "why", "where"]
TOLD = """
import json
print(json.dumps({
    "services": [[r.service, r.month, str(r.billed_cost)] for r in services.itertuples()],
    "movers": {r.service: [str(r.before), str(r.after)] for r in movers.itertuples()},
    "untagged": {r.provider: [r.charges, str(r.billed_cost)] for r in untagged.itertuples()},
    "days": [[r.month, r.charges, str(r.billed_cost)] for r in days.itertuples()],
    "why": {r.kind: [max(r.added, r.removed), str(r.difference)] for r in why.itertuples()},
    "where": [[r.kind, r.charges] for r in behind.itertuples()],
    "balances": [bool(each) for each in ledger["balances"]],
}))
"""


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """August, and September as it is on each of its first days."""
    months = ("2024-08", "2024-09")
    estate = Estate(seed=6, rows=2_400, clouds=("aws",), focus_version="1.2", months=months)
    august, september = generate(estate)
    return [august, *daily(september, 6, DAYS)]


@pytest.fixture(scope="module")
def files(
    reports: list[Report], store: Store, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """The report's files, each of them delivered."""
    folder = tmp_path_factory.mktemp("notebook")
    pipeline, kept = Pipeline(store, folder), []
    for number, report in enumerate(reports):
        path = folder / f"{report.month}.csv"
        path.write_bytes(b"".join(report.chunks()))
        os.utime(path, (1_725_000_000 + number * 86_400,) * 2)
        assert pipeline.deliver(path, TABLE).exit_status == 0
        kept.append(folder / f"{number}.csv")
        kept[-1].write_bytes(path.read_bytes())
    return kept


@pytest.fixture(scope="module")
def executed(files: list[Path], store: Store) -> nbformat.NotebookNode:
    """The notebook with its outputs, and what it worked out as the last of them."""
    assert files
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(TOLD, id="told"))
    client = NotebookClient(notebook, timeout=SECONDS, startup_timeout=SECONDS)
    with _environment(store):
        client.execute()
    return notebook


@contextmanager
def _environment(store: Store) -> Iterator[None]:
    told = {
        "COSTWIRE_URL": store.url,
        "COSTWIRE_USER": ADMIN,
        "COSTWIRE_PASSWORD": store.password,
        "COSTWIRE_TABLE": TABLE,
    }
    with patch.dict(os.environ, told):
        os.environ.pop("MPLBACKEND", None)
        yield


@pytest.fixture(scope="module")
def told(executed: nbformat.NotebookNode) -> Mapping[str, Any]:
    """What the notebook worked out."""
    (output,) = executed.cells[-1].outputs
    answers: dict[str, Any] = json.loads(output.text)
    return answers


@pytest.fixture(scope="module")
def charges(files: list[Path]) -> list[dict[str, str | None]]:
    """What readers see in the end, by the files themselves."""
    return [*read_rows(files[0]), *read_rows(files[-1])]


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    headings = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert all(text.splitlines()[0].endswith("?") for text in headings)


def test_sums_are_those_of_the_files(
    told: Mapping[str, Any], charges: list[dict[str, str | None]]
) -> None:
    services: dict[tuple[str | None, str], Decimal] = defaultdict(Decimal)
    for row in charges:
        key = row["ServiceName"], (row["ChargePeriodStart"] or "")[:7]
        services[key] = EXACT.add(services[key], amount(row["BilledCost"]))
    assert {(name, month): Decimal(cost) for name, month, cost in told["services"]} == services
    last = max(month for _, month in services)
    assert {
        name: Decimal(after) for name, (_, after) in told["movers"].items() if after != "0"
    } == {name: cost for (name, month), cost in services.items() if month == last}
    without = [
        row
        for row in charges
        if row["ChargeCategory"] == "Usage" and "team" not in json.loads(row["Tags"] or "{}")
    ]
    assert {name: (n, Decimal(cost)) for name, (n, cost) in told["untagged"].items()} == {
        "AWS": (len(without), total(row["BilledCost"] for row in without))
    }


def test_each_days_bill_is_the_truth_of_that_day(
    told: Mapping[str, Any], reports: list[Report]
) -> None:
    found = [(n, Decimal(cost)) for month, n, cost in told["days"] if month == "2024-09"]
    assert found == [
        (report.truth["rows"], Decimal(report.truth["sums"]["USD"]["BilledCost"]))
        for report in reports[1:]
    ]
    assert len({cost for month, _, cost in told["days"] if month == "2024-08"}) == 1


def test_changes_have_their_reasons_and_add_up(
    told: Mapping[str, Any], reports: list[Report]
) -> None:
    before, after = (
        Decimal(report.truth["sums"]["USD"]["BilledCost"]) for report in (reports[-8], reports[-1])
    )
    differences = [Decimal(difference) for _, difference in told["why"].values()]
    assert sum(differences, before) == after
    assert set(told["why"]) == {"new", "late", "corrected", "redimensioned", "withdrawn"}
    in_groups: dict[str, int] = defaultdict(int)
    for kind, charges in told["where"]:
        in_groups[kind] += charges
    assert in_groups == {kind: n for kind, (n, _) in told["why"].items() if kind != "new"}


def test_every_line_of_the_ledger_balances(told: Mapping[str, Any]) -> None:
    assert told["balances"] == [True] * (DAYS + 1)


def test_figures_are_drawn_and_tables_shown(executed: nbformat.NotebookNode) -> None:
    outputs = {cell.id: cell.get("outputs", []) for cell in executed.cells}
    drawn = [
        name
        for name, found in outputs.items()
        if any("image/png" in output.get("data", {}) for output in found)
    ]
    assert drawn == FIGURES
    shown = [
        name
        for name, found in outputs.items()
        if any("text/html" in output.get("data", {}) for output in found)
    ]
    assert shown == ["services", "movers", "untagged", *FIGURES[2:], "ledger"]
    errors = [o for found in outputs.values() for o in found if o.get("name") == "stderr"]
    assert errors == []

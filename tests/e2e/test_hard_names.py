"""Column names that are no label names and no SQL names: through the wire and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess, local_get
from tests.support.prometheus import Job, Prometheus, remarks_of_promtool
from tests.support.reports import charges, write_report
from tests.support.store import Store

TABLE = "hard_names"
LONG = "x_" + "LongName" * 14 + "AtTheEnd"[:6]
HARD = (
    "x_cost.center",
    "x_cost center, old",
    "x_Größe/€",
    "x_日本語",
    LONG,
    "job",
    "instance",
    "__name__",
    "x_Twin",
    "x_twin",
    "U__x",
    "costwire_copy",
    "servicename",
    '3 "quoted" \\ names',
)
SQL_NAMES = {
    "x_cost.center": "x_cost_center",
    "__name__": "column__name__",
    "x_twin": "x_twin_2",
    "servicename": "servicename_2",
}
"""The stated mapping; every other name stands in SQL as it is."""

HOSTILE = 'a "b" \\n c\\ {d="e"} 1\nü'
ROWS = charges(
    {name: f"first of {name}" for name in HARD},
    {name: HOSTILE for name in HARD} | {"ResourceId": "hostile"},
    {"ResourceId": "without"},
)


@dataclass(frozen=True)
class Served:
    """A report with hard names, served and delivered."""

    exporter: ServiceProcess
    manifest: dict[str, Any]

    def label(self, name: str) -> str:
        """The label that a column travels as."""
        (label,) = (pair["label"] for pair in self.manifest["columns"] if pair["name"] == name)
        return str(label)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Served]:
    """An exporter process over the report; the store has it too."""
    folder = tmp_path_factory.mktemp("hard-names")
    report = write_report(folder / "hard.csv", ROWS)
    exporter = ServiceProcess(
        "exporter", folder, source=report, table=TABLE, data_dir=folder / "exporter"
    )
    with exporter.start().wait_until_ready():
        outcome = Pipeline(store, folder).scrape(url=exporter.url)
        assert (outcome.exit_status, outcome.error) == (0, None)
        yield Served(exporter, local_get(f"{exporter.url}/delivery").json())


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("name", HARD)
def test_column_comes_back_in_sql_with_every_cell(store: Store, name: str) -> None:
    column = SQL_NAMES.get(name, name).lower().replace('"', '""')
    found = store.sql(f'SELECT "{column}" FROM hard_names ORDER BY ResourceId')  # noqa: S608
    assert found == [[f"first of {name}"], [HOSTILE], [None]]


def test_every_label_is_legal_and_apart_whatever_the_case(served: Served) -> None:
    labels = [served.label(name) for name in HARD]
    assert len({label.lower() for label in labels}) == len(HARD)
    for label in labels:
        assert label.isascii()
        assert label.replace("_", "a").isalnum()
        assert not label.startswith("__")
        assert not label[0].isdigit()


@pytest.mark.parametrize("query", ["", "?by=ServiceName,x_twin,job,x_cost.center"])
def test_promtool_reads_both_forms(served: Served, query: str) -> None:
    remarks = remarks_of_promtool(local_get(f"{served.exporter.url}/metrics{query}").content)
    assert all("should be written in 'snake_case'" in remark for remark in remarks), remarks


def test_prometheus_gives_every_label_value_back(served: Served, tmp_path: Path) -> None:
    with Prometheus(tmp_path, [Job("charges", served.exporter.url)]) as prometheus:
        scraped = {labels["ResourceId"]: labels for labels in prometheus.series("billed_cost")}
    assert len(scraped) == len(ROWS)
    for row in ROWS:
        labels = scraped[row["ResourceId"]]
        assert labels["job"] == "charges"
        for name in HARD:
            assert labels.get(served.label(name)) == row.get(name), name

"""The small form of the costs in a real Prometheus: every series, every sum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import isclose
from pathlib import Path

import pytest
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess
from tests.support.prometheus import Job, Prometheus
from tests.support.reports import COSTS, EXACT, amount, read_rows
from tests.support.store import Store

from costwire_focus.estates import Estate, generate

BY = ("ServiceName", "RegionId", "BillingCurrency")
FAMILIES = {
    "BilledCost": "focus_billed_cost",
    "EffectiveCost": "focus_effective_cost",
    "ListCost": "focus_list_cost",
    "ContractedCost": "focus_contracted_cost",
}
TOLERANCE = 1e-9
ESTATES = {
    "aws": Estate(seed=7, rows=1_200, clouds=("aws",), months=("2024-08", "2024-09")),
    "saas": Estate(seed=8, rows=300, clouds=("saas",), currency="EUR", focus_version="1.2"),
}

Group = tuple[str | None, ...]


@dataclass(frozen=True)
class Monitored:
    """Reports that Prometheus has scraped and that the store has, too."""

    prometheus: Prometheus
    store: Store
    folder: Path

    def groups(self, cost: str) -> dict[Group, Decimal]:
        """The sums of a cost by Python's csv and decimal."""
        found: dict[Group, Decimal] = defaultdict(Decimal)
        for path in sorted(self.folder.glob("*/reports/*.csv")):
            for row in read_rows(path):
                if row[cost] is not None:
                    group = tuple(row[name] for name in BY)
                    found[group] = EXACT.add(found[group], amount(row[cost]))
        return dict(found)

    def scraped(self, expression: str) -> dict[Group, float]:
        """The samples of a query by the same labels."""
        samples = self.prometheus.query(expression)
        return {tuple(labels.get(name) for name in BY): value for labels, value in samples}


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Monitored]:
    """Two exporters, one Prometheus, one table."""
    folder = tmp_path_factory.mktemp("monitored")
    exporters: dict[str, ServiceProcess] = {}
    try:
        for name, estate in ESTATES.items():
            reports = folder / name / "reports"
            reports.mkdir(parents=True)
            for report in generate(estate):
                (reports / f"{report.month}.csv").write_bytes(b"".join(report.chunks()))
            exporters[name] = ServiceProcess(
                "exporter",
                folder / name,
                source=reports,
                table="monitored",
                data_dir=folder / name / "data",
            ).start()
        for exporter in exporters.values():
            exporter.wait_until_ready()
            assert Pipeline(store, folder).scrape(url=exporter.url).exit_status == 0
        by = ",".join(BY[:2])
        jobs = [Job(name, exporter.url, by) for name, exporter in exporters.items()]
        with Prometheus(folder / "prometheus", jobs) as prometheus:
            yield Monitored(prometheus, store, folder)
    finally:
        for exporter in exporters.values():
            exporter.stop()


@pytest.mark.parametrize("cost", COSTS)
def test_prometheus_has_a_series_for_every_group(monitored: Monitored, cost: str) -> None:
    expected = monitored.groups(cost)
    assert monitored.prometheus.query(f"count({FAMILIES[cost]})")[0][1] == len(expected) > 20
    assert monitored.scraped(FAMILIES[cost]).keys() == expected.keys()


@pytest.mark.parametrize("cost", COSTS)
def test_sum_of_every_label_is_the_ledgers(monitored: Monitored, cost: str) -> None:
    expected = monitored.groups(cost)
    scraped = monitored.scraped(f"sum by ({', '.join(BY)}) ({FAMILIES[cost]})")
    columns = ", ".join(BY)
    stored = {
        tuple(group): value
        for *group, value in monitored.store.sql(
            f"SELECT {columns}, sum({cost}) FROM monitored GROUP BY {columns}"  # noqa: S608
        )
        if value is not None
    }
    assert stored == expected
    for group, value in expected.items():
        assert isclose(scraped[group], value, rel_tol=TOLERANCE, abs_tol=TOLERANCE), group


def test_total_of_every_currency_is_the_ledgers(monitored: Monitored) -> None:
    ledger: dict[str, Decimal] = defaultdict(Decimal)
    for entry in monitored.store.ledger("monitored"):
        assert entry["balanced"]
        for currency, lines in entry["sums"].items():
            ledger[currency] += Decimal(lines["BilledCost"]["stored"])
    assert set(ledger) == {"USD", "EUR"}
    for labels, value in monitored.prometheus.query("sum by (BillingCurrency) (focus_billed_cost)"):
        expected = ledger.pop(labels["BillingCurrency"])
        assert isclose(value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    assert not ledger

"""Amounts with more digits than a double holds, exact at every stage from cell to SQL."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.processes import ServiceProcess, local_get
from tests.support.reports import COSTS, charges, read_rows, stored_sums, sums, total, write_report
from tests.support.store import Store

TABLE = "exact"
AMOUNTS = {
    "24 digits": "9876543210987.65432109876",
    "24 digits, negative": "-1234567890123.45678901234",
    "double of 22 decimals": "0.1234567890123456789012",
    "double with a tail": "0.30000000000000004",
    "negative double": "-0.0000000000000000000017",
    "E notation, small": "1.7E-21",
    "E notation, negative": "-2.50e-3",
    "E notation, large": "1.25E+12",
    "trailing zeros": "1.5000000000000000000000",
    "ten to the thirteen": "10000000000000",
    "zero": "0.00000000000",
}
REPORT = charges(
    *(
        {
            "ResourceId": name,
            "BilledCost": text,
            "EffectiveCost": text,
            "ListCost": f"{Decimal(text).copy_abs():f}",
            "ContractedCost": "",
        }
        for name, text in AMOUNTS.items()
    )
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on disk."""
    return write_report(tmp_path_factory.mktemp("exact") / "exact.csv", REPORT)


@pytest.fixture(scope="module")
def exporter(report: Path) -> Iterator[ServiceProcess]:
    """An exporter that serves it."""
    folder = report.parent
    process = ServiceProcess(
        "exporter", folder, source=report, table=TABLE, data_dir=folder / "exporter"
    )
    with process.start():
        yield process.wait_until_ready()


@pytest.fixture(scope="module")
def delivered(report: Path, exporter: ServiceProcess, store: Store) -> Store:
    """The store, once a scraper has taken the report there over the real wire."""
    scraper = ServiceProcess(
        "scraper",
        report.parent,
        exporter_url=exporter.url,
        handler_url=store.url,
        handler_password=store.password,
        once="true",
    )
    with scraper.start():
        assert scraper.wait() == 0, scraper.log.read_text()
    return store


def test_wire_carries_the_text_of_every_amount(exporter: ServiceProcess) -> None:
    text = local_get(f"{exporter.url}/metrics").text
    (family,) = text_string_to_metric_families(text)
    carried = {sample.labels["ResourceId"]: sample.labels for sample in family.samples}
    for row in REPORT:
        labels = carried[row["ResourceId"]]
        assert [labels[name] for name in COSTS[:3]] == [row[name] for name in COSTS[:3]]
        assert "ContractedCost" not in labels


@pytest.mark.parametrize("name", AMOUNTS)
def test_store_holds_the_value_of_every_amount(delivered: Store, name: str) -> None:
    ((as_text, as_number, listed, contracted),) = delivered.sql(
        "SELECT BilledCost::text, BilledCost, ListCost::text, ContractedCost "
        "FROM exact WHERE ResourceId = ?",
        name,
    )
    assert Decimal(as_text) == as_number == Decimal(AMOUNTS[name])
    assert Decimal(listed) == abs(Decimal(AMOUNTS[name]))
    assert contracted is None


def test_sums_are_exact_in_sql_and_ledger(delivered: Store, report: Path) -> None:
    expected = sums(read_rows(report))
    assert delivered.shown(TABLE) == (len(REPORT), expected["USD"])
    (entry,) = delivered.ledger(TABLE)
    assert entry["balanced"]
    assert stored_sums(entry) == expected
    assert expected["USD"]["BilledCost"] == total(AMOUNTS.values()) > 10**13

"""Names of metrics: one registry, the service's prefix, base units."""

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from costwire_runtime.metrics import SHARED_METRICS, Metric


def test_service_prefixes_the_name() -> None:
    registry = CollectorRegistry()
    rows = Metric("rows_read_total", "Rows read from the source", ("table",))
    rows.counter("db-handler", registry).labels("charges").inc(2)
    Metric("data_age_seconds", "Age of the data").gauge("db-handler", registry).set(7)
    text = generate_latest(registry).decode()
    assert 'costwire_db_handler_rows_read_total{table="charges"} 2.0' in text
    assert "costwire_db_handler_data_age_seconds 7.0" in text


@pytest.mark.parametrize("metric", SHARED_METRICS, ids=lambda metric: metric.name)
def test_shared_names_follow_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z_]+_(seconds|bytes|total)", metric.name)
    assert metric.description
    assert all(re.fullmatch(r"[a-z_]+", label) for label in metric.labels)

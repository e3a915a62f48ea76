"""The page of the aggregator says what the code says."""

from pathlib import Path

import pytest

from costwire_aggregator.metrics import ALL_METRICS, SERVICE
from costwire_aggregator.settings import Settings
from costwire_runtime.metrics import Metric
from costwire_runtime.settings import DocumentedSetting, documented_settings

PAGE = (Path(__file__).parents[3] / "docs" / "aggregator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", documented_settings(Settings), ids=lambda told: told.variable)
def test_every_setting_is_documented(setting: DocumentedSetting) -> None:
    assert f"| `{setting.variable}` | {setting.default} | {setting.description} |" in PAGE


@pytest.mark.parametrize("metric", ALL_METRICS, ids=lambda told: told.name)
def test_every_metric_is_documented(metric: Metric) -> None:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    assert f"| `{metric.full_name(SERVICE)}` | {labels} | {metric.description} |" in PAGE

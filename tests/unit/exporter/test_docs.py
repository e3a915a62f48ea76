"""The page of the exporter says what the code says."""

from pathlib import Path

import pytest
from starlette.routing import Route

from costwire_exporter.app import create_app
from costwire_exporter.metrics import ALL_METRICS, SERVICE
from costwire_exporter.settings import Settings
from costwire_runtime.metrics import Metric
from costwire_runtime.settings import DocumentedSetting, documented_settings

PAGE = (Path(__file__).parents[3] / "docs" / "exporter.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", documented_settings(Settings), ids=lambda told: told.variable)
def test_every_setting_is_documented(setting: DocumentedSetting) -> None:
    assert f"| `{setting.variable}` |" in PAGE
    assert f"| {setting.description} |" in PAGE


@pytest.mark.parametrize("metric", ALL_METRICS, ids=lambda told: told.name)
def test_every_metric_is_documented(metric: Metric) -> None:
    assert f"| `{metric.full_name(SERVICE)}` | {metric.description} |" in PAGE


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    app = create_app(Settings.model_validate({"source": "bills", "data_dir": tmp_path}))
    for route in app.routes:
        assert isinstance(route, Route)
        assert f"`{route.path}`" in PAGE

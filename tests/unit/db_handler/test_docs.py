"""The pages of the handler say what the code says."""

from pathlib import Path

import pytest
from starlette.routing import Route

from costwire_db_handler.app import create_app
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.metrics import ALL_METRICS
from costwire_db_handler.settings import Settings
from costwire_runtime.metrics import Metric
from costwire_runtime.settings import DocumentedSetting, documented_settings

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "db-handler.md").read_text(encoding="utf-8")
LEDGER = (DOCS / "ledger.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", documented_settings(Settings), ids=lambda told: told.variable)
def test_every_setting_is_documented(setting: DocumentedSetting) -> None:
    assert f"| `{setting.variable}` | {setting.default} | {setting.description} |" in PAGE


@pytest.mark.parametrize("metric", ALL_METRICS, ids=lambda told: told.name)
def test_every_metric_is_documented(metric: Metric) -> None:
    assert f"| `{metric.full_name('db_handler')}` | {metric.description} |" in PAGE


def test_every_endpoint_is_documented() -> None:
    for route in create_app(Settings()).routes:
        assert isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}:
            assert f"`{method} {route.path}`" in PAGE


@pytest.mark.parametrize("state", State)
def test_every_state_is_documented(state: State) -> None:
    assert f"| `{state}` |" in LEDGER


@pytest.mark.parametrize("field", Entry.model_fields.values(), ids=lambda told: told.alias)
def test_every_field_of_the_ledger_is_shown(field: object) -> None:
    assert f'"{getattr(field, "alias", None)}": ' in LEDGER

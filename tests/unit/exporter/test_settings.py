"""Settings from the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from costwire_exporter.app import create_app
from costwire_exporter.settings import Settings


def test_months_are_split_sorted_and_each_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPORTER_SOURCE", "bills")
    monkeypatch.setenv("EXPORTER_PERIOD", "2024-10, 2024-09,2024-10")
    assert Settings().period == ("2024-09", "2024-10")  # type: ignore[call-arg]  # environment


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": "2024-13"},
        {"period": "September"},
        {"table": "Costs"},
        {"table": "a; drop"},
        {"currency": "usd"},
        {"dates": "ymd"},
        {"mode": "merge"},
        {"focus_version": "2.0"},
        {"source": ""},
        {"polling_interval_seconds": "0"},
        {"retry_base_seconds": "0"},
    ],
    ids=str,
)
def test_wrong_setting_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"source": "bills"} | wrong)


def test_service_listens_on_loopback_unless_told() -> None:
    settings = Settings.model_validate({"source": "bills"})
    assert (settings.host, settings.port) == ("127.0.0.1", 2112)


def test_credentials_within_the_source_are_not_shown() -> None:
    settings = Settings.model_validate({"source": "https://ann:s3cret@bills.example/a.csv"})
    assert "s3cret" not in repr(settings)


def test_requests_are_held_to_the_limits_that_are_set(tmp_path: Path) -> None:
    told = {"source": "bills", "data_dir": tmp_path, "url_limit_bytes": 300}
    assert create_app(Settings.model_validate(told)).state.limits.url_bytes == 300


@pytest.mark.parametrize("text", ["bills/<HOME>/12345.csv", "$HOME/${HOME}/$(id).csv", "~x/%41"])
def test_nothing_in_a_source_is_substituted(text: str) -> None:
    assert Settings.model_validate({"source": text}).source == text

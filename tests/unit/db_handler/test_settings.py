"""Settings from the environment."""

import pytest
from pydantic import ValidationError

from costwire_db_handler.app import create_app
from costwire_db_handler.settings import Settings


def test_service_listens_on_loopback_unless_told() -> None:
    assert (Settings().host, Settings().port) == ("127.0.0.1", 8088)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDLER_HOLD_WITHDRAWN_SHARE", "0.5")
    assert Settings().hold_withdrawn_share == 0.5


def test_closed_periods_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Settings().closed_after_days, Settings().closed_through) == (None, None)
    assert Settings().closed_periods == ()
    monkeypatch.setenv("HANDLER_CLOSED_AFTER_DAYS", "10")
    monkeypatch.setenv("HANDLER_CLOSED_THROUGH", "2024-06")
    monkeypatch.setenv("HANDLER_CLOSED_PERIODS", "2024-08, 2024-09")
    told = Settings()
    assert (told.closed_after_days, told.closed_through) == (10, "2024-06")
    assert told.closed_periods == ("2024-08", "2024-09")


@pytest.mark.parametrize(
    "wrong",
    [
        {"hold_withdrawn_share": 1.1},
        {"hold_repeated_share": -0.1},
        {"memory_mib": 16},
        {"threads": 0},
        {"open_deliveries": 0},
        {"upload_quiet_seconds": 0},
        {"closed_after_days": -1},
        {"closed_through": "2024-13"},
        {"closed_periods": "2024-08,August"},
    ],
    ids=str,
)
def test_wrong_setting_is_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_requests_are_held_to_the_limits_that_are_set() -> None:
    assert create_app(Settings(url_limit_bytes=300)).state.limits.url_bytes == 300

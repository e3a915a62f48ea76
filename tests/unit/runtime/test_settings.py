"""Settings: read from the environment, wrong ones told line by line."""

from pathlib import Path

import pytest
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from costwire_runtime.settings import (
    ServiceSettings,
    documented_settings,
    settings_from_environment,
)


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")

    port: int = Field(2112, ge=0, le=65_535, description="TCP port; 0 takes any free one")
    polling_seconds: float = Field(gt=0, description="from poll to poll")
    password: SecretStr = Field(SecretStr("none"), min_length=4, description="stars in logs")
    key: SecretStr = Field(
        SecretStr("none"),
        min_length=4,
        validation_alias=AliasChoices("OLD_KEY", "DEMO_KEY"),
        description="has two names",
    )
    old_port: int = Field(1, validation_alias="OLD_PORT", description="has an old name")


@pytest.fixture(autouse=True)
def _complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_POLLING_SECONDS", "2.5")


def test_environment_sets_what_defaults_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_LOG_LEVEL", "debug")
    monkeypatch.setenv("DEMO_ADDRESS_FILE", "run/address")
    settings = settings_from_environment(DemoSettings)
    assert (settings.host, settings.port) == ("127.0.0.1", 2112)
    assert settings.log_level == "DEBUG"
    assert settings.address_file == Path("run/address")
    assert settings.polling_seconds == 2.5


def test_each_wrong_setting_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_PORT", "99999")
    monkeypatch.setenv("DEMO_LOG_LEVEL", "LOUD")
    monkeypatch.delenv("DEMO_POLLING_SECONDS")
    with pytest.raises(SystemExit) as ended:
        settings_from_environment(DemoSettings)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "DEMO_PORT: input should be less than or equal to 65535 (it is '99999')",
        "DEMO_LOG_LEVEL: input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR' (it is 'LOUD')",
        "DEMO_POLLING_SECONDS: is not set, and has no default",
    ]


def test_wrong_secret_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", "abc")
    with pytest.raises(SystemExit):
        settings_from_environment(DemoSettings)
    told = capsys.readouterr().err
    assert told.startswith("DEMO_PASSWORD: ")
    assert "abc" not in told


@pytest.mark.parametrize("name", ["DEMO_KEY", "OLD_KEY"])
def test_wrong_secret_of_two_names_is_not_repeated_either(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "abc")
    with pytest.raises(SystemExit):
        settings_from_environment(DemoSettings)
    told = capsys.readouterr().err
    assert told.startswith("OLD_KEY: ")
    assert "abc" not in told


def test_password_in_an_address_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_PORT", "http://jo:hush@there/x")
    with pytest.raises(SystemExit):
        settings_from_environment(DemoSettings)
    told = capsys.readouterr().err
    assert "//***@there/x" in told
    assert "hush" not in told


def test_kubernetes_service_link_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PORT", "tcp://10.0.0.1:2112")
    monkeypatch.setenv("OLD_PORT", "tcp://10.0.0.1:2113")
    settings = settings_from_environment(DemoSettings)
    assert (settings.port, settings.old_port) == (2112, 1)


def test_settings_do_not_change_after_start() -> None:
    settings = settings_from_environment(DemoSettings)
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_every_setting_is_documented_with_variable_and_default() -> None:
    documented = {entry.variable: entry for entry in documented_settings(DemoSettings)}
    assert documented["DEMO_HOST"].default == "127.0.0.1"
    assert documented["DEMO_POLLING_SECONDS"].default == "required"
    assert documented["DEMO_WEB_CONFIG_FILE"].default == ""
    assert documented["DEMO_PASSWORD"].default == "**********"
    assert {"OLD_KEY", "OLD_PORT"} <= documented.keys()
    assert all(entry.description for entry in documented.values())

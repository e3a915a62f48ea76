"""Settings of the aggregator: the original's variables and its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from costwire_aggregator.settings import Settings
from costwire_runtime.settings import settings_from_environment

UPSTREAM = "http://prometheus:9090"


@pytest.fixture(autouse=True)
def _complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PORT", "GRPC_PORT", "KEY", "ICOS_COMPAT", "GRPC_AUTH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMETHEUS_ADDRESS", UPSTREAM)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings_from_environment(Settings)


def test_originals_variables_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch, HTTP_PORT="9000", GRPC_PORT="9001", KEY="abc", ICOS_COMPAT="strict"
    )
    assert (settings.port, settings.grpc_port, settings.key) == (9000, 9001, "abc")
    assert settings.is_strict
    assert settings.only_upstream().url == UPSTREAM


def test_only_upstream_has_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, AGGREGATOR_DEADLINE_SECONDS="42")
    assert settings.only_upstream().timeout_seconds == 42


def test_defaults_are_the_originals_but_for_the_token_on_grpc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read(monkeypatch)
    assert (settings.port, settings.grpc_port, settings.key) == (8080, None, None)
    assert (settings.is_strict, settings.grpc_auth) == (False, "on")


def test_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, HTTP_PORT="", GRPC_PORT="", KEY="", AGGREGATOR_JWKS_URL="")
    assert (settings.port, settings.grpc_port, settings.key) == (8080, None, None)


def test_own_name_of_the_port_is_the_one_that_the_chart_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read(monkeypatch, AGGREGATOR_PORT="9002").port == 9002
    assert read(monkeypatch, HTTP_PORT="9003").port == 9003


def test_words_stand_between_blanks_or_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, AGGREGATOR_TOKEN_ROLES="a, b c").token_roles == ("a", "b", "c")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"HTTP_PORT": "http"}, "HTTP_PORT: input should be a valid integer"),
        ({"PROMETHEUS_ADDRESS": ""}, "set PROMETHEUS_ADDRESS or AGGREGATOR_UPSTREAMS_FILE"),
        ({"AGGREGATOR_UPSTREAMS_FILE": "x"}, "set PROMETHEUS_ADDRESS or AGGREGATOR_UPSTREAMS_FILE"),
        ({"PROMETHEUS_ADDRESS": "prometheus"}, "give an address such as http://prometheus:9090"),
        ({"PROMETHEUS_ADDRESS": "http://a:b"}, "give an address such as http://prometheus:9090"),
        ({"KEY": "k", "AGGREGATOR_JWKS_URL": "http://j"}, "set KEY or AGGREGATOR_JWKS_URL"),
        ({"AGGREGATOR_JWKS_URL": "keycloak"}, "AGGREGATOR_JWKS_URL: string should match"),
        ({"ICOS_COMPAT": "lax"}, "ICOS_COMPAT: input should be 'default' or 'strict'"),
        ({"AGGREGATOR_GRPC_KEY_FILE": "k"}, "or neither"),
    ],
)
def test_wrong_one_is_told_at_start(
    variables: dict[str, str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(monkeypatch, **variables)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_password_of_an_address_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read(monkeypatch, PROMETHEUS_ADDRESS="ftp://jo:hush@prometheus")
    assert "hush" not in capsys.readouterr().err
    settings = read(monkeypatch, PROMETHEUS_ADDRESS="http://jo:hush@prometheus:9090")
    assert "hush" not in repr(settings)
    assert "hush" not in repr(settings.only_upstream())


def test_folder_of_nothing_is_no_file_of_upstreams(tmp_path: Path) -> None:
    assert Settings(prometheus_address=UPSTREAM).upstreams_file is None

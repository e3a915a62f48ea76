"""Settings of the scraper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from requests import ConnectionError, PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.auth import _basic_auth_str

from costwire_runtime.settings import documented_settings
from costwire_scraper.app import create_app
from costwire_scraper.metrics import Metrics
from costwire_scraper.settings import Settings
from costwire_scraper.wiring import open_loop

HANDLER = "http://handler:8088"
DOCS = Path(__file__).parents[3] / "docs" / "scraper.md"


@pytest.mark.parametrize(
    "given", ["http://exporter:2112", "http://exporter:2112/", "http://exporter:2112/metrics"]
)
def test_exporter_address_may_end_with_metrics(given: str) -> None:
    settings = Settings(exporter_url=given, handler_url=HANDLER)
    assert settings.exporter_url == "http://exporter:2112"


def test_address_without_scheme_is_wrong() -> None:
    with pytest.raises(ValidationError, match="starts with http"):
        Settings(exporter_url="exporter:2112", handler_url=HANDLER)


def test_password_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret \n")
    settings = Settings(exporter_url=HANDLER, handler_url=HANDLER, handler_password_file=file)
    assert settings.handler_sign_in() == ("costwire", "secret ")
    assert settings.exporter_sign_in() is None


def test_two_passwords_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="not both"):
        Settings(
            exporter_url=HANDLER,
            handler_url=HANDLER,
            handler_password=SecretStr("a"),
            handler_password_file=tmp_path,
        )


def test_password_is_in_no_representation() -> None:
    settings = Settings(
        exporter_url=HANDLER, handler_url=HANDLER, handler_password=SecretStr("hush")
    )
    assert "hush" not in repr(settings) + str(settings.model_dump())


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for setting in documented_settings(Settings):
        assert f"`{setting.variable}`" in text, f"{setting.variable} is not in {DOCS.name}"
        assert setting.description in text, f"{setting.variable} is described otherwise"


def test_requests_are_held_to_the_limits_that_are_set() -> None:
    settings = Settings(exporter_url=HANDLER, handler_url=HANDLER, url_limit_bytes=300)
    metrics = Metrics()
    with open_loop(settings, metrics) as loop:
        assert create_app(settings, loop, metrics).state.limits.url_bytes == 300


def test_password_file_is_read_before_each_request(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    sent: list[str] = []

    class Exporter(BaseAdapter):
        def send(self, request: PreparedRequest, *_args: Any, **_options: Any) -> Response:
            sent.append(request.headers["Authorization"])
            file.write_text("new\n")
            raise ConnectionError("of the test")

        def close(self) -> None:
            """Nothing is held."""

    settings = Settings(
        exporter_url=HANDLER,
        exporter_user="ann",
        exporter_password_file=file,
        handler_url=HANDLER,
        patience_seconds=0,
    )
    with open_loop(settings, Metrics(), exporter_transport=Exporter()) as loop:
        loop.run_once()
        loop.run_once()
    assert sent == [_basic_auth_str("ann", "old"), _basic_auth_str("ann", "new")]

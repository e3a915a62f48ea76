"""What an address names."""

from __future__ import annotations

from pathlib import Path

from costwire_cli.options import DEFAULT_DATA
from costwire_cli.store import data_option, remote


def test_credentials_leave_the_address() -> None:
    connection = remote("https://ann:p%40ss@host:8088/")
    assert connection.url == "https://host:8088"
    assert connection.sign_in == ("ann", "p@ss")
    assert "p@ss" not in connection.hint + connection.url


def test_address_without_credentials_signs_nobody_in() -> None:
    assert remote("http://host:8088").sign_in is None


def test_default_folder_is_not_repeated_in_advice() -> None:
    assert data_option(DEFAULT_DATA) == ""
    assert data_option(Path("d")) == " --data d"

"""From a text to the source it names."""

from pathlib import Path

import pytest

from costwire_sources import open_source
from costwire_sources.errors import UnknownScheme, Unreadable


def test_file_is_named_by_its_absolute_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert open_source("./a/../report.csv").name == "/report.csv"


def test_file_url_is_a_path_with_its_escapes_undone() -> None:
    assert open_source("file:///srv/my%20bill.csv").name == "/srv/my bill.csv"
    assert open_source("file://localhost/srv/a.csv").name == "/srv/a.csv"


def test_path_with_a_percent_sign_is_taken_as_it_is() -> None:
    assert open_source("/srv/my%20bill.csv").name == "/srv/my%20bill.csv"


def test_home_is_expanded() -> None:
    assert open_source("~/bill.csv").name == str(Path.home() / "bill.csv")


def test_url_is_named_without_credentials_query_and_fragment() -> None:
    source = open_source("https://ann:s3cret@bills.example:8443/a/b.csv?sig=abc#top")
    assert source.name == "https://bills.example:8443/a/b.csv"


def test_name_that_was_told_is_kept() -> None:
    assert open_source("/srv/a.csv", name="acme").name == "acme"
    assert open_source("https://bills.example/a.csv", name="acme").name == "acme"


def test_unknown_scheme_is_refused_with_what_is_known() -> None:
    with pytest.raises(UnknownScheme, match="ftp:// is not a kind of source known here") as caught:
        open_source("ftp://bills.example/a.csv")
    assert not caught.value.transient


def test_url_without_host_is_refused() -> None:
    with pytest.raises(Unreadable, match="names no host"):
        open_source("https:///a.csv")

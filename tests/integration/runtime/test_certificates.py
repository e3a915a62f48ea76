"""Certificates of a listener and of its clients: rotated, asked for, refused."""

from __future__ import annotations

import shutil
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.certificates import Authority, Pair, web_config

from costwire_runtime.client import HttpClient, HttpError, Impossible


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


def ready(url: str, authority: Authority, pair: Pair | None = None) -> bool:
    certificate = (pair.certificate, pair.key) if pair else None
    with HttpClient(url, ca_file=authority.file, certificate=certificate, retries=0) as client:
        return client.get("/-/ready").ok


def replace(pair: Pair, by: Pair) -> None:
    shutil.copy(by.certificate, pair.certificate)
    shutil.copy(by.key, pair.key)


def test_changed_certificate_is_used_from_the_next_connection_on(
    start: Any, tmp_path: Path, authority: Authority
) -> None:
    pair, later = authority.issue("server"), Authority(tmp_path / "later", "later")
    url = start(WEB_CONFIG_FILE=str(web_config(tmp_path, pair))).wait_until_serving()
    with HttpClient(url, ca_file=authority.file, retries=0) as before:
        assert before.get("/-/ready").ok
        replace(pair, later.issue("server"))
        assert ready(url, later)
        assert before.get("/-/ready").ok  # on the connection that it has
    with pytest.raises(Impossible, match="not trusted"):
        ready(url, authority)


def test_change_that_cannot_be_used_leaves_the_certificate_before(
    start: Any, tmp_path: Path, authority: Authority
) -> None:
    pair = authority.issue("server")
    service = start(WEB_CONFIG_FILE=str(web_config(tmp_path, pair)))
    url = service.wait_until_serving()
    pair.key.write_bytes(authority.issue("other").key.read_bytes())
    assert ready(url, authority)
    refused = [line for line in service.lines if line["level"] == "ERROR"]
    assert [line["what"] for line in refused] == ["certificates"]
    assert "is not the key of" in refused[0]["reason"]
    replace(pair, authority.issue("another"))
    assert ready(url, authority)


def test_clients_show_a_certificate_of_the_authority_that_is_set(
    start: Any, tmp_path: Path, authority: Authority
) -> None:
    clients = Authority(tmp_path / "clients", "clients")
    config = web_config(
        tmp_path,
        authority.issue("server"),
        client_ca_file=clients.file,
        client_auth_type="RequireAndVerifyClientCert",
    )
    url = start(WEB_CONFIG_FILE=str(config)).wait_until_serving()
    assert ready(url, authority, clients.issue("scraper"))
    for stranger in (None, authority.issue("stranger"), clients.issue("late", days=(-2, -1))):
        with pytest.raises(HttpError):
            ready(url, authority, stranger)


def test_authority_of_clients_can_be_changed(
    start: Any, tmp_path: Path, authority: Authority
) -> None:
    first, second = (Authority(tmp_path / name, name) for name in ("first", "second"))
    config = web_config(
        tmp_path,
        authority.issue("server"),
        client_ca_file=first.file,
        client_auth_type="RequireAndVerifyClientCert",
    )
    url = start(WEB_CONFIG_FILE=str(config)).wait_until_serving()
    old, new = first.issue("scraper"), second.issue("scraper")
    assert ready(url, authority, old)
    shutil.copy(second.file, first.file)
    assert ready(url, authority, new)
    with pytest.raises(HttpError):
        ready(url, authority, old)


def test_names_of_clients_can_be_limited(start: Any, tmp_path: Path, authority: Authority) -> None:
    config = web_config(
        tmp_path,
        authority.issue("server"),
        client_ca_file=authority.file,
        client_auth_type="RequireAndVerifyClientCert",
        client_allowed_sans="[scraper.costs]",
    )
    url = start(WEB_CONFIG_FILE=str(config)).wait_until_serving()
    assert ready(url, authority, authority.issue("scraper", ["scraper.costs", "other"]))
    with pytest.raises(HttpError, match="none of the names allowed here"):
        ready(url, authority, authority.issue("stranger", ["stranger.costs"]))


def test_suites_and_curve_are_those_that_are_set(
    start: Any, tmp_path: Path, authority: Authority
) -> None:
    config = web_config(
        tmp_path,
        authority.issue("server"),
        max_version="TLS12",
        cipher_suites="[TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
        curve_preferences="[CurveP384]",
    )
    url = start(WEB_CONFIG_FILE=str(config)).wait_until_serving()
    context = ssl.create_default_context(cafile=authority.file)
    with (
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
    ):
        told = encrypted.cipher()
    assert told is not None
    assert told[:2] == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2")
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with (
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_name_of_the_server_is_checked(start: Any, tmp_path: Path, authority: Authority) -> None:
    config = web_config(tmp_path, authority.issue("server", ["elsewhere.example"]))
    url = start(WEB_CONFIG_FILE=str(config)).wait_until_serving()
    with pytest.raises(Impossible, match="not the one that its certificate names"):
        ready(url, authority)


def test_files_of_a_client_that_cannot_be_read_are_told(
    tmp_path: Path, authority: Authority
) -> None:
    missing = tmp_path / "missing.crt"
    pair = authority.issue("scraper")
    with pytest.raises(Impossible, match=r"missing.crt: No such file or directory"):
        HttpClient("https://h", ca_file=missing)
    with pytest.raises(Impossible, match=r"missing.crt: No such file or directory"):
        HttpClient("https://h", certificate=(pair.certificate, missing))

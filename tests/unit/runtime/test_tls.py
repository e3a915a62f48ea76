"""Certificates of a listener: what can be used, and what is told of the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from tests.support.certificates import Authority, Pair, web_config

from costwire_runtime.web_config import WebConfig, WebConfigError


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.issue("server")


def refusal(file: Path) -> str:
    with pytest.raises(WebConfigError) as refused:
        WebConfig.load(file)
    return str(refused.value)


def _mismatched(pair: Pair, authority: Authority) -> str:
    pair.key.write_bytes(authority.issue("other").key.read_bytes())
    return f"read {pair.key}: it is not the key of {pair.certificate}"


def _encrypted(pair: Pair, authority: Authority) -> str:
    pair.key.write_bytes(authority.issue("other", passphrase=b"x").key.read_bytes())
    return f"read {pair.key}: the key is encrypted; give it without a passphrase"


def _no_certificate(pair: Pair, _: Authority) -> str:
    pair.certificate.write_text("nothing\n")
    return f"read {pair.certificate}: it holds no certificate in PEM"


def _no_key(pair: Pair, _: Authority) -> str:
    pair.key.write_text("nothing\n")
    return f"read {pair.key}: it holds no private key in PEM"


def _missing(pair: Pair, _: Authority) -> str:
    pair.key.unlink()
    return f"read {pair.key}: No such file or directory"


def _folder(pair: Pair, _: Authority) -> str:
    pair.certificate.unlink()
    pair.certificate.mkdir()
    return f"read {pair.certificate}: Is a directory"


@pytest.mark.parametrize(
    "spoil", [_mismatched, _encrypted, _no_certificate, _no_key, _missing, _folder]
)
def test_unusable_certificate_is_told_with_its_file(
    tmp_path: Path, pair: Pair, authority: Authority, spoil: Callable[[Pair, Authority], str]
) -> None:
    told = spoil(pair, authority)
    file = web_config(tmp_path, pair)
    assert refusal(file) == f"read {file}: tls_server_config: {told}"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"min_version": "TLS11"}, "min_version: TLS11 is too old"),
        ({"min_version": "TLS13", "max_version": "TLS12"}, "min_version is above max_version"),
        ({"client_auth_type": "RequireAnyClientCert"}, "verifies nothing"),
        ({"client_auth_type": "Often"}, "write one of NoClientCert, VerifyClientCertIfGiven"),
        ({"client_auth_type": "RequireAndVerifyClientCert"}, "want each other"),
        ({"client_ca_file": "ca.crt"}, "want each other"),
        ({"client_allowed_sans": "[a]"}, "client_allowed_sans wants Require"),
        ({"cipher_suites": "[TLS_RSA_WITH_RC4_128_SHA]"}, "is not among the suites that are safe"),
        ({"curve_preferences": "[CurveP256, X25519]"}, "name one curve"),
        ({"curve_preferences": "[secp112r1]"}, "curve_preferences"),
        ({"cert": "inline"}, "tls_server_config.cert: Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_unusable_section_is_told(
    tmp_path: Path, pair: Pair, more: dict[str, Any], told: str
) -> None:
    assert told in refusal(web_config(tmp_path, pair, **more))


def test_authority_of_clients_that_holds_none_is_told(tmp_path: Path, pair: Pair) -> None:
    empty = tmp_path / "ca.crt"
    empty.write_text("nothing\n")
    asks = {"client_ca_file": empty, "client_auth_type": "RequireAndVerifyClientCert"}
    told = refusal(web_config(tmp_path, pair, **asks))
    assert told.endswith(f"read {empty}: it holds no certificate in PEM")


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((-2, -1), "the certificate has expired"),
        ((-2, 5), "the certificate expires soon"),
        ((-2, 30), None),
    ],
    ids=["expired", "soon", "later"],
)
def test_end_of_a_certificate_is_warned_of(
    tmp_path: Path,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    days: tuple[float, float],
    told: str | None,
) -> None:
    with caplog.at_level(logging.WARNING):
        WebConfig.load(web_config(tmp_path, authority.issue("server", days=days)))
    assert [record.message for record in caplog.records] == ([told] if told else [])


def _users(file: Path, **passwords: str) -> None:
    hashes = {
        user: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        for user, password in passwords.items()
    }
    file.write_text(json.dumps({"basic_auth_users": hashes}))  # JSON is YAML


def test_changed_users_count_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    _users(file, ann="old")
    config = WebConfig.load(file)
    assert config.verify("ann", "old")
    _users(file, ann="new", bob="too")
    assert config.verify("ann", "new")
    assert config.verify("bob", "too")
    assert not config.verify("ann", "old")


def test_broken_change_of_users_is_told_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "web.yml"
    _users(file, ann="old")
    config = WebConfig.load(file)
    file.write_text("basic_auth_users: [\n")
    with caplog.at_level(logging.ERROR):
        assert config.verify("ann", "old")
        assert not config.verify("ann", "new")
    assert len(caplog.records) == 1

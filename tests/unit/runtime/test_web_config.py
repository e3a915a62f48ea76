"""The web configuration file: users, refusals in words, checks that cost once."""

from pathlib import Path

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_runtime.web_config import WebConfig, WebConfigError


def _hash(password: str, prefix: bytes = b"2b") -> str:
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))
    return hashed.replace(b"$2b$", b"$" + prefix + b"$").decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


@pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
def test_users_of_the_file_may_sign_in(file: Path, prefix: bytes) -> None:
    file.write_text(f"basic_auth_users:\n  alice: {_hash('wonderland', prefix)}\n")
    config = WebConfig.load(file)
    assert config.has_users
    assert config.verify("alice", "wonderland")
    assert not config.verify("alice", "Wonderland")
    assert not config.verify("bob", "wonderland")


@pytest.mark.parametrize("content", ["", "{}", "basic_auth_users: {}\n", "# nothing\n"])
def test_empty_file_asks_nobody(file: Path, content: str) -> None:
    file.write_text(content)
    config = WebConfig.load(file)
    assert (config.has_users, config.tls, config.headers) == (False, None, {})


def test_headers_are_kept(file: Path) -> None:
    file.write_text("http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n")
    assert WebConfig.load(file).headers == {"X-Frame-Options": "deny"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("basic_auth_users:\n  alice: wonderland\n", "basic_auth_users.alice: is no bcrypt hash"),
        ("basic_auth_user: {}\n", "basic_auth_user: Extra inputs"),
        ("tls_server_config:\n  cert_file: a.crt\n", "tls_server_config.key_file: Field required"),
        ("a: [\n", "line 2: is not YAML"),
        ("- a\n", "valid dictionary"),
        (
            "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n",
            "No such file or directory",
        ),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAny\n",
            "tls_server_config: client_auth_type: write one of",
        ),
    ],
)
def test_unusable_file_is_told_with_its_place(file: Path, content: str, told: str) -> None:
    file.write_text(content)
    with pytest.raises(WebConfigError) as refused:
        WebConfig.load(file)
    assert str(refused.value).startswith(f"read {file}: ")
    assert told in str(refused.value)
    assert "wonderland" not in str(refused.value)


def test_missing_file_is_told(file: Path) -> None:
    with pytest.raises(WebConfigError, match="No such file"):
        WebConfig.load(file)


def test_right_password_costs_bcrypt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = WebConfig({"alice": _hash("wonderland")})
    assert config.verify("alice", "wonderland")
    monkeypatch.setattr(bcrypt, "checkpw", None)
    assert config.verify("alice", "wonderland")


def test_password_longer_than_bcrypt_reads_opens_nothing() -> None:
    config = WebConfig({"alice": _hash("a" * 72)})
    assert config.verify("alice", "a" * 72)
    assert not config.verify("alice", "a" * 73)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=90), st.text(max_size=90))
def test_no_text_breaks_the_check(user: str, password: str) -> None:
    config = WebConfig({"alice": _hash("wonderland")})
    assert config.verify(user, password) is (user == "alice" and password == "wonderland")

"""The web configuration file: users, refusals in words, checks that cost once."""

import json
from pathlib import Path

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_runtime.web_config import WebConfig, WebConfigError

_SALT = b"$2b$04$abcdefghijklmnopqrstuu"
"""Always the same: what is hashed is part of the names of tests."""


def _hash(password: str, prefix: bytes = b"2b") -> str:
    hashed = bcrypt.hashpw(password.encode(), _SALT)
    return hashed.replace(b"$2b$", b"$" + prefix + b"$").decode()


def _user_with(cost: str) -> str:
    hashed = _hash("wonderland").replace("$04$", f"${cost}$")
    return f"basic_auth_users:\n  alice: {hashed}\n"


def _headers(line: str) -> str:
    return f"http_server_config:\n  headers:\n    {line}\n"


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
        (_user_with(cost="99"), "basic_auth_users.alice: is a bcrypt hash of cost 99, where"),
        (_user_with(cost="03"), "basic_auth_users.alice: is a bcrypt hash of cost 03, where"),
        ("basic_auth_users: {a: $2b$04$" + "a" * 53 + "}", "basic_auth_users.a: is no bcrypt hash"),
        (_user_with(cost="32"), "htpasswd -nB USER"),
        ('basic_auth_users:\n  "al\\nice": x\n', "basic_auth_users.'al\\nice': is no bcrypt hash"),
        (_headers("X A: b"), "http_server_config.headers: 'X A' is no name of a header; write"),
        (_headers('"X\\r\\nA": b'), "headers: 'X\\r\\nA' is no name of a header"),
        (_headers('"": b'), "headers: '' is no name of a header"),
        (_headers('X-A: "b\\r\\nX-B: c"'), "headers: X-A: its value cannot be sent; take out line"),
        (_headers('X-A: "b\\0"'), "headers: X-A: its value cannot be sent"),
        (_headers('X-A: " b"'), "headers: X-A: its value cannot be sent"),
        (_headers("X-A: 日本"), "headers: X-A: its value cannot be sent"),
        (_headers("content-length: '5'"), "headers: content-length is told by each answer itself"),
        ("a: " + "[" * 100_000, "is nested too deeply; write"),
        ("a: " + "[" * 2_000 + "]" * 2_000, "is nested too deeply; write"),
        ("a: 2024-99-99\n", "put texts into quotes"),
        ("a: !!bool b\n", "put texts into quotes"),
        ("a: !!timestamp b\n", "put texts into quotes"),
        ('tls_server_config:\n  cert_file: "a\\0"\n  key_file: a\n', "tls_server_config: "),
        (
            "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n",
            "No such file or directory",
        ),
        (
            "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAny\n",
            "tls_server_config: client_auth_type: write one of",
        ),
    ],
    ids=lambda text: text[:50],
)
def test_unusable_file_is_told_with_its_place(file: Path, content: str, told: str) -> None:
    file.write_text(content)
    with pytest.raises(WebConfigError) as refused:
        WebConfig.load(file)
    assert str(refused.value).startswith(f"read {file}: ")
    assert told in str(refused.value)
    assert "wonderland" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [_user_with(cost="99"), _headers("X A: b"), "a: " + "[" * 100_000]
)
def test_change_that_is_unusable_leaves_the_users_as_they_were(file: Path, content: str) -> None:
    file.write_text(f"basic_auth_users:\n  alice: {_hash('wonderland')}\n")
    config = WebConfig.load(file)
    file.write_text(content)
    assert config.verify("alice", "wonderland")


@pytest.mark.parametrize("value", ["", "b", "b c\td", "max-age=1; x", "é"])
def test_values_that_can_be_sent_are_kept(file: Path, value: str) -> None:
    file.write_text(_headers(f"X-A: {json.dumps(value)}"), "utf-8")
    assert WebConfig.load(file).headers == {"X-A": value}


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

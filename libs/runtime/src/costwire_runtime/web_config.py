"""The web configuration file of Prometheus' exporters: who may sign in, and TLS."""

import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import bcrypt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from costwire_runtime.tls import ServerTls, TlsError, TlsServerConfig
from costwire_runtime.watched import Watched

_MAX_PASSWORD_BYTES = 72  # bcrypt looks at no more
_REMEMBERED = 128
# The last of a salt's 22 characters holds two bits; with others bcrypt refuses to check.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_COSTS = range(4, 32)
_DUMMY_COST = 10
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"([!-~\xa1-\xff]([\t -~\xa0-\xff]*[!-~\xa1-\xff])?)?")
_OF_THE_ANSWER = {
    "connection",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "upgrade",
}


class WebConfigError(Exception):
    """The web configuration file can't be used; the message says which part, and why."""


def _bcrypt_hash(text: str) -> str:
    found = _BCRYPT.fullmatch(text)
    if found is None:
        raise ValueError("is no bcrypt hash; make one with: htpasswd -nB USER")
    if int(found[1]) not in _COSTS:
        raise ValueError(
            f"is a bcrypt hash of cost {found[1]}, where there are 04 to 31; make one with: "
            "htpasswd -nB USER"
        )
    return text


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!a} is no name of a header; write letters, digits and hyphens")
        if name.lower() in _OF_THE_ANSWER:
            raise ValueError(f"{name} is told by each answer itself; take it out")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"{name}: its value cannot be sent; take out line breaks, other control "
                "characters, blanks at its ends and what is not Latin-1"
            )
    return headers


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpServerConfig(_Part):
    """Section `http_server_config`; HTTP/2 is an offer that we needn't take up."""

    http2: bool = True
    headers: Annotated[dict[str, str], AfterValidator(_sendable)] = Field(default_factory=dict)


class _File(_Part):
    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = Field(default_factory=HttpServerConfig)
    basic_auth_users: dict[str, Annotated[str, AfterValidator(_bcrypt_hash)]] = Field(
        default_factory=dict
    )


class WebConfig:
    """Users and certificates of one service; a change of them counts without a restart.

    Whether a sign-in, TLS and headers are wanted at all is settled when the service starts.
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        tls: ServerTls | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`users`: their names and the hashes of their passwords."""
        self._users: Callable[[], Mapping[str, str]] = lambda: users or {}
        self.has_users = bool(users)
        self.tls = tls
        self.headers = dict(headers or {})
        self._key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path) -> "WebConfig":
        """Read the file; `WebConfigError` when it can't be used as it stands."""
        users = Watched(
            "users", [path], lambda: _read(path).basic_auth_users, unusable=WebConfigError
        )
        parts = _read(path)
        section = parts.tls_server_config
        try:
            tls = None if section is None else ServerTls(section, path.parent)
        except (TlsError, ValueError) as error:  # no path may hold the character zero
            raise WebConfigError(f"read {path}: tls_server_config: {error}") from error
        config = cls(users.value, tls=tls, headers=parts.http_server_config.headers)
        config._users = lambda: users.value
        return config

    def verify(self, user: str, password: str) -> bool:
        """Whether this is a user's password; takes as long for a user that doesn't exist.

        A check that succeeded is remembered under a keyed digest, so that a scrape every few
        seconds doesn't cost a bcrypt run each.
        """
        users = self._users()
        secret = password.encode()
        hashed = users[user].encode() if user in users else _hash_of_nobody(users)
        proof = hmac.digest(self._key, b"\0".join([user.encode(), hashed, secret]), hashlib.sha256)
        with self._lock:
            if proof in self._verified:
                self._verified.move_to_end(proof)
                return True
        is_right = bcrypt.checkpw(secret[:_MAX_PASSWORD_BYTES], hashed)
        if not is_right or user not in users or len(secret) > _MAX_PASSWORD_BYTES:
            return False
        with self._lock:
            self._verified[proof] = None
            while len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return True


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(_content(path) or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(_printable(str(part)) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise WebConfigError(f"read {path}: {where}: {message}") from None


def _content(path: Path) -> Any:
    import yaml  # here, as most services have no such file

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WebConfigError(f"read {path}: {error}") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise WebConfigError(f"read {path}: {where}is not YAML") from None
    except RecursionError:
        told = "is nested too deeply; write tls_server_config and its like, as docs/tls.md has them"
    except (ValueError, KeyError, AttributeError):  # of what a tag or the form promises
        told = "holds a date, number or tag that is none; put texts into quotes"
    raise WebConfigError(f"read {path}: {told}")


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _hash_of_nobody(users: Mapping[str, str]) -> bytes:
    """A hash that no password fits, of the cost that the users' hashes have."""
    cost = max((int(hashed.split("$")[2]) for hashed in users.values()), default=_DUMMY_COST)
    return bcrypt.gensalt(cost) + b"." * 31

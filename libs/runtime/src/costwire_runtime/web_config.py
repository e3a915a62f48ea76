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
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from costwire_runtime.tls import ServerTls, TlsError, TlsServerConfig
from costwire_runtime.watched import Watched

_MAX_PASSWORD_BYTES = 72  # bcrypt looks at no more
_REMEMBERED = 128
_BCRYPT = re.compile(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}")
_DUMMY_COST = 10


class WebConfigError(Exception):
    """The web configuration file can't be used; the message says which part, and why."""


def _bcrypt_hash(text: str) -> str:
    if not _BCRYPT.fullmatch(text):
        raise ValueError("is no bcrypt hash; make one with: htpasswd -nB USER")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpServerConfig(_Part):
    """Section `http_server_config`; HTTP/2 is an offer that we needn't take up."""

    http2: bool = True
    headers: dict[str, str] = Field(default_factory=dict)


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
        except TlsError as error:
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
        content: Any = yaml.safe_load(path.read_text("utf-8"))
        return _File.model_validate(content or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise WebConfigError(f"read {path}: {where}: {message}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise WebConfigError(f"read {path}: {where}is not YAML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WebConfigError(f"read {path}: {error}") from error


def _hash_of_nobody(users: Mapping[str, str]) -> bytes:
    """A hash that no password fits, of the cost that the users' hashes have."""
    cost = max((int(hashed.split("$")[2]) for hashed in users.values()), default=_DUMMY_COST)
    return bcrypt.gensalt(cost) + b"." * 31

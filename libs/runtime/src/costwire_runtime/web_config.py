"""The web configuration file of Prometheus' exporters: who may sign in, and TLS."""

import hashlib
import hmac
import re
import secrets
import ssl
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, Literal

import bcrypt
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

_MAX_PASSWORD_BYTES = 72  # bcrypt looks at no more
_REMEMBERED = 128
_BCRYPT = re.compile(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}")
_DUMMY_COST = 10
_TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_CERTIFICATES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class WebConfigError(Exception):
    """The web configuration file can't be used; the message says which part, and why."""


def _bcrypt_hash(text: str) -> str:
    if not _BCRYPT.fullmatch(text):
        raise ValueError("is no bcrypt hash; make one with: htpasswd -nB USER")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsServerConfig(_Part):
    """Section `tls_server_config`; paths are relative to the file that names them."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    def context(self, folder: Path) -> ssl.SSLContext:
        """A server's TLS context with these certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _TLS_VERSIONS[self.min_version]
        context.maximum_version = _TLS_VERSIONS[self.max_version]
        context.load_cert_chain(folder / self.cert_file, folder / self.key_file)
        if self.client_ca_file is not None:
            context.load_verify_locations(folder / self.client_ca_file)
        context.verify_mode = _CLIENT_CERTIFICATES[self.client_auth_type]
        return context


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
    """Users and certificates of one service, read once."""

    def __init__(
        self,
        users: dict[str, str] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self._users = {user: hashed.encode() for user, hashed in (users or {}).items()}
        self.tls = tls
        self.headers = dict(headers or {})
        self._key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()
        self._nobody = _hash_of_nobody(self._users)

    @classmethod
    def load(cls, path: Path) -> "WebConfig":
        """Read the file; `WebConfigError` when it can't be used as it stands."""
        try:
            content: Any = yaml.safe_load(path.read_text("utf-8"))
            parts = _File.model_validate(content or {})
            tls = parts.tls_server_config
            return cls(
                parts.basic_auth_users,
                tls=tls.context(path.parent) if tls is not None else None,
                headers=parts.http_server_config.headers,
            )
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

    @property
    def has_users(self) -> bool:
        """Whether a sign-in is wanted."""
        return bool(self._users)

    def verify(self, user: str, password: str) -> bool:
        """Whether this is a user's password; takes as long for a user that doesn't exist.

        A check that succeeded is remembered under a keyed digest, so that a scrape every few
        seconds doesn't cost a bcrypt run each.
        """
        secret = password.encode()
        hashed = self._users.get(user, self._nobody)
        proof = hmac.digest(self._key, b"\0".join([user.encode(), hashed, secret]), hashlib.sha256)
        with self._lock:
            if proof in self._verified:
                self._verified.move_to_end(proof)
                return True
        is_right = bcrypt.checkpw(secret[:_MAX_PASSWORD_BYTES], hashed)
        if not is_right or user not in self._users or len(secret) > _MAX_PASSWORD_BYTES:
            return False
        with self._lock:
            self._verified[proof] = None
            while len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return True


def _hash_of_nobody(users: dict[str, bytes]) -> bytes:
    """A hash that no password fits, of the cost that the users' hashes have."""
    cost = max((int(hashed.split(b"$")[2]) for hashed in users.values()), default=_DUMMY_COST)
    salt = bcrypt.gensalt(cost)
    return salt + b"." * 31

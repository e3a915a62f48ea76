"""The upstreams, as their file names them: in the terms of Prometheus' own client settings."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

Kind = Literal["prometheus", "thanos", "victoriametrics", "mimir"]
FlavourName = Literal["auto", "icos", "kubernetes", "opentelemetry"]
_WANTED: dict[Kind, dict[str, str]] = {
    "thanos": {"dedup": "true", "partial_response": "true"},
    # Else it answers as of up to 30 s before the time that is asked for.
    "victoriametrics": {"nocache": "1"},
}
_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"


class UpstreamsError(Exception):
    """The upstreams cannot be told from their file; the message says which part, and why."""


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError("give an address such as http://prometheus:9090")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("give a name without control characters")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BasicAuth(_Part):
    """User and password."""

    username: str
    password: SecretStr | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password is None) == (self.password_file is None):
            raise ValueError("give password or password_file")
        return self


class Authorization(_Part):
    """A token."""

    type: str = "Bearer"
    credentials: SecretStr | None = None
    credentials_file: Path | None = None

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.credentials is None) == (self.credentials_file is None):
            raise ValueError("give credentials or credentials_file")
        return self


class TlsConfig(_Part):
    """What its certificate is checked with, and ours."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None

    @model_validator(mode="after")
    def _whole_certificate(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("give cert_file and key_file, or neither")
        return self


class UpstreamSettings(_Part):
    """One server that speaks Prometheus' HTTP API."""

    name: Annotated[str, AfterValidator(_printable)] = Field(min_length=1, max_length=100)
    url: Annotated[str, AfterValidator(_address)] = Field(repr=False)
    kind: Kind = "prometheus"
    flavour: FlavourName = "auto"
    external_labels: dict[Annotated[str, Field(pattern=_LABEL)], str] = Field(default_factory=dict)
    """Given to series that lack them."""
    replica_labels: tuple[Annotated[str, Field(pattern=_LABEL)], ...] = ()
    """What tells the copies of one series apart."""
    priority: int = 0
    """Of two upstreams that are equally fresh the one with the larger priority tells."""
    timeout_seconds: float = Field(default=5.0, gt=0, le=300)
    """For one question."""
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls_config: TlsConfig = TlsConfig()
    headers: dict[str, str] = Field(default_factory=dict)
    """Such as the tenant of Mimir, `X-Scope-OrgID`."""

    @model_validator(mode="after")
    def _one_sign_in(self) -> Self:
        ways = [self.basic_auth, self.authorization, urlsplit(self.url).username]
        if sum(way is not None for way in ways) > 1:
            raise ValueError("give basic_auth, authorization, or user:password@ in the URL")
        return self

    def endpoint(self, act: str) -> str:
        """Where the API's `query` is, or `stores`: without credentials, without a query."""
        parts = urlsplit(self.url)
        path = f"{parts.path.rstrip('/')}/api/v1/{act}"
        return urlunsplit(SplitResult(parts.scheme, _host(parts), path, "", ""))

    def parameters(self) -> list[tuple[str, str]]:
        """What goes with each question: the query of the URL, and what the kind wants."""
        asked = parse_qsl(urlsplit(self.url).query, keep_blank_values=True)
        wanted = _WANTED.get(self.kind, {})
        named = {name for name, _ in asked}
        return [*asked, *((name, text) for name, text in wanted.items() if name not in named)]

    def sign_in(self) -> tuple[str, str] | None:
        """User and password, as they are now.

        Raises: `OSError` when their file cannot be read.
        """
        if self.basic_auth is not None:
            return self.basic_auth.username, _secret(
                self.basic_auth.password, self.basic_auth.password_file
            )
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        return unquote(parts.username), unquote(parts.password or "")

    def token(self) -> str | None:
        """The value of `Authorization`, where it is a token.

        Raises: `OSError` when its file cannot be read.
        """
        if self.authorization is None:
            return None
        token = _secret(self.authorization.credentials, self.authorization.credentials_file)
        return f"{self.authorization.type} {token}"

    def tls(self) -> ssl.SSLContext | None:
        """How to speak https with it; None for http.

        Raises: `OSError` when a certificate cannot be read.
        """
        if urlsplit(self.url).scheme != "https":
            return None
        context = ssl.create_default_context(cafile=self.tls_config.ca_file)
        if self.tls_config.cert_file is not None:
            context.load_cert_chain(self.tls_config.cert_file, self.tls_config.key_file)
        return context


class _File(_Part):
    upstreams: tuple[UpstreamSettings, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [upstream.name for upstream in self.upstreams]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two upstreams are called {min(twice)}; give each its own name")
        return self


def read_upstreams(path: Path) -> tuple[UpstreamSettings, ...]:
    """The upstreams of a YAML file.

    Raises: `UpstreamsError`, with the place of what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return _File.model_validate(yaml.safe_load(text)).upstreams
    except (OSError, UnicodeDecodeError) as error:
        raise UpstreamsError(f"read {path}: {error}") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f" in line {where.line + 1}, column {where.column + 1}" if where else ""
        raise UpstreamsError(f"read {path}: it is no YAML{place}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise UpstreamsError(f"read {path}: {place}: {message}") from error


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _secret(value: SecretStr | None, file: Path | None) -> str:
    if value is not None:
        return value.get_secret_value()
    return "" if file is None else file.read_text(encoding="utf-8").rstrip("\r\n")

"""TLS of a listener: certificates by the web configuration file, read anew when they change."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from logging import getLogger
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from costwire_runtime.watched import Watched

_logger = getLogger(__name__)
_WARN_BEFORE = timedelta(days=14)
_WARN_EVERY = timedelta(days=1)
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED_CLIENTS = ("RequestClientCert", "RequireAnyClientCert")
_CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
_CIPHERS = {
    f"TLS_ECDHE_{key}_WITH_{name}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for name, openssl in {
        "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
        "AES_128_CBC_SHA": "AES128-SHA",
        "AES_256_CBC_SHA": "AES256-SHA",
    }.items()
}
_TLS13_CIPHERS = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)


class TlsError(Exception):
    """Certificates that can't be used; the message says which file, and why."""


def _cipher(name: str) -> str:
    if name not in _CIPHERS and name not in _TLS13_CIPHERS:
        raise ValueError(f"{name!r} is not among the suites that are safe by now")
    return name


class TlsServerConfig(BaseModel):
    """Section `tls_server_config`; paths are relative to the file that names them.

    Cipher suites and curves have the names of Go, as in every exporter of Prometheus.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    cipher_suites: tuple[Annotated[str, AfterValidator(_cipher)], ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[Literal["CurveP256", "CurveP384", "CurveP521", "X25519"], ...] = ()

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.min_version not in _VERSIONS:
            raise ValueError(f"min_version: {self.min_version} is too old; TLS12 and TLS13 are not")
        if self.min_version > self.max_version:
            raise ValueError("min_version is above max_version")
        if self.client_auth_type in _UNVERIFIED_CLIENTS:
            raise ValueError(
                f"client_auth_type: {self.client_auth_type} verifies nothing; "
                "write RequireAndVerifyClientCert"
            )
        if self.client_auth_type not in _CLIENTS:
            raise ValueError(f"client_auth_type: write one of {', '.join(_CLIENTS)}")
        asks = self.client_auth_type != "NoClientCert"
        if asks != (self.client_ca_file is not None):
            raise ValueError(
                "client_auth_type and client_ca_file want each other: who is asked for, and by "
                "which authority"
            )
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError("client_allowed_sans wants RequireAndVerifyClientCert")
        if len(self.curve_preferences) > 1:
            raise ValueError("curve_preferences: name one curve, or leave all of them in")
        return self


class ServerTls:
    """A listener's certificates; each handshake has those that stand in their files by then."""

    def __init__(self, config: TlsServerConfig, folder: Path) -> None:
        """Raises `TlsError` when they can't be used as they are."""
        self._config = config
        self._folder = folder
        self._warned: datetime | None = None
        named = (config.cert_file, config.key_file, config.client_ca_file)
        files = [folder / file for file in named if file is not None]
        self._current = Watched("certificates", files, self._load, TlsError)
        self.context = self._current.value[0]
        self.context.sni_callback = self._at_handshake
        self._warn()

    @property
    def allowed_names(self) -> frozenset[str]:
        """Of which a client's certificate must hold one; none: any verified one will do."""
        return frozenset(self._config.client_allowed_sans)

    def _at_handshake(self, connection: Any, _name: str | None, context: ssl.SSLContext) -> None:
        current, _ = self._current.value
        if current is not context:
            connection.context = current
        self._warn()

    def _load(self) -> tuple[ssl.SSLContext, datetime]:
        config = self._config
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[config.min_version]
        context.maximum_version = _VERSIONS[config.max_version]
        context.verify_mode = _CLIENTS[config.client_auth_type]
        if suites := [_CIPHERS[name] for name in config.cipher_suites if name in _CIPHERS]:
            context.set_ciphers(":".join(suites))
        if not config.prefer_server_cipher_suites:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        for curve in config.curve_preferences:
            context.set_ecdh_curve(_CURVES[curve])
        certificate, key = self._folder / config.cert_file, self._folder / config.key_file
        until = _expires(certificate)
        _load_pair(context, certificate, key)
        if config.client_ca_file is not None:
            _load_authorities(context, self._folder / config.client_ca_file)
        return context, until

    def _warn(self) -> None:
        """Say that the certificate is about to expire, or has: at first, then once a day."""
        now, until = datetime.now(UTC), self._current.value[1]
        if until - now > _WARN_BEFORE or (self._warned and now - self._warned < _WARN_EVERY):
            return
        self._warned = now
        says = "the certificate has expired" if until <= now else "the certificate expires soon"
        _logger.warning(
            says, extra={"file": str(self._folder / self._config.cert_file), "until": until}
        )


def names_of(certificate: Any) -> frozenset[str]:
    """The alternative names in a peer's certificate, as `SSLObject.getpeercert` tells it."""
    told: Sequence[tuple[str, str]] = (certificate or {}).get("subjectAltName", ())
    return frozenset(name for _, name in told)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"read {path}: {error.strerror}") from error


def _expires(path: Path) -> datetime:
    from cryptography import x509  # only where there is TLS: it takes its time and memory

    try:
        return x509.load_pem_x509_certificate(_read(path)).not_valid_after_utc
    except ValueError as error:
        raise TlsError(f"read {path}: it holds no certificate in PEM") from error


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    _read(key)

    def no_passphrase() -> bytes:
        raise TlsError(f"read {key}: the key is encrypted; give it without a passphrase")

    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"read {key}: it is not the key of {certificate}") from error
        raise TlsError(f"read {key}: it holds no private key in PEM") from error
    except OSError as error:
        raise TlsError(f"read {certificate}: {error.strerror}") from error


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    _read(path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise TlsError(f"read {path}: it holds no certificate in PEM") from error

"""Settings of the scraper: the only reader of its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from costwire_runtime.settings import ServiceSettings

MEBIBYTE = 1024 * 1024


def _base_url(text: str) -> str:
    url = text.rstrip("/").removesuffix("/metrics")
    if not url.startswith(("http://", "https://")):
        raise ValueError("give an address that starts with http:// or https://")
    return url


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class Settings(ServiceSettings):
    """Settings of the scraper, read once at start from `SCRAPER_*` variables."""

    model_config = SettingsConfigDict(env_prefix="SCRAPER_", frozen=True)

    port: int = Field(
        2113, ge=0, le=65535, description="probes and own metrics; 0 is any free port"
    )
    exporter_url: BaseUrl = Field(
        description="address of the exporter, with or without /metrics, e.g. http://exporter:2112"
    )
    exporter_user: str | None = Field(None, description="sign-in at the exporter, where it has one")
    exporter_password: SecretStr | None = Field(None, description="password of the exporter's user")
    exporter_password_file: Path | None = Field(
        None, description="file that holds the password of the exporter's user"
    )
    exporter_ca_file: Path | None = Field(
        None, description="certificates that the exporter's own is checked with"
    )
    exporter_cert_file: Path | None = Field(
        None, description="certificate of the scraper, where the exporter asks for one"
    )
    exporter_key_file: Path | None = Field(
        None, description="key of the certificate for the exporter"
    )
    handler_url: BaseUrl = Field(
        description="address of the database handler, e.g. http://db-handler:8088"
    )
    handler_user: str = Field("costwire", description="user of the database handler, a writer")
    handler_password: SecretStr | None = Field(None, description="password of that user")
    handler_password_file: Path | None = Field(
        None, description="file that holds the password of that user"
    )
    handler_ca_file: Path | None = Field(
        None, description="certificates that the handler's own is checked with"
    )
    handler_cert_file: Path | None = Field(
        None, description="certificate of the scraper, where the handler asks for one"
    )
    handler_key_file: Path | None = Field(
        None, description="key of the certificate for the handler"
    )
    table: str = Field(
        "charges",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        description="table for an exporter without /delivery; else the manifest names it",
    )
    once: bool = Field(False, description="settle one delivery and end")
    dry_run: bool = Field(False, description="have everything checked, change nothing")
    polling_interval_seconds: float = Field(
        300.0, gt=0, description="from the end of a cycle to the start of the next one"
    )
    patience_seconds: float = Field(
        300.0, ge=0, description="how long a cycle is repeated after transient troubles"
    )
    stall_seconds: float = Field(
        300.0, gt=0, description="longest silence of a running transfer before it is broken off"
    )
    block_bytes: int = Field(
        8 * MEBIBYTE, ge=1024, le=64 * MEBIBYTE, description="exposition text in one part"
    )
    queue_blocks: int = Field(2, ge=1, le=16, description="decoded parts that wait for the handler")
    outcome_file: Path | None = Field(
        None, description="file that tells the progress and the outcome as JSON"
    )
    compatible_settle_seconds: float = Field(
        2.0, ge=0, description="pause between two readings of an exporter without /delivery"
    )
    spool_dir: Path | None = Field(
        None, description="folder for temporary files (default: the system's)"
    )

    @model_validator(mode="after")
    def _one_password_each(self) -> Self:
        for who in ("exporter", "handler"):
            if getattr(self, f"{who}_password") and getattr(self, f"{who}_password_file"):
                raise ValueError(f"give {who}_password or {who}_password_file, not both")
            files = getattr(self, f"{who}_cert_file"), getattr(self, f"{who}_key_file")
            if files.count(None) == 1:
                raise ValueError(f"give {who}_cert_file and {who}_key_file, or neither")
        return self

    def exporter_certificate(self) -> tuple[Path, Path] | None:
        """The scraper's certificate for the exporter, and its key."""
        return _certificate(self.exporter_cert_file, self.exporter_key_file)

    def handler_certificate(self) -> tuple[Path, Path] | None:
        """The scraper's certificate for the database handler, and its key."""
        return _certificate(self.handler_cert_file, self.handler_key_file)

    def exporter_sign_in(self) -> tuple[str, str] | None:
        """User and password at the exporter; None where it wants none."""
        return _sign_in(self.exporter_user, self.exporter_password, self.exporter_password_file)

    def handler_sign_in(self) -> tuple[str, str] | None:
        """User and password at the database handler; None where no password is known."""
        return _sign_in(self.handler_user, self.handler_password, self.handler_password_file)


def _certificate(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    return None if certificate is None or key is None else (certificate, key)


def _sign_in(
    user: str | None, password: SecretStr | None, file: Path | None
) -> tuple[str, str] | None:
    if user is None:
        return None
    if file is not None:
        return user, file.read_text(encoding="utf-8").rstrip("\r\n")
    return (user, password.get_secret_value()) if password is not None else None

"""Settings of the database handler: the only reader of its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from costwire_db_handler.arrow_bodies import PartLimits
from costwire_focus.manifest import Month
from costwire_runtime.settings import ServiceSettings

MIB = 1024 * 1024


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [each.strip() for each in value.split(",") if each.strip()]


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Texts with commas between them."""

ListedMonths = Annotated[tuple[Month, ...], NoDecode, BeforeValidator(_listed)]
"""Months with commas between them."""


class Settings(ServiceSettings):
    """Settings of the database handler, read once at start from `HANDLER_*` variables."""

    model_config = SettingsConfigDict(env_prefix="HANDLER_", frozen=True)

    port: int = Field(
        default=8088, ge=0, le=65_535, description="TCP port to listen on; 0 takes any free one"
    )
    data_dir: Path = Field(
        default=Path("costwire-data"), description="folder of the database and the staged parts"
    )
    memory_mib: int = Field(
        default=160,
        ge=96,
        description="memory of the database engine; what is larger spills to disk",
    )
    threads: int = Field(
        default=2, ge=1, description="threads of the database engine; they share memory_mib"
    )
    part_limit_mib: int = Field(default=64, ge=1, description="largest body of one part")
    upload_limit_mib: int = Field(
        default=16, ge=1, description="largest body of one /upload, and largest sheet of repairs"
    )
    part_rows: int = Field(
        default=1_000_000, ge=1, description="most charges in one part or one /upload"
    )
    part_columns: int = Field(
        default=2_000, ge=1, description="most columns of one part or one /upload"
    )
    delivery_parts: int = Field(
        default=100_000, ge=1, le=100_000_000, description="most parts of one delivery"
    )
    manifest_limit_mib: int = Field(default=16, ge=1, description="largest manifest")
    quarantine_limit_mib: int = Field(
        default=4096, ge=1, description="largest list of quarantined rows"
    )
    open_deliveries: int = Field(
        default=100, ge=1, description="most deliveries that are open at the same time"
    )
    open_deliveries_per_user: int = Field(
        default=80, ge=1, description="most of them that one user has opened"
    )
    open_hours: float = Field(
        default=24.0, gt=0, description="a delivery that is open for longer is given up"
    )
    hold_withdrawn_share: float = Field(
        default=0.20,
        ge=0,
        le=1,
        description="hold a delivery that would withdraw more than this share of its scope",
    )
    hold_small_period: int = Field(
        default=20,
        ge=0,
        description="billing periods of no more charges are judged only with their whole scope",
    )
    hold_repeated_share: float = Field(
        default=0.80,
        ge=0,
        le=1,
        description="hold a new source that brings more than this share of what another delivered",
    )
    closed_after_days: float | None = Field(
        default=None,
        ge=0,
        le=36_500,
        description="a billing period closes so many days after its end (default: never)",
    )
    closed_through: Month | None = Field(
        default=None,
        description="this month (YYYY-MM) and all before it are closed",
    )
    closed_periods: ListedMonths = Field(
        default=(), description="months (YYYY-MM) that are closed, with commas between"
    )
    history_days: float | None = Field(
        default=None,
        gt=0,
        description="closed versions leave after so many days (default: never); current ones stay",
    )
    upload_quiet_seconds: float = Field(
        default=30.0,
        gt=0,
        description="an /upload without delivery is committed when none followed for so long",
    )
    sign_in_failures: int = Field(
        default=5,
        ge=0,
        description="failed sign-ins of a user from one address before pauses begin; 0: no pauses",
    )
    audit_limit_mib: int = Field(
        default=64, ge=1, description="largest size of the audit log; the oldest entries leave"
    )
    query_timeout_seconds: float = Field(default=30.0, gt=0, description="longest query of a user")
    query_rows: int = Field(default=100_000, ge=1, description="most rows of one answer")
    process_memory_mib: int = Field(
        default=480, ge=128, description="above this, the hungriest query of a user is ended"
    )
    cratedb_urls: Listed = Field(
        default=(),
        description="nodes of CrateDB, http(s)://host:port with commas; none: embedded store",
    )
    cratedb_user: str = Field(
        default="costwire", description="the handler's own account in CrateDB, owner of its tables"
    )
    cratedb_password: SecretStr | None = Field(default=None, description="its password")
    cratedb_password_file: Path | None = Field(default=None, description="file with its password")
    cratedb_ca_file: Path | None = Field(
        default=None, description="authorities for https (default: the system's)"
    )
    cratedb_connect_seconds: float = Field(
        default=5.0, gt=0, description="longest wait for a connection to a node"
    )
    cratedb_statement_seconds: float = Field(
        default=120.0, gt=0, description="longest wait for the answer to a statement of ours"
    )
    cratedb_overload_seconds: float = Field(
        default=30.0,
        gt=0,
        description="how long an overloaded or unreachable CrateDB is waited for",
    )
    cratedb_lease_seconds: float = Field(
        default=60.0, ge=6, description="a handler that is silent for so long has lost its turn"
    )
    cratedb_shards: int = Field(default=2, ge=1, description="shards of a new table or partition")
    cratedb_replicas: str = Field(
        default="0-1", pattern=r"^\d+(-(\d+|all))?$", description="copies of each shard"
    )
    cratedb_refresh_milliseconds: int = Field(
        default=0, ge=0, description="refresh interval of new tables; 0: when a delivery is written"
    )
    cratedb_by_month: bool = Field(
        default=True, description="new tables are partitioned by the month of the billing period"
    )
    cratedb_tag_keys: int = Field(
        default=200,
        ge=0,
        le=5_000,
        description="keys of tags of a table that are columns of their own, and fast to search",
    )
    cratedb_plain_columns: Listed = Field(
        default=(),
        description="columns of new tables without index and column store, with commas between",
    )
    cratedb_bulk_rows: int = Field(default=2_000, ge=1, description="charges in one bulk insert")
    cratedb_in_flight: int = Field(default=4, ge=1, le=16, description="bulk inserts at a time")

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.cratedb_password and self.cratedb_password_file:
            raise ValueError("give cratedb_password or cratedb_password_file, not both")
        return self

    def part_limits(self, body_mib: int) -> PartLimits:
        """What a body of so many MiB may hold."""
        return PartLimits(body_mib * MIB, self.part_rows, self.part_columns)

    def cratedb_sign_in(self) -> tuple[str, str]:
        """User and password of the handler's own account."""
        if self.cratedb_password_file is not None:
            text = self.cratedb_password_file.read_text(encoding="utf-8")
            return self.cratedb_user, text.rstrip("\r\n")
        secret = self.cratedb_password
        return self.cratedb_user, secret.get_secret_value() if secret is not None else ""

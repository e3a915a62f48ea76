"""Settings of the database handler: the only reader of its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from costwire_runtime.settings import ServiceSettings

MIB = 1024 * 1024


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
        default=128,
        ge=96,
        description="memory of the database engine; what is larger spills to disk",
    )
    threads: int = Field(
        default=1,
        ge=1,
        description="threads of the database engine; each wants memory_mib of its own",
    )
    part_limit_mib: int = Field(default=64, ge=1, description="largest body of one part")
    upload_limit_mib: int = Field(default=16, ge=1, description="largest body of one /upload")
    manifest_limit_mib: int = Field(default=16, ge=1, description="largest manifest")
    quarantine_limit_mib: int = Field(
        default=4096, ge=1, description="largest list of quarantined rows"
    )
    open_deliveries: int = Field(
        default=100, ge=1, description="most deliveries that are open at the same time"
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
    upload_quiet_seconds: float = Field(
        default=30.0,
        gt=0,
        description="an /upload without delivery is committed when none followed for so long",
    )
    query_timeout_seconds: float = Field(default=30.0, gt=0, description="longest query of a user")
    query_rows: int = Field(default=100_000, ge=1, description="most rows of one answer")
    process_memory_mib: int = Field(
        default=480, ge=128, description="above this, the hungriest query of a user is ended"
    )

"""Settings of the exporter: the only reader of its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from costwire_focus.encoding_names import encoding_name
from costwire_focus.manifest import FocusVersion, Month
from costwire_runtime.settings import ServiceSettings
from costwire_sources import Layout


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _sorted(months: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(months)))


Encoding = Annotated[str, AfterValidator(encoding_name)]
Periods = Annotated[tuple[Month, ...], NoDecode, BeforeValidator(_split), AfterValidator(_sorted)]


class Settings(ServiceSettings):
    """Settings of the exporter, read once at start from `EXPORTER_*` variables."""

    model_config = SettingsConfigDict(env_prefix="EXPORTER_", frozen=True)

    port: int = Field(2112, ge=0, le=65_535, description="TCP port to listen on; 0 takes any free")
    source: str = Field(
        min_length=1,
        repr=False,
        description="the report: a file, a folder or glob of parts, an http(s) URL, or an object, "
        "folder or glob behind s3://, az://, abfss:// or gs://",
    )
    source_name: str | None = Field(
        None,
        min_length=1,
        description="name of the source in manifests and ledgers; "
        "else its path or URL, without credentials and query; of an export its folder",
    )
    source_anonymous: bool = Field(False, description="read a public bucket without credentials")
    source_instance_metadata: bool = Field(
        False,
        description="let the metadata address of the machine or pod give the credentials "
        "for a bucket, when nothing else does, and be an http(s) source",
    )
    source_layout: Layout = Field(
        "auto",
        description="how a folder is laid out: none is a plain folder, aws and azure are exports "
        "with manifests, partitions are billing_period= folders, daily are folders by day; auto "
        "finds out",
    )
    table: str = Field(
        "charges", pattern=r"^[a-z][a-z0-9_]{0,62}$", description="table that the charges are for"
    )
    mode: Literal["replace", "append"] = Field(
        "replace", description="whether a delivery replaces its scope or adds to it"
    )
    period: Periods = Field(
        (),
        description="months that a delivery is the whole of, such as 2024-09,2024-10; charges "
        "of other months are quarantined, and of an export only these are read; else what the "
        "layout tells, or the billing periods that its charges name",
    )
    currency: str | None = Field(
        None,
        pattern=r"^[A-Z]{3}$",
        description="currency of charges that name none; else their sums stand under XXX",
    )
    dates: Literal["mdy", "dmy"] | None = Field(
        None, description="order of day and month in dates such as 9/1/24"
    )
    focus_version: FocusVersion | None = Field(
        None, description="FOCUS version of the report; else it is told by its columns"
    )
    encoding: Encoding | None = Field(
        None,
        description="encoding of text that is not UTF-8 and shows no sign of what it is, "
        "such as windows-1252 or latin-1",
    )
    map_legacy: bool = Field(
        False,
        description="give columns that are named as in the drafts before FOCUS 1.0 their present "
        "names; the manifest and the ledger tell which",
    )
    data_dir: Path = Field(
        Path("costwire-data/exporter"), description="folder for the rendered deliveries"
    )
    serve_restored: bool = Field(
        True,
        description="serve what an earlier process has published until the source was looked at; "
        "else nothing before",
    )
    polling_interval_seconds: float = Field(
        300.0, gt=0, le=604_800, description="from one look at the source to the next"
    )
    retry_base_seconds: float = Field(
        1.0, gt=0, description="pause after a first failure; doubles up to the polling interval"
    )
    series_limit: int = Field(
        10_000, ge=1, le=1_000_000, description="most samples of one answer to /metrics?by="
    )
    compression_level: int = Field(
        1, ge=1, le=19, description="zstd level of the stored exposition"
    )

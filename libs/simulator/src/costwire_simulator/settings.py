"""Settings of the simulator: from the environment, or from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from costwire_runtime.settings import ServiceSettings
from costwire_simulator.estate.model import Flavour
from costwire_simulator.simulation import Which


def _words(told: Any) -> Any:
    return told.replace(",", " ").split() if isinstance(told, str) else told


class Settings(ServiceSettings):
    """Settings of the simulator, read once at start from `SIMULATOR_*` variables."""

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", frozen=True)

    port: int = Field(
        default=9095, ge=0, le=65_535, description="TCP port to listen on; 0 takes any free one"
    )
    clusters: int = Field(default=3, ge=1, le=1_000, description="how many clusters there are")
    nodes: int = Field(default=3, ge=1, le=4_000, description="nodes of each cluster")
    pods: int = Field(default=8, ge=1, le=250, description="pods of each node")
    containers: int = Field(default=2, ge=1, le=20, description="containers of each pod")
    seed: int = Field(default=0, description="other seeds make other estates")
    flavours: Annotated[tuple[Flavour, ...], NoDecode, BeforeValidator(_words)] = Field(
        default=("kubernetes",), min_length=1, description="who tells of clusters, in turn"
    )
    resources_file: Path | None = Field(
        default=None,
        description="JSON list of machines, disks and clusters of bills; the estate is of these",
    )
    upstreams: Which = Field(
        default="each", description="each: one for each cluster; one: for all, named all; none"
    )
    interval_seconds: float = Field(
        default=15.0, ge=1, le=240, description="from scrape to scrape of the upstreams"
    )
    pinned: bool = Field(
        default=False, description="upstreams scrape at their start alone, and answer as of then"
    )

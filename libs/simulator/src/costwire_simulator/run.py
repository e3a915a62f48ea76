"""Reads the settings, makes the estate, serves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.server import serve
from costwire_runtime.settings import WRONG_USE, explain
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig, WebConfigError
from costwire_simulator.estate.demo import demo_clusters
from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import Estate
from costwire_simulator.settings import Settings
from costwire_simulator.simulation import Simulation
from costwire_simulator.web.app import SERVICE, create_app


@dataclass(frozen=True)
class Resource:
    """What a resources file says of a machine, a disk or a cluster."""

    kind: str
    cloud: str
    resource_id: str
    resource_name: str | None
    account: str
    region: str
    zone: str | None
    tags: Mapping[str, str] = field(default_factory=dict)


class BadResources(Exception):
    """A resources file that says nothing of use."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; the exit status."""
    settings = _settings(arguments)
    configure(SERVICE, settings.log_level)
    try:
        web_config = WebConfig.load(settings.web_config_file) if settings.web_config_file else None
        simulation = Simulation(
            _estate(settings),
            upstreams=settings.upstreams,
            interval_seconds=settings.interval_seconds,
            pinned=settings.pinned,
        )
    except (BadResources, OSError, WebConfigError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    serve(create_app(simulation, web_config, RequestLimits.of(settings)), settings, web_config)
    return 0


def _settings(arguments: Sequence[str] | None) -> Settings:
    """Each setting is an option, too, which comes before its variable."""
    parser = argparse.ArgumentParser(
        prog="costwire_simulator",
        description="Made-up clusters. Each option is a variable SIMULATOR_*, too.",
        argument_default=argparse.SUPPRESS,
    )
    for name, setting in Settings.model_fields.items():
        flag: dict[str, Any] = {"nargs": "?", "const": "true"} if setting.annotation is bool else {}
        parser.add_argument(f"--{name.replace('_', '-')}", help=setting.description, **flag)
    try:
        return Settings(**vars(parser.parse_args(arguments)))
    except ValidationError as error:
        for line in explain(Settings, error):
            sys.stderr.write(f"{line}\n")
        sys.exit(WRONG_USE)


def _estate(settings: Settings) -> Estate:
    if settings.resources_file is None:
        size = Size(settings.clusters, settings.nodes, settings.pods, settings.containers)
        return make_estate(size, flavours=settings.flavours, seed=settings.seed)
    estate = demo_clusters(
        read_resources(settings.resources_file),
        pods=settings.pods,
        containers=settings.containers,
    )
    if not estate.clusters:
        raise BadResources(f"read {settings.resources_file}: it names no machine of a cloud")
    return estate


def read_resources(path: Path) -> list[Resource]:
    """What a resources file says. Raises: `BadResources`, `OSError`."""
    try:
        return TypeAdapter(list[Resource]).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise BadResources(f"read {path}: {where}: {first['msg']}") from error

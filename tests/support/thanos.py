"""Thanos: sidecars beside Prometheus servers, and a Query over them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.support.needs import lack
from tests.support.processes import free_port
from tests.support.programs import running
from tests.support.scraping import a_prometheus

REPLICA = "replica"
"""The label that tells replicas of one Prometheus apart."""


@dataclass(frozen=True)
class Site:
    """A Prometheus and what is beside it."""

    folder: Path
    url: str


@dataclass(frozen=True)
class Sidecar:
    """What lets Thanos read a Prometheus."""

    address: str
    """Of gRPC: host and port."""
    process: Popen[bytes]


@contextmanager
def a_site(
    folder: Path, scrape: Sequence[Mapping[str, Any]], external_labels: Mapping[str, str]
) -> Iterator[Site]:
    """A Prometheus whose series have these labels for Thanos."""
    with a_prometheus(folder, scrape, external_labels) as url:
        yield Site(folder, url)


@contextmanager
def a_sidecar(site: Site) -> Iterator[Sidecar]:
    """One more beside a Prometheus."""
    address, http = _address(), _address()
    command = [
        _thanos(),
        "sidecar",
        f"--prometheus.url={site.url}",
        f"--tsdb.path={site.folder / 'tsdb'}",
        f"--grpc-address={address}",
        f"--http-address={http}",
    ]
    log = site.folder / f"sidecar-{address.rpartition(':')[2]}.log"
    with running(command, log, f"http://{http}/-/ready") as process:
        yield Sidecar(address, process)


@contextmanager
def a_query(folder: Path, *sidecars: Sidecar, strict: bool = True) -> Iterator[str]:
    """The address of a Query; one that is not strict forgets sidecars that are gone."""
    http = _address()
    command = [
        _thanos(),
        "query",
        f"--http-address={http}",
        f"--grpc-address={_address()}",
        f"--query.replica-label={REPLICA}",
        *(f"--endpoint{'-strict' if strict else ''}={one.address}" for one in sidecars),
    ]
    with running(command, folder / "query.log", f"http://{http}/-/ready"):
        yield f"http://{http}"


def _address() -> str:
    return f"127.0.0.1:{free_port()}"


def _thanos() -> str:
    told = os.environ.get("COSTWIRE_TEST_THANOS") or "thanos"
    return shutil.which(told) or lack(
        "thanos", f"{told} is not on PATH; name the program with COSTWIRE_TEST_THANOS"
    )

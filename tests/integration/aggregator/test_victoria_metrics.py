"""Over VictoriaMetrics: the same as from a Prometheus that scrapes the same exporters."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.aggregators import an_aggregator
from tests.support.scraping import a_prometheus, wait_until_scraped
from tests.support.simulated_exporters import SimulatedExporters
from tests.support.victoria_metrics import victoria_metrics

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import Flavour
from costwire_simulator.exporters.targets import targets_of

FLAVOURS: tuple[Flavour, ...] = ("kubernetes", "icos", "opentelemetry")
SIZE = Size(clusters=len(FLAVOURS), nodes=2, pods=4)
ESTATE = make_estate(SIZE, flavours=FLAVOURS)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of both, by their kind."""
    folder, targets = tmp_path_factory.mktemp("servers"), targets_of(ESTATE)
    with ExitStack() as stack:
        exporters = stack.enter_context(SimulatedExporters(targets, time.time()))
        scrape = exporters.scrape_configs(*(cluster.name for cluster in ESTATE.clusters))
        victoria = stack.enter_context(victoria_metrics(folder / "victoria", scrape))
        prometheus = stack.enter_context(a_prometheus(folder / "prometheus", scrape))
        for url in (victoria, prometheus):
            wait_until_scraped(url, len(targets))
        yield {"victoriametrics": victoria, "prometheus": prometheus}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_victoria_metrics_tells_what_prometheus_tells(
    servers: dict[str, str], flavour: Flavour, tmp_path: Path
) -> None:
    told = {}
    for kind, url in servers.items():
        upstream = {"url": url, "kind": kind, "flavour": flavour}
        with an_aggregator(tmp_path / kind, upstream) as aggregator:
            told[kind] = aggregator.topology()
            if flavour == "icos":
                told[kind]["ICOS"] = aggregator.icos_document()
            told[kind]["percent"] = aggregator.get("/v1/completeness").json()["percent"]
    real = told["prometheus"]
    assert not [*differences(real, told["victoriametrics"])]
    assert real["percent"] == 100
    pods = [pod for cluster in real["clusters"] for pod in cluster.get("pods", ())]
    assert any("cpu" in pod.get("usage", {}) for pod in pods)


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where they are not the same, but for digits that VictoriaMetrics does not keep."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            yield from differences(one.get(name), other.get(name), f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{number}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=1e-11):
            yield f"{path}: {one} but {other}"
    elif one != other:
        yield f"{path}: {one} but {other}"

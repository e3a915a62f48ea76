"""Over a real Prometheus that scrapes made-up clusters: the same topology as from the small one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from tests.support.processes import ServiceProcess
from tests.support.prometheus import Job, Prometheus
from tests.support.waiting import until

from costwire_simulator.web.discovery import scrape_config

CLUSTERS, NODES, PODS = 2, 2, 4
FLAVOURS = ("kubernetes", "icos", "opentelemetry")


@dataclass(frozen=True)
class Discovered(Job):
    """A job whose targets Prometheus asks for."""

    def config(self) -> dict[str, Any]:
        return dict(self.http)


class Scraping(Prometheus):
    """One whose targets are found by asking, which takes seconds: tests wait for what they need."""

    def _has_scraped_all(self) -> bool:
        return True


@contextmanager
def prometheus_over(simulator: ServiceProcess, folder: Path) -> Iterator[Prometheus]:
    jobs = [
        Discovered(one["job_name"], "", http=one)
        for one in scrape_config(simulator.url, interval_seconds=1)["scrape_configs"]
    ]
    with Scraping(folder / "prometheus", jobs) as prometheus:
        yield prometheus


@contextmanager
def aggregators(
    simulator: ServiceProcess, prometheus: Prometheus, folder: Path, flavour: str
) -> Iterator[dict[str, str]]:
    """The addresses of one over the real Prometheus, and of one over the small."""
    urls = {"real": prometheus.url, "small": f"{simulator.url}/prometheus/all"}
    started = {}
    with ExitStack() as stack:
        for name, url in urls.items():
            file = folder / f"{name}.yaml"
            upstream = {"name": name, "url": url, "flavour": flavour}
            file.write_text(yaml.safe_dump({"upstreams": [upstream]}), encoding="utf-8")
            aggregator = ServiceProcess(
                "aggregator", folder / name, upstreams_file=file, fresh_seconds=0, stale_seconds=0
            )
            started[name] = stack.enter_context(aggregator.start())
        yield {name: one.wait_until_ready().url for name, one in started.items()}


@pytest.fixture(scope="module")
def estates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Such aggregators over an estate of each flavour; all of it starts, and scrapes, at once."""
    folders = {flavour: tmp_path_factory.mktemp(flavour) for flavour in FLAVOURS}
    with ExitStack() as stack:
        simulators = {
            flavour: stack.enter_context(
                ServiceProcess(
                    "simulator",
                    folder,
                    clusters=CLUSTERS,
                    nodes=NODES,
                    pods=PODS,
                    flavours=flavour,
                    upstreams="one",
                    interval_seconds=1,
                ).start()
            )
            for flavour, folder in folders.items()
        }
        servers = {
            flavour: stack.enter_context(
                prometheus_over(simulator.wait_until_ready(), folders[flavour])
            )
            for flavour, simulator in simulators.items()
        }
        yield {
            flavour: stack.enter_context(
                aggregators(simulators[flavour], servers[flavour], folder, flavour)
            )
            for flavour, folder in folders.items()
        }


def topology(url: str) -> dict[str, Any]:
    answer = requests.get(f"{url}/v1/topology", timeout=30)
    told: dict[str, Any] = answer.json() if answer.ok else {}
    return told


def outline(told: dict[str, Any]) -> dict[str, Any]:
    """What stays the same while time passes."""
    return {
        cluster["key"]: {
            "nodes": {node["name"]: node.get("capacity") for node in cluster.get("nodes", ())},
            "pods": {
                (pod["namespace"], pod["name"], pod.get("node")): sorted(
                    container["name"] for container in pod.get("containers", ())
                )
                for pod in cluster.get("pods", ())
            },
        }
        for cluster in told.get("clusters", ())
    }


def uses_cpu(told: dict[str, Any]) -> bool:
    nodes = [node for cluster in told.get("clusters", ()) for node in cluster["nodes"]]
    return bool(nodes) and all("cpu" in node.get("usage", {"cpu": 0}) for node in nodes)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_topology_is_the_same_as_from_the_small_one(
    estates: dict[str, dict[str, str]], flavour: str
) -> None:
    both = estates[flavour]
    until("all is scraped", lambda: len(outline(topology(both["real"]))) == CLUSTERS, 60)
    until("rates are known", lambda: uses_cpu(topology(both["real"])), 60)

    def same() -> bool:
        return outline(topology(both["real"])) == outline(topology(both["small"]))

    until("both tell the same", same, 30)
    told = topology(both["real"])
    assert {len(cluster["nodes"]) for cluster in told["clusters"]} == {NODES}
    assert told["completeness"]["percent"] == 100

"""Over a real Prometheus that scrapes made-up clusters: the same topology as from the small one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import yaml
from tests.support.processes import ServiceProcess
from tests.support.prometheus import Job, Prometheus
from tests.support.waiting import until

from costwire_simulator.web.discovery import scrape_config

CLUSTERS, NODES, PODS = 2, 2, 4


@dataclass(frozen=True)
class Discovered(Job):
    """A job whose targets Prometheus asks for."""

    def config(self) -> dict[str, Any]:
        return dict(self.http)


class Scraping(Prometheus):
    """One whose targets are found by asking."""

    def _has_scraped_all(self) -> bool:
        return bool(self.query("up == 1"))


@pytest.fixture(scope="module", params=["kubernetes", "icos", "opentelemetry"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Aggregators over a real Prometheus, and over the simulator's own, of one estate."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        simulator = ServiceProcess(
            "simulator",
            folder,
            clusters=CLUSTERS,
            nodes=NODES,
            pods=PODS,
            flavours=request.param,
            upstreams="one",
            interval_seconds=1,
        )
        stack.enter_context(simulator.start().wait_until_ready())
        jobs = [
            Discovered(one["job_name"], "", http=one)
            for one in scrape_config(simulator.url, interval_seconds=1)["scrape_configs"]
        ]
        prometheus = stack.enter_context(Scraping(folder / "prometheus", jobs))
        urls = {"real": prometheus.url, "small": f"{simulator.url}/prometheus/all"}
        told = {}
        for name, url in urls.items():
            file = folder / f"{name}.yaml"
            upstream = {"name": name, "url": url, "flavour": request.param}
            file.write_text(yaml.safe_dump({"upstreams": [upstream]}), encoding="utf-8")
            aggregator = ServiceProcess(
                "aggregator", folder / name, upstreams_file=file, fresh_seconds=0, stale_seconds=0
            )
            told[name] = stack.enter_context(aggregator.start().wait_until_ready()).url
        yield told


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


def test_topology_is_the_same_as_from_the_small_one(both: dict[str, str]) -> None:
    until("all is scraped", lambda: len(outline(topology(both["real"]))) == CLUSTERS, 60)
    until("rates are known", lambda: uses_cpu(topology(both["real"])), 60)

    def same() -> bool:
        return outline(topology(both["real"])) == outline(topology(both["small"]))

    until("both tell the same", same, 30)
    told = topology(both["real"])
    assert {len(cluster["nodes"]) for cluster in told["clusters"]} == {NODES}
    assert told["completeness"]["percent"] == 100

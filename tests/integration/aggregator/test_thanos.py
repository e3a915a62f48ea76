"""Over Thanos: its Query tells what the Prometheus servers beneath it tell directly."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.aggregators import Aggregator, an_aggregator
from tests.support.scraping import wait_until_scraped
from tests.support.simulated_exporters import SimulatedExporters
from tests.support.thanos import REPLICA, Sidecar, Site, a_query, a_sidecar, a_site
from tests.support.waiting import until

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import Flavour
from costwire_simulator.exporters.targets import cluster_targets
from costwire_simulator.targets import Target

SIZE = Size(clusters=2, nodes=2, pods=4)
AGAIN = "again"
"""The site that is a replica of the first one."""
STRAY = b'kube_pod_status_phase{namespace="none",pod="none",phase="Running"} 1\n'
"""A series of nothing known, which is noted as often as it is told."""


@dataclass(frozen=True)
class Servers:
    """Of each site: of each cluster one, that of the first one twice."""

    flavour: Flavour
    clusters: dict[str, str] = field(default_factory=dict)
    prometheus: dict[str, Site] = field(default_factory=dict)
    sidecars: dict[str, Sidecar] = field(default_factory=dict)

    def directly(self) -> list[dict[str, Any]]:
        """The Prometheus servers as upstreams, but for the replica."""
        return [
            self.upstream(site.url, external_labels={"cluster": self.clusters[name]})
            for name, site in self.prometheus.items()
            if name != AGAIN
        ]

    def upstream(self, url: str, **settings: Any) -> dict[str, Any]:
        """One that tells of these clusters."""
        return {"url": url, "flavour": self.flavour, **settings}


@pytest.fixture(scope="module", params=["kubernetes", "icos"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp(request.param)
    servers = Servers(request.param)
    clusters = make_estate(SIZE, flavours=(servers.flavour,)).clusters
    with ExitStack() as stack:
        targets = [_nameless(target) for one in clusters for target in cluster_targets(one)]
        exporters = stack.enter_context(SimulatedExporters(targets, time.time()))
        exporters.texts = {path: text + STRAY for path, text in exporters.texts.items()}
        for replica, cluster in enumerate((*clusters, clusters[0])):
            name = AGAIN if replica == SIZE.clusters else cluster.name
            scrape = exporters.scrape_configs(cluster.name)
            labels = {"cluster": cluster.name, REPLICA: f"{replica}"}
            site = stack.enter_context(a_site(folder / name, scrape, labels))
            servers.clusters[name], servers.prometheus[name] = cluster.name, site
            servers.sidecars[name] = stack.enter_context(a_sidecar(site))
        for name, site in servers.prometheus.items():
            of_it = [one for one in targets if one.cluster == servers.clusters[name]]
            wait_until_scraped(site.url, len(of_it))
        yield servers


def _nameless(target: Target) -> Target:
    """Which cluster it is of is told by external labels alone."""
    labels = {name: text for name, text in target.labels.items() if name != "cluster"}
    return replace(target, labels=labels)


@pytest.fixture(scope="module")
def query(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Query over all of them."""
    with a_query(tmp_path_factory.mktemp("query"), *servers.sidecars.values()) as url:
        yield url


def documents(aggregator: Aggregator, flavour: Flavour) -> Mapping[str, Any]:
    """All that is told of clusters of a flavour."""
    told = {"topology": aggregator.topology()}
    return told | ({"ICOS": aggregator.icos_document()} if flavour == "icos" else {})


@pytest.mark.parametrize("replicas_are_known_to", ["Query", "the aggregator"])
def test_query_tells_what_the_servers_beneath_it_tell(
    servers: Servers, query: str, replicas_are_known_to: str, tmp_path: Path
) -> None:
    above = servers.upstream(query, kind="thanos")
    if replicas_are_known_to == "the aggregator":
        above |= {"url": f"{query}?dedup=false", "replica_labels": [REPLICA]}
    with (
        an_aggregator(tmp_path / "directly", *servers.directly()) as directly,
        an_aggregator(tmp_path / "through", above) as through_query,
    ):
        expected = documents(directly, servers.flavour)
        told = documents(through_query, servers.flavour)
        completeness = through_query.get("/v1/completeness").json()
    assert told == expected
    assert told["topology"]["notes"]
    assert completeness["percent"] == 100
    clusters = told["topology"]["clusters"]
    assert {one["name"] for one in clusters} == {*servers.clusters.values()}
    for cluster in clusters:
        assert len(cluster["nodes"]) == SIZE.nodes
        assert len(cluster["pods"]) == SIZE.nodes * SIZE.pods
        assert any("cpu" in pod.get("usage", {}) for pod in cluster["pods"])


def test_store_that_query_has_forgotten_is_still_missed(servers: Servers, tmp_path: Path) -> None:
    lost, kept = (name for name in servers.prometheus if name != AGAIN)
    with (
        a_sidecar(servers.prometheus[lost]) as dying,
        a_query(tmp_path, servers.sidecars[kept], dying, strict=False) as url,
        an_aggregator(tmp_path, servers.upstream(url, kind="thanos")) as aggregator,
    ):
        until("both are told", lambda: len(aggregator.topology()["clusters"]) == 2, 30)
        dying.process.kill()
        dying.process.wait(20)
        until("Query warns no more", lambda: not _warnings(url), 60)
        answer = aggregator.get("/v1/topology")
    assert answer.headers["Costwire-Missing"] == "a (partial)"
    told = answer.json()
    assert [one["name"] for one in told["clusters"]] == [kept]
    (reason,) = told["completeness"]["upstreams"][0]["reasons"]
    assert dying.address in reason


def _warnings(query: str) -> list[str]:
    answer = requests.get(f"{query}/api/v1/query", {"query": "up"}, timeout=20).json()
    warnings: list[str] = answer.get("warnings", [])
    return warnings


def test_query_without_one_of_its_stores_is_partial(servers: Servers, tmp_path: Path) -> None:
    lost, kept = (name for name in servers.prometheus if name != AGAIN)
    with (
        a_sidecar(servers.prometheus[lost]) as dying,
        a_query(tmp_path, servers.sidecars[kept], dying) as url,
        an_aggregator(tmp_path, servers.upstream(url, kind="thanos")) as aggregator,
    ):
        whole = aggregator.get("/v1/topology")
        dying.process.kill()
        dying.process.wait(20)
        paths = ("/v1/topology", "/") if servers.flavour == "icos" else ("/v1/topology",)
        answers = [aggregator.get(path) for path in paths]
    assert "Costwire-Missing" not in whole.headers
    assert {one.headers["Costwire-Missing"] for one in answers} == {"a (partial)"}
    told = answers[0].json()
    assert [one["name"] for one in told["clusters"]] == [kept]
    assert told["completeness"]["percent"] < 100
    (reason,) = told["completeness"]["upstreams"][0]["reasons"]
    assert dying.address in reason

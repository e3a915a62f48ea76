"""Exporters of made-up clusters that are down, through one upstream: what is lacking is told."""

from __future__ import annotations

import pytest

from costwire_aggregator.completeness import UpstreamReport, completeness
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.upstreams.answers import read_answer
from costwire_aggregator.upstreams.outcomes import State, Told, answered
from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.exporters.targets import Target, targets_of
from costwire_simulator.upstream.upstream import Upstream

NOW = 1_760_000_000
TARGETS = targets_of(
    make_estate(Size(clusters=2, nodes=2, pods=3, containers=1), flavours=("kubernetes",))
)
CLUSTERS = sorted({target.labels["cluster"] for target in TARGETS})
NORTH = CLUSTERS[0]


def report(down: list[Target]) -> UpstreamReport:
    """Of an upstream that could scrape all of these until the last time."""
    upstream = Upstream(TARGETS)
    upstream.catch_up(NOW - 60, interval=60, count=5)
    upstream.scrape(NOW, down={target.path for target in down})
    outcomes = [
        answered(question, read_answer(upstream.answer(question.promql, NOW + 1).body), 0.1)
        for question in FLAVOURS["kubernetes"].questions
    ]
    (found,) = completeness([Told("all", outcomes, NOW + 1)], NOW + 1, 180).upstreams
    return found


def partial(of: UpstreamReport) -> set[str]:
    return {metric.name for metric in of.metrics if metric.state is State.PARTIAL}


def of_job(job: str, *clusters: str) -> list[Target]:
    return [
        target
        for target in TARGETS
        if target.labels["job"] == job and target.labels["cluster"] in clusters
    ]


def test_nothing_is_lacking_while_all_are_up() -> None:
    found = report([])
    assert (partial(found), found.targets, found.down) == (set(), len(TARGETS), [])


@pytest.mark.parametrize("clusters", [[NORTH], CLUSTERS], ids=["one cluster", "all"])
@pytest.mark.parametrize(
    ("job", "lacking", "told"),
    [
        ("kube-state-metrics", "kube_pod_info", "node_uname_info"),
        ("node-exporter", "node_uname_info", "kube_pod_info"),
        ("kubelet", "costwire_container_cpu_usage", "costwire_node_cpu_usage"),
    ],
)
def test_exporter_that_is_down_takes_what_it_tells_and_no_more(
    clusters: list[str], job: str, lacking: str, told: str
) -> None:
    down = of_job(job, *clusters)
    found = report(down)
    assert lacking in partial(found)
    assert told not in partial(found)
    assert found.reasons == [
        f"job {job}: {len(down)} of {len(of_job(job, *CLUSTERS))} targets down"
    ]
    assert {one.instance for one in found.down} == {one.labels["instance"] for one in down}


def test_one_node_that_cannot_be_scraped_is_seen() -> None:
    gone, *_ = of_job("node-exporter", NORTH)
    found = report([gone])
    assert found.reasons == ["job node-exporter: 1 of 4 targets down"]
    assert "node_network_info" in partial(found)

"""The dashboard's queries, asked of a real Prometheus that scrapes an aggregator."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.dashboard import DASHBOARD, Target, targets
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.kubernetes_estates import Estate
from tests.support.processes import ServiceProcess
from tests.support.prometheus import Job, Prometheus

CLUSTERS = {"cluster-0", "cluster-1", "cluster-2"}
COSTS = re.compile("costwire_(costs|cluster_billed|ambiguous_billed|unmatched_billed)_")
CHOICES = {
    "all": (".+", CLUSTERS),
    "one": ("cluster-1", {"cluster-1"}),
    "two": ("(cluster-0|cluster-2)", {"cluster-0", "cluster-2"}),
}
"""What Grafana puts in for the variable, and what is to be told then."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("dashboard")
    with FlavourUpstream("kubernetes", Estate(7).series("kubernetes")) as upstream:
        named = {"PROMETHEUS_ADDRESS": upstream.url}
        with ServiceProcess("aggregator", folder, environment=named) as aggregator:
            url = aggregator.start().wait_until_ready().url
            jobs = [Job(name, url) for name in ("one", "other")]  # as of two aggregators
            with Prometheus(folder / "prometheus", jobs) as server:
                yield server


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize(
    "target",
    [pytest.param(target, id=f"{panel['title']}-{target['refId']}") for panel, target in targets()],
)
def test_every_panel_shows_the_clusters_that_are_chosen(
    prometheus: Prometheus, target: Target, choice: str
) -> None:
    chosen, clusters = CHOICES[choice]
    told = prometheus.query(target["expr"].replace("$cluster", chosen))
    if COSTS.search(target["expr"]):
        assert told == []  # there are no bills
        return
    assert told
    legend = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    assert all(set(legend) <= labels.keys() for labels, _ in told)
    if "by (cluster)" in target["expr"] and not target["expr"].startswith(("sum(", "count(")):
        assert {labels["cluster"] for labels, _ in told} == clusters
    assert all(value >= 0 for _, value in told)


def test_figures_are_those_of_the_clusters_that_are_chosen(prometheus: Prometheus) -> None:
    figures = {panel["title"]: target["expr"] for panel, target in targets()}
    for chosen, clusters in CHOICES.values():
        for title, figure in (("Clusters", 1), ("Nodes", 2), ("Pods", 8)):
            ((_, value),) = prometheus.query(figures[title].replace("$cluster", chosen))
            assert value == figure * len(clusters)


def test_clusters_can_be_chosen_from_those_that_there_are(prometheus: Prometheus) -> None:
    (variable,) = (one for one in DASHBOARD["templating"]["list"] if one["type"] == "query")
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert found
    metric, label = found.groups()
    assert {series[label] for series in prometheus.series(metric)} == CLUSTERS

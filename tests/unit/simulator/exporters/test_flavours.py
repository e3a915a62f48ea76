"""The aggregator finds in each flavour what was made."""

from __future__ import annotations

from collections import defaultdict

import pytest
from tests.unit.simulator.asking import NOW

from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.flavours import FLAVOURS as TABLES
from costwire_aggregator.topology.flavours import LOOKING, found
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.sources import Reading
from costwire_aggregator.upstreams.answers import read_answer
from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import FLAVOURS, Flavour
from costwire_simulator.estate.pods import pods
from costwire_simulator.exporters.targets import targets_of
from costwire_simulator.upstream.upstream import Upstream

SIZE = Size(3, 3, 8, 2)


def reading(upstream: Upstream, flavour: str) -> Reading:
    """What it answers to all questions of a flavour."""
    families: dict[str, list[Sample]] = defaultdict(list)
    for question in TABLES[flavour].questions:
        answer = upstream.answer(question.promql, NOW)
        assert answer.status == 200, answer.body
        for name, series in read_answer(answer.body).families.items():
            families[name or min(question.families)] += series
    return Reading("simulated", flavour, families)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_topology_is_the_estate(flavour: Flavour) -> None:
    estate = make_estate(SIZE, flavours=(flavour,))
    upstream = Upstream(targets_of(estate))
    upstream.catch_up(NOW, 290, 2)
    table = flavour.removesuffix("-fleet")
    looked = read_answer(upstream.answer(LOOKING, NOW).body).families
    assert found(looked)[0].name == table

    topology = fold([reading(upstream, table)])

    assert not topology.notes
    told = {cluster.key: cluster for cluster in topology.clusters}
    assert {*told} == {cluster.name for cluster in estate.clusters}
    for cluster in estate.clusters:
        one = told[cluster.name]
        assert {node.name for node in one.nodes} == {node.name for node in cluster.nodes}
        made = pods(cluster, NOW)
        assert {(pod.namespace, pod.name, pod.node, pod.phase) for pod in one.pods} == {
            (pod.slot.workload.namespace, pod.name, pod.slot.node.name, pod.phase) for pod in made
        }
        assert {len(pod.containers) for pod in one.pods} == {SIZE.containers}
        stable = {pod.name for pod in made if pod.runs and not pod.slot.crashes}
        assert {pod.name for pod in one.pods if pod.usage.get("cpu")} >= stable


def test_rates_of_kubernetes_are_what_is_used() -> None:
    estate = make_estate(SIZE)
    upstream = Upstream(targets_of(estate))
    upstream.catch_up(NOW, 15, 21)
    told = {cluster.key: cluster for cluster in fold([reading(upstream, "kubernetes")]).clusters}
    for cluster in estate.clusters:
        usage = {(pod.namespace, pod.name): pod.usage for pod in told[cluster.name].pods}
        for pod in pods(cluster, NOW):
            if pod.runs and pod.started < NOW - 400:
                key = pod.slot.workload.namespace, pod.name
                cores = sum(pod.cores(number, cluster.phase, NOW) for number in (0, 1))
                assert usage[key]["cpu"] == pytest.approx(cores, rel=0.02)

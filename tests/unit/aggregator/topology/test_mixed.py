"""One server over clusters of several flavours: the first is told, the others are noted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Self

from costwire_aggregator.asking import Asker
from costwire_aggregator.completeness import Completeness, completeness
from costwire_aggregator.http_client import Allowance
from costwire_aggregator.questions import Question
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.flavours.others import reason
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Cluster, Topology
from costwire_aggregator.topology.readings import readings
from costwire_aggregator.upstreams.answers import Vector, read_answer
from costwire_aggregator.upstreams.fan_out import FanOut
from costwire_aggregator.upstreams.settings import UpstreamSettings
from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.simulation import Simulation
from costwire_simulator.upstream.upstream import Upstream

NOW = 1_753_000_000.0


@cache
def upstream() -> Upstream:
    """Over one cluster of each flavour."""
    size = Size(clusters=3, nodes=2, pods=3, containers=2)
    estate = make_estate(size, flavours=("icos", "kubernetes", "opentelemetry"))
    simulation = Simulation(estate, upstreams="one", pinned=True, clock=lambda: NOW)
    simulation.start()
    (one,) = simulation.upstreams.values()
    return one


class Entry:
    """The server as it is listed."""

    def __init__(self, name: str, flavour: str = "auto") -> None:
        self.settings = UpstreamSettings.model_validate(
            {"name": name, "url": "http://x", "flavour": flavour}
        )

    async def ask(
        self, asked: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        return read_answer(upstream().answer(asked.promql, at).body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None: ...


def told(*entries: Entry) -> tuple[Topology, Completeness]:
    async def run() -> tuple[Topology, Completeness]:
        async with FanOut(entries) as fan_out:
            asker = Asker(fan_out, deadline_seconds=60, answers_bytes=1 << 20, now=lambda: NOW)
            at, told, flavours = await asker.ask_by_flavour()
        return fold(readings(told, flavours)), completeness(told, at, 180)

    return asyncio.run(run())


def bare(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Without the keys, which tell clusters of one name apart."""
    return sorted((replace(one, key="") for one in clusters), key=lambda one: one.name or "")


def test_first_flavour_is_told_and_the_others_are_noted_with_how_much_there_is() -> None:
    topology, report = told(Entry("all"))
    assert [len(cluster.nodes) for cluster in topology.clusters] == [2]
    (of_upstream,) = report.upstreams
    (why,) = of_upstream.reasons
    assert why == f"there are series {reason(['kubernetes', 'opentelemetry'])}"
    assert report.percent == 100, "nothing that was asked for is missing"
    noted = {family: count for (family, why), count in topology.notes.items() if "flavour" in why}
    assert noted["kube_node_info"] == 2
    assert noted["k8s_node_condition_ready"] == 2
    assert {"kube_pod_info", "k8s_pod_phase"} <= noted.keys()


def test_series_that_two_upstreams_are_not_asked_for_are_counted_at_both() -> None:
    (one, _), (two, _) = told(Entry("a")), told(Entry("a"), Entry("b"))
    of_one = {key: count for key, count in one.notes.items() if "flavour" in key[1]}
    assert of_one
    assert {key: two.notes[key] for key in of_one} == {key: 2 * of_one[key] for key in of_one}


def test_server_that_is_listed_for_each_flavour_tells_all_that_each_one_would() -> None:
    each = [told(Entry("x", flavour))[0].clusters for flavour in FLAVOURS]
    assert [len(clusters) for clusters in each] == [1, 1, 1]
    entries = [Entry("b"), Entry("a", "kubernetes"), Entry("c", "opentelemetry")]
    topology, report = told(*entries)
    assert bare(topology.clusters) == bare([cluster for clusters in each for cluster in clusters])
    assert [reasons for one in report.upstreams if (reasons := one.reasons)] == []
    assert not any("flavour" in why for _, why in topology.notes)


def test_one_flavours_clusters_hold_nothing_of_anothers() -> None:
    for flavour in FLAVOURS:
        (cluster,) = told(Entry("x", flavour))[0].clusters
        assert len(cluster.nodes) == 2, flavour

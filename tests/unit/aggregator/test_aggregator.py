"""The use case over made-up upstreams: what is free, and that the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import pytest
from tests.unit.aggregator.told import AT

from costwire_aggregator import aggregator as module
from costwire_aggregator.aggregator import Aggregator
from costwire_aggregator.asking import Asker
from costwire_aggregator.completeness import Completeness, completeness
from costwire_aggregator.http_client import Allowance
from costwire_aggregator.questions import Question
from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.fan_out import FanOut
from costwire_aggregator.upstreams.outcomes import Told
from costwire_aggregator.upstreams.settings import UpstreamSettings

NORTH, SOUTH = ({"job": "ksm", "cluster": cluster} for cluster in ("north", "south"))


class Server:
    """Tells what it has of the families that it is asked for."""

    def __init__(self, series: Mapping[str, Sequence[Sample]]) -> None:
        self.settings = UpstreamSettings(name="u", url="http://u")
        self.series = series

    async def ask(
        self, asked: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        return Vector({name: self.series[name] for name in asked.families & self.series.keys()})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None: ...


def over(series: Mapping[str, Sequence[Sample]]) -> Aggregator:
    fan_out = FanOut([Server(series)])
    return Aggregator(Asker(fan_out, deadline_seconds=9, answers_bytes=1 << 20, now=lambda: AT))


def of_cluster(labels: Mapping[str, str], *, shard_is_up: bool = True) -> dict[str, Sample]:
    """A node whose objects one shard tells, and whose pods another one does."""
    first, second = {**labels, "instance": "0"}, {**labels, "instance": "1"}
    cpu = {"node": "n", "resource": "cpu"}
    told = {
        "kube_node_status_capacity": Sample({**first, **cpu}, 4.0),
        "kube_node_status_allocatable": Sample({**first, **cpu}, 3.0),
    }
    if shard_is_up:
        pod = {"namespace": "shop", "pod": "p", "container": "c"}
        told["kube_pod_container_resource_requests"] = Sample({**second, **cpu, **pod}, 1.0)
    return {
        **told,
        "up": Sample(first, AT),
        "up of the second": Sample(second, AT if shard_is_up else -AT),
    }


def together(*clusters: Mapping[str, Sample]) -> dict[str, list[Sample]]:
    series: dict[str, list[Sample]] = {}
    for cluster in clusters:
        for name, sample in cluster.items():
            series.setdefault(name.split()[0], []).append(sample)
    return series


def free(aggregator: Aggregator) -> dict[str, int]:
    nodes = asyncio.run(aggregator.etim_nodes())
    return {node.cluster: node.available_resources.milli_cpu for node in nodes}


def test_what_is_free_is_what_of_the_allocatable_is_not_requested() -> None:
    series = together(of_cluster(NORTH), of_cluster(SOUTH))
    assert free(over(series)) == {"north": 2000, "south": 2000}


def test_nothing_is_told_as_free_where_a_shard_is_down_that_may_know_of_requests() -> None:
    series = together(of_cluster(NORTH), of_cluster(SOUTH, shard_is_up=False))
    assert free(over(series)) == {"north": 2000, "south": 0}


@pytest.mark.parametrize("face", ["icos", "topology"])
def test_loop_goes_on_while_completeness_is_found_out(
    face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def watched(told: Sequence[Told], at: float, stale_seconds: float) -> Completeness:
        threads.append(threading.current_thread())
        return completeness(told, at, stale_seconds)

    monkeypatch.setattr(module, "completeness", watched)
    series = {
        "node_uname_info": [Sample({"job": "j", "instance": "i", "nodename": "n"}, 1.0)],
        "kube_node_info": [Sample({"job": "j", "instance": "i", "node": "n"}, 1.0)],
    }
    asyncio.run(getattr(over(series), face)())
    assert threads
    assert threading.main_thread() not in threads

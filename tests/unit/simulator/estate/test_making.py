"""Estates of a size."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.unit.simulator.asking import NOW

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import FLAVOURS
from costwire_simulator.estate.pods import pods
from costwire_simulator.exporters.targets import targets_of


@pytest.mark.parametrize(
    "size", [Size(1, 1, 1, 1), Size(3, 4, 8, 2), Size(10, 2, 3, 5), Size(2, 30, 20, 2)]
)
def test_there_is_as_much_of_everything_as_was_asked_for(size: Size) -> None:
    estate = make_estate(size)
    assert len({cluster.name for cluster in estate.clusters}) == size.clusters
    for cluster in estate.clusters:
        on_nodes = Counter(pod.slot.node.name for pod in pods(cluster, NOW))
        assert len(on_nodes) == size.nodes
        assert {*on_nodes.values()} == {size.pods}
        assert all(len(one.containers) == size.containers for one in cluster.workloads)


@pytest.mark.parametrize(
    "wrong", [{"clusters": 0}, {"nodes": 4_001}, {"pods": 251}, {"containers": 21}]
)
def test_sizes_have_bounds(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="make an estate"):
        Size(**wrong)


def test_nothing_has_the_identity_of_another() -> None:
    estate = make_estate(Size(12, 20, 10, 1), flavours=FLAVOURS)
    nodes = [node for cluster in estate.clusters for node in cluster.nodes]
    for what in ("provider_id", "system_uuid", "host_id"):
        assert len({getattr(node, what) for node in nodes}) == len(nodes), what
    for cluster in estate.clusters:
        assert len({node.name for node in cluster.nodes}) == len(cluster.nodes)
        assert len({node.ip for node in cluster.nodes}) == len(cluster.nodes)
    found = [pod for cluster in estate.clusters for pod in pods(cluster, NOW)]
    assert len({pod.uid for pod in found}) == len(found)
    volumes = [volume for cluster in estate.clusters for volume in cluster.volumes]
    assert len({volume.disk.handle for volume in volumes}) == len(volumes)


def test_addresses_of_pods_are_of_their_nodes_network() -> None:
    (cluster,) = make_estate(Size(1, 300, 8, 1)).clusters
    found = pods(cluster, NOW)
    assert len({pod.ip for pod in found}) == len(found)
    assert all(pod.ip.startswith(f"{pod.slot.node.pod_network}.") for pod in found)


def test_the_same_seed_makes_the_same_estate_and_another_one_another() -> None:
    size = Size(4, 2, 6, 2)
    first, again, other = (
        [
            target.render(NOW)
            for target in targets_of(make_estate(size, flavours=FLAVOURS, seed=seed))
        ]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert all(one != another for one, another in zip(first, other, strict=True))


def test_requests_fit_their_nodes() -> None:
    for cluster in make_estate(Size(3, 4, 20, 2)).clusters:
        for slots in cluster.by_node.values():
            containers = [each for slot in slots for each in slot.workload.containers]
            assert sum(one.cpu_request for one in containers) < slots[0].node.cores
            assert sum(one.memory_request for one in containers) < slots[0].node.memory

"""`strict`: the nodes that the original makes of the same series, faults included."""

from __future__ import annotations

import math

import pytest

from costwire_aggregator.etim import families
from costwire_aggregator.etim.model import EtimNode, Resources
from costwire_aggregator.etim.original import OriginalFold
from costwire_aggregator.icos.places import NOBODYS
from costwire_aggregator.samples import Sample

NODE = {"cluster": "north", "node": "n1"}


def test_node_has_its_architecture_and_memory_alone() -> None:
    fold = OriginalFold(
        {
            families.NODES: [Sample({**NODE, "machine": "x86_64"}, 1)],
            families.MEMORY_TOTAL: [Sample(NODE, 32e9)],
            families.MEMORY_AVAILABLE: [Sample(NODE, 20e9)],
            families.CAPACITY: [Sample({**NODE, "resource": "cpu"}, 8)],
        }
    )
    total, available = Resources(0, 32 * 10**9), Resources(0, 20 * 10**9)
    assert fold.nodes() == [EtimNode("north", "n1", "x86_64", total, available, labels=())]


def test_series_without_labels_are_one_node_without_a_name_and_the_last_one_holds() -> None:
    named = [{"icos_host_id": id, "machine": id} for id in ("b", "a")]
    fold = OriginalFold(
        {
            families.NODES: [Sample(labels, 1) for labels in named],
            families.MEMORY_TOTAL: [Sample(named[0], 2), Sample(named[1], 1)],
        }
    )
    assert fold.nodes() == [EtimNode("", "", "a", Resources(memory_bytes=1))]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.nan, -(2**63)),
        (math.inf, -(2**63)),
        (2.0**63, -(2**63)),
        (-0.5, 0),
        (63.9, 63),
        (-5, -5),
    ],
)
def test_memory_is_cast_as_go_does(value: float, told: int) -> None:
    series = {families.NODES: [Sample(NODE, 1)], families.MEMORY_TOTAL: [Sample(NODE, value)]}
    (node,) = OriginalFold(series).nodes()
    assert node.resources.memory_bytes == told


def test_memory_of_unknown_nodes_is_left_out() -> None:
    other = {"cluster": "south", "node": "n1"}
    fold = OriginalFold(
        {families.NODES: [Sample(NODE, 1)], families.MEMORY_AVAILABLE: [Sample(other, 1)]}
    )
    assert fold.nodes() == [EtimNode("north", "n1")]
    assert fold.left_out == {(families.MEMORY_AVAILABLE, NOBODYS): 1}


def test_controllers_own_cluster_is_there_and_all_are_sorted() -> None:
    keys = [("b", "2"), ("b", "1"), ("a", "3")]
    nodes = [{"cluster": c, "node": n, "k8s_cluster_uid": "self"} for c, n in keys]
    fold = OriginalFold({families.NODES: [Sample(labels, 1) for labels in nodes]})
    assert [(node.cluster, node.id) for node in fold.nodes()] == sorted(keys)

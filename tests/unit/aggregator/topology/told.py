"""Small estates, family by family."""

from __future__ import annotations

from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Cluster, Node, Pod, Topology
from costwire_aggregator.topology.sources import Reading

Told = list[tuple[dict[str, str], float]]


def reading(flavour: str = "kubernetes", upstream: str = "one", /, **families: Told) -> Reading:
    """What an upstream tells."""
    return Reading(
        upstream,
        flavour,
        {family: [Sample(*series) for series in told] for family, told in families.items()},
    )


def folded(flavour: str = "kubernetes", /, **families: Told) -> Topology:
    """The topology of one upstream."""
    return fold([reading(flavour, **families)])


def cluster_of(topology: Topology) -> Cluster:
    (cluster,) = topology.clusters
    return cluster


def node_of(topology: Topology) -> Node:
    (node,) = cluster_of(topology).nodes
    return node


def pod_of(topology: Topology) -> Pod:
    (pod,) = cluster_of(topology).pods
    return pod


def info(node: str, **more: str) -> tuple[dict[str, str], float]:
    """A series of `kube_node_info`."""
    return {"node": node, **more}, 1


def of_pod(pod: str = "web-0", namespace: str = "shop", **more: str) -> dict[str, str]:
    return {"pod": pod, "namespace": namespace, **more}

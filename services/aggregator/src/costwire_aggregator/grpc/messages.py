"""Nodes as protocol buffers."""

from __future__ import annotations

from collections.abc import Iterable

from costwire_aggregator.etim.model import EtimNode, Resources
from costwire_aggregator.grpc.aggregator_pb2 import ComputeResources, InfrastructureModel


def infrastructure(nodes: Iterable[EtimNode]) -> InfrastructureModel:
    """The answer with these nodes in their order; both their resources stand there, also empty."""
    return InfrastructureModel(nodes=map(_node, nodes))


def _node(node: EtimNode) -> InfrastructureModel.Node:
    return InfrastructureModel.Node(
        id=node.id,
        node_type=InfrastructureModel.Node.COMPUTE,
        cpu_architecture=node.cpu_architecture,
        resources=_resources(node.resources),
        available_resources=_resources(node.available_resources),
        labels=node.labels,
    )


def _resources(resources: Resources) -> ComputeResources:
    return ComputeResources(milliCPU=resources.milli_cpu, memoryInBytes=resources.memory_bytes)

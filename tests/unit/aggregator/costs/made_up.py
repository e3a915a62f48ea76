"""Made-up bills and clusters, for tests of how they are joined."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from costwire_aggregator.costs.amounts import Amounts, total
from costwire_aggregator.costs.model import AsOf, Bill, Period, Resource, Said
from costwire_aggregator.topology.model import Cluster, Device, Node, PersistentVolume, Topology

OCTOBER = Period("2026-10", "2026-11")


def amounts(billed: str | None = "1", effective: str | None = None, code: str = "USD") -> Amounts:
    """Of one currency."""
    return {code: tuple(None if text is None else Decimal(text) for text in (billed, effective))}


def a_resource(
    id: str,
    cost: Amounts | str = "1",
    *,
    name: str | None = None,
    account: str | None = None,
    region: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Resource:
    """One whose charges all say the same."""
    return Resource(
        id,
        amounts(cost) if isinstance(cost, str) else cost,
        (Said(name, account, region),),
        {key: frozenset({value}) for key, value in (tags or {}).items()},
    )


def a_bill(*resources: Resource, without: Amounts | None = None) -> Bill:
    """A sound one."""
    without = without or {}
    totals = total([without, *(one.amounts for one in resources)])
    return Bill("charges", OCTOBER, AsOf(3, 2), resources, without, totals)


def a_cluster(
    key: str,
    *nodes: Node,
    uid: str | None = None,
    volumes: list[PersistentVolume] | None = None,
) -> Cluster:
    """A cluster of these nodes."""
    return Cluster(key, key, uid, nodes=list(nodes), volumes=volumes or [])


def a_node(
    name: str,
    provider_id: str | None = None,
    *,
    system_uuid: str | None = None,
    host_name: str | None = None,
    serial: str | None = None,
) -> Node:
    """A node, with a disk where it has a serial."""
    devices = [] if serial is None else [Device("nvme0n1", serial=serial)]
    return Node(
        name,
        provider_id=provider_id,
        system_uuid=system_uuid,
        host_name=host_name,
        devices=devices,
    )


def a_topology(*clusters: Cluster) -> Topology:
    """These clusters."""
    return Topology(list(clusters))

"""Clusters of machines and disks that somebody's bills name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from costwire_simulator.estate.clouds import CLOUDS, GIB, Cloud
from costwire_simulator.estate.draws import pick
from costwire_simulator.estate.making import Place, Size, disk_of, make_cluster, make_node
from costwire_simulator.estate.model import Cluster, Disk, Estate, Flavour, Node

CLUSTER_TAGS = ("goog-k8s-cluster-name", "eks:cluster-name", "aks-managed-cluster-name")
"""What clouds put on machines of their Kubernetes services."""
_MOST_NODES = 40
_SPELT = (
    ("/resourcegroups/", "/resourceGroups/"),
    ("/microsoft.compute/", "/Microsoft.Compute/"),
    ("/virtualmachines/", "/virtualMachines/"),
)
"""How Kubernetes spells what Azure's bills have in lower case."""


class CloudResource(Protocol):
    """A machine, a disk or a Kubernetes cluster, as bills name it."""

    @property
    def kind(self) -> str:
        """`machine`, `disk` or `cluster`; others are not looked at."""
        ...

    @property
    def cloud(self) -> str:
        """`aws`, `azure` or `gcp`; others are not looked at."""
        ...

    @property
    def resource_id(self) -> str:
        """As in the column ResourceId."""
        ...

    @property
    def resource_name(self) -> str | None:
        """As in the column ResourceName."""
        ...

    @property
    def account(self) -> str:
        """As in the column SubAccountId."""
        ...

    @property
    def region(self) -> str:
        """As in the column RegionId."""
        ...

    @property
    def zone(self) -> str | None:
        """As in the column AvailabilityZone."""
        ...

    @property
    def tags(self) -> Mapping[str, str]:
        """As in the column Tags."""
        ...


def demo_clusters(
    resources: Iterable[CloudResource],
    *,
    flavours: Mapping[str, Flavour] | None = None,
    pods: int = 8,
    containers: int = 2,
) -> Estate:
    """One cluster for each cloud that has machines, in the region that has most of them.

    Its nodes are those machines, its volumes are on disks that stand where the nodes do. Its name
    is that of a tag, else of a Kubernetes cluster there, else of its region. `flavours`: by cloud,
    where it is not `kubernetes`. `pods`: of each node, `containers`: of each pod.
    """
    of_clouds: dict[str, list[CloudResource]] = defaultdict(list)
    for resource in resources:
        of_clouds[resource.cloud].append(resource)
    clusters = [
        _cluster(
            CLOUDS[key], of_clouds[key], (flavours or {}).get(key, "kubernetes"), pods, containers
        )
        for key in CLOUDS
        if any(one.kind == "machine" for one in of_clouds[key])
    ]
    return Estate(clusters)


def _cluster(
    cloud: Cloud,
    resources: Sequence[CloudResource],
    flavour: Flavour,
    pods: int,
    containers: int,
) -> Cluster:
    regions = Counter(one.region for one in resources if one.kind == "machine")
    region = regions.most_common(1)[0][0]
    there = [one for one in resources if one.region == region]
    machines = [one for one in there if one.kind == "machine"][:_MOST_NODES]
    name = _name(cloud, there, region)
    place = Place.of(cloud, name, f"demo/{cloud.key}", cloud.region(region))
    nodes = [_node(place, number, one) for number, one in enumerate(machines)]
    disks: dict[str, list[Disk]] = defaultdict(list)
    for one in there:
        if one.kind == "disk":
            handle = _handle(one)
            disks[one.zone or ""].append(disk_of(cloud, handle, pick((50, 100, 250), handle) * GIB))
    size = Size(nodes=len(nodes), pods=pods, containers=containers)
    return make_cluster(place, flavour, nodes, size, disks)


def _name(cloud: Cloud, there: Sequence[CloudResource], region: str) -> str:
    tags = (one.tags.get(tag) for one in there if one.kind == "machine" for tag in CLUSTER_TAGS)
    clusters = (one.resource_id.rpartition("/")[2] for one in there if one.kind == "cluster")
    return next(filter(None, (*tags, *clusters)), f"{cloud.key}-{region}")


def _node(place: Place, number: int, machine: CloudResource) -> Node:
    end = machine.resource_id.rpartition("/")[2]
    zone = machine.zone or ""
    if place.cloud.key == "azure":
        path = _spelt(machine.resource_id)
        return make_node(place, number, name=end, zone=zone, provider_id=f"azure://{path}")
    if place.cloud.key == "gcp":
        name = machine.resource_name or end
        provider_id = f"gce://{machine.account}/{zone}/{name}"
        return make_node(place, number, name=name, zone=zone, provider_id=provider_id, host_id=end)
    return make_node(place, number, zone=zone, provider_id=f"aws:///{zone}/{end}")


def _handle(disk: CloudResource) -> str:
    """What the CSI driver of its cloud calls it."""
    if disk.cloud == "azure":
        return _spelt(disk.resource_id)
    start = disk.resource_id.find("projects/") if disk.cloud == "gcp" else -1
    return disk.resource_id[start:] if start >= 0 else disk.resource_id.rpartition("/")[2]


def _spelt(path: str) -> str:
    for lower, real in _SPELT:
        path = path.replace(lower, real)
    return path

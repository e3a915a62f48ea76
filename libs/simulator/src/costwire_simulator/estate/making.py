"""Making estates: sizes and a seed in, clusters out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import pi

from costwire_simulator.estate.clouds import CLOUDS, GIB, Cloud, Region
from costwire_simulator.estate.draws import between, draw, hexes, pick, uuid
from costwire_simulator.estate.model import Cluster, Disk, Estate, Flavour, Node, Slot, Volume
from costwire_simulator.estate.workloads import slots

_NAMES = ("atlas", "borealis", "cygnus", "draco", "eridanus", "fornax", "gemini", "hydra")
_BEGIN = 1_690_000_000.0
"""No node is older; in July 2023."""
_SPREAD_SECONDS = 90 * 86_400.0
_CLOUD_OF: Mapping[Flavour, Sequence[str]] = {
    "kubernetes": ("aws", "azure", "gcp"),
    "opentelemetry": ("azure", "gcp", "aws"),
    "icos": ("edge",),
    "icos-fleet": ("edge",),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything."""

    clusters: int = 3
    nodes: int = 3
    """Of each cluster."""
    pods: int = 8
    """Of each node."""
    containers: int = 2
    """Of each pod."""

    def __post_init__(self) -> None:
        if min(self.clusters, self.nodes, self.pods, self.containers) < 1:
            raise ValueError("make an estate: it wants one of everything at least")
        if self.nodes > 4_000 or self.pods > 250 or self.containers > 20:
            raise ValueError("make an estate: 4000 nodes, 250 pods, 20 containers are the most")


def make_estate(
    size: Size | None = None, *, flavours: Sequence[Flavour] = ("kubernetes",), seed: int = 0
) -> Estate:
    """The estate of a size and a seed; clusters take turns at the flavours."""
    size = size or Size()
    clusters = []
    for number in range(size.clusters):
        flavour = flavours[number % len(flavours)]
        cloud = CLOUDS[_CLOUD_OF[flavour][number // len(flavours) % len(_CLOUD_OF[flavour])]]
        name = _NAMES[number % len(_NAMES)]
        if turn := number // len(_NAMES):
            name = f"{name}-{turn + 1}"
        place = Place.of(cloud, name, f"{seed}/{name}")
        nodes = [make_node(place, index) for index in range(size.nodes)]
        clusters.append(make_cluster(place, flavour, nodes, size))
    return Estate(clusters)


@dataclass(frozen=True, slots=True)
class Place:
    """What the parts of a cluster have in common."""

    cloud: Cloud
    region: Region
    cluster: str
    account: str
    seed: str

    @classmethod
    def of(cls, cloud: Cloud, cluster: str, seed: str, region: Region | None = None) -> Place:
        """`region`: any of the cloud's, if none is told."""
        account = filled(cloud.account, {}, seed, "account")
        return cls(cloud, region or pick(cloud.regions, seed, "region"), cluster, account, seed)

    def facts(self, number: int) -> dict[str, object]:
        """What texts of the n-th machine or disk may hold."""
        region = self.region
        return {
            "account": self.account,
            "cluster": self.cluster,
            "region": region.id,
            "zone": region.zones[number % len(region.zones)],
            "number": number,
            "domain": "ec2.internal"
            if region.id == "us-east-1"
            else f"{region.id}.compute.internal",
        }


def filled(shape: str, facts: Mapping[str, object], *of: object) -> str:
    """A text with its gaps filled: `{hex17}`, `{digits6}`, `{uuid}` by chance, others by facts."""
    chances: dict[str, object] = {f"hex{n}": hexes(n, *of, n) for n in (4, 8, 17, 32)}
    chances |= {f"digits{n}": f"{draw(*of, n) % 10**n:0{n}d}" for n in (6, 8, 12, 19)}
    return shape.format(uuid=uuid(*of), **chances, **facts)


def make_node(
    place: Place,
    number: int,
    *,
    name: str = "",
    zone: str = "",
    provider_id: str = "",
    host_id: str = "",
    root: Disk | None = None,
) -> Node:
    """The n-th machine of a cluster; what is told of it stays as it is told."""
    cloud, region, of = place.cloud, place.region, (place.seed, "node", number)
    facts = place.facts(number) | ({"zone": zone} if zone else {})
    ip = f"10.{draw(place.seed, 'network') % 200 + 10}.{number // 250}.{number % 250 + 4}"
    name = name or filled(cloud.node, facts | {"dashed": ip.replace(".", "-")}, place.seed, number)
    if cloud.key == "azure" and not provider_id:
        of_pool = (place.seed, "pool")  # as all of a scale set have it
        name = filled(cloud.node, facts, *of_pool)
        provider_id = filled(cloud.provider_id, facts, *of_pool)
    provider_id = provider_id or filled(cloud.provider_id, facts | {"name": name}, *of)
    end = {"provider_end": provider_id.rpartition("/")[2]}
    return Node(
        number=number,
        name=name,
        ip=ip,
        region=region.id,
        zone=str(facts["zone"]),
        provider_id=provider_id,
        host_id=host_id or filled(cloud.host_id, facts | end, *of, "host"),
        instance_type=cloud.instance_type,
        cores=cloud.cores,
        memory=cloud.memory * 31 // 32,
        system_uuid=uuid(*of, "system"),
        root=root or make_disk(place, number, 64 * GIB, *of, "root"),
        created=_BEGIN + between(0, _SPREAD_SECONDS, *of, "created"),
        latitude=round(region.latitude + between(-0.05, 0.05, *of, "latitude"), 4),
        longitude=round(region.longitude + between(-0.05, 0.05, *of, "longitude"), 4),
    )


def make_disk(place: Place, number: int, size: int, *of: object) -> Disk:
    """A disk that stands where the n-th machine does."""
    return disk_of(place.cloud, filled(place.cloud.handle, place.facts(number), *of), size)


def disk_of(cloud: Cloud, handle: str, size: int) -> Disk:
    """The disk that a cloud calls so."""
    return Disk(handle, cloud.serial(handle.rpartition("/")[2]), size)


def make_cluster(
    place: Place,
    flavour: Flavour,
    nodes: Sequence[Node],
    size: Size,
    disks: Mapping[str, Sequence[Disk]] | None = None,
) -> Cluster:
    """A cluster of these nodes.

    `disks`: those that its volumes are on, by zone, "" for any; None: they are made up.
    """
    filling = slots(place.cloud, nodes, size.pods, size.containers, place.seed)
    return Cluster(
        name=place.cluster,
        uid=uuid(place.seed, "cluster"),
        flavour=flavour,
        cloud=place.cloud.key,
        account=place.account,
        nodes=nodes,
        slots=filling,
        volume_of=_volumes(place, filling, disks),
        phase=between(0, 2 * pi, place.seed, "phase"),
    )


def _volumes(
    place: Place, filling: Sequence[Slot], disks: Mapping[str, Sequence[Disk]] | None
) -> Mapping[Slot, Volume]:
    """One for each place of a StatefulSet, as far as the disks go."""
    left = {zone: iter(some) for zone, some in (disks or {}).items()}
    nothing: Iterator[Disk] = iter(())
    found: dict[Slot, Volume] = {}
    for slot in filling:
        if slot.workload.kind != "StatefulSet":
            continue
        namespace, name = slot.workload.namespace, slot.workload.name
        of = (place.seed, "volume", namespace, name, slot.number)
        if disks is None:
            size = pick((20, 50, 100, 250), *of) * GIB
            disk: Disk | None = make_disk(place, slot.node.number, size, *of)
        else:
            disk = next(chain(left.get(slot.node.zone, nothing), left.get("", nothing)), None)
        if disk is not None:
            found[slot] = Volume(
                name=f"pvc-{uuid(*of, 'name')}",
                namespace=namespace,
                claim=f"data-{name}-{slot.number}",
                storage_class=place.cloud.storage_class,
                driver=place.cloud.driver,
                disk=disk,
            )
    return found

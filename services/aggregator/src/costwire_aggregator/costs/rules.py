"""By what a resource of a bill is joined to a cluster, or to what is in it: a table. Pure.

Each rule reads texts of a resource, and texts of a topology, both in one form; what has one in
common fits. An empty text is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from costwire_aggregator.costs.identifiers import (
    Identifier,
    Kind,
    cluster_name,
    disk_name,
    folded,
    identifier,
    in_google,
    scale_set,
    uuid,
)
from costwire_aggregator.costs.model import Level, Resource, Thing
from costwire_aggregator.topology.model import Cluster, Node, PersistentVolume, Topology

STAR: Final = "*"
CLUSTER_TAGS: Final = (
    "aws:eks:cluster-name",
    "eks:cluster-name",
    "alpha.eksctl.io/cluster-name",
    "aks-managed-cluster-name",
    "goog-k8s-cluster-name",
    "k8s-cluster-name",
    "kubernetes.io/cluster/*",
)
"""Keys of tags whose value is a cluster's name; where a star stands, the key itself holds it."""

_SHARED = "shared"
"""The value of a key with a star that says: not of this cluster alone."""


class Strength(StrEnum):
    """How much it says that two texts are the same."""

    ID = "id"
    """It is that thing."""
    NAME = "name"
    """It is called so: counts only where the bill has no id of that cluster in other places."""
    HOST_NAME = "hostName"
    """As a name, and only for resources of which no other rule says anything."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A resource, with its identifier read."""

    resource: Resource
    identifier: Identifier | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to tell what a resource is."""

    name: str
    strength: Strength
    reads: str
    """Columns and tags of the bill."""
    compares: str
    """Fields of the topology."""
    of_bill: Callable[[Reading], Iterable[str]]
    of_cluster: Callable[[Cluster], Iterable[tuple[Thing, str]]]


def node_thing(cluster: Cluster, node: Node) -> Thing:
    """A node, as costs are joined to it."""
    return Thing(cluster.key, Level.NODE, node.name, node.uid or "")


def volume_thing(cluster: Cluster, volume: PersistentVolume) -> Thing:
    """A volume, as costs are joined to it."""
    return Thing(cluster.key, Level.VOLUME, volume.name)


# Texts of a resource.


def _id(reading: Reading) -> Iterator[str]:
    if reading.identifier is not None:
        yield reading.identifier.text


def _id_in_google(reading: Reading) -> Iterator[str]:
    if reading.identifier is not None:
        for said in reading.resource.said:
            yield from in_google(reading.identifier, said.account, said.name)


def _own_name(reading: Reading, *kinds: Kind) -> Iterator[str]:
    if reading.identifier is not None and reading.identifier.kind in kinds:
        yield from (folded(said.name) for said in reading.resource.said)


def _host_names(reading: Reading) -> Iterator[str]:
    yield from _own_name(reading, Kind.PLAIN)
    if reading.identifier is not None and reading.identifier.kind is Kind.PLAIN:
        yield reading.identifier.text


def _disk_names(reading: Reading) -> Iterator[str]:
    yield from _own_name(reading, Kind.DISK)
    if reading.identifier is not None:
        yield disk_name(reading.identifier)


def _tagged(patterns: Sequence[str]) -> Callable[[Reading], Iterator[str]]:
    plain = frozenset(pattern for pattern in patterns if STAR not in pattern)
    starred = [_starred(pattern) for pattern in patterns if STAR in pattern]

    def names(reading: Reading) -> Iterator[str]:
        for key, values in reading.resource.tags.items():
            if key in plain:
                yield from map(folded, values)
            elif {folded(value) for value in values} - {_SHARED}:
                found = filter(None, (pattern.fullmatch(key) for pattern in starred))
                yield from (folded(one[1]) for one in found)

    return names


def _starred(pattern: str) -> re.Pattern[str]:
    before, _, after = pattern.partition(STAR)
    return re.compile(f"{re.escape(before)}(.+){re.escape(after)}")


# Texts of a cluster.


def _provider_ids(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    for node in cluster.nodes:
        if found := identifier(node.provider_id):
            yield node_thing(cluster, node), found.text


def _system_uuids(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    return ((node_thing(cluster, node), uuid(node.system_uuid)) for node in cluster.nodes)


def _disks(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    """By their drivers' handles; where there is no driver, a disk may be told by its mere name."""
    for volume in cluster.volumes:
        handle, disk = identifier(volume.handle), identifier(volume.disk)
        if handle is not None:
            yield volume_thing(cluster, volume), handle.text
        if disk is not None and disk.kind is Kind.DISK:
            yield volume_thing(cluster, volume), disk.text


def _serials(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    for node in cluster.nodes:
        for device in node.devices:
            found = identifier(device.serial)
            if found is not None and found.kind is Kind.DISK:
                yield node_thing(cluster, node), found.text


def _scale_sets(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    """What is billed for all of its machines together, whichever were there."""
    return ((Thing(cluster.key), scale_set(node.provider_id)) for node in cluster.nodes)


def _names(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    for told in (folded(cluster.name), cluster_name(cluster.name), folded(cluster.uid)):
        yield Thing(cluster.key), told


def _names_of_disks(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    return ((volume_thing(cluster, volume), folded(volume.disk)) for volume in cluster.volumes)


def _names_of_nodes(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    for node in cluster.nodes:
        for name in {folded(node.name), folded(node.host_name)}:
            yield node_thing(cluster, node), name


def _names_without_ids(cluster: Cluster) -> Iterator[tuple[Thing, str]]:
    """Of nodes whose id could not be compared."""
    without = [node for node in cluster.nodes if not _is_instance(node.provider_id)]
    return _names_of_nodes(Cluster(cluster.key, nodes=without))


def _is_instance(provider_id: str | None) -> bool:
    found = identifier(provider_id)
    return found is not None and found.kind is Kind.INSTANCE


def rules(cluster_tags: Sequence[str] = CLUSTER_TAGS) -> tuple[Rule, ...]:
    """All rules, the first that fits one thing counts; those of a strength stand together."""
    return (
        Rule("provider-id", Strength.ID, "ResourceId", "node.providerId", _id, _provider_ids),
        Rule(
            "google-name",
            Strength.ID,
            "ResourceId with SubAccountId and ResourceName",
            "node.providerId",
            _id_in_google,
            _provider_ids,
        ),
        Rule("system-uuid", Strength.ID, "ResourceId", "node.systemUuid", _id, _system_uuids),
        Rule("volume", Strength.ID, "ResourceId", "volume.handle and volume.disk", _id, _disks),
        Rule(
            "google-disk",
            Strength.ID,
            "ResourceId with SubAccountId and ResourceName",
            "volume.handle",
            _id_in_google,
            _disks,
        ),
        Rule("disk-serial", Strength.ID, "ResourceId", "node.devices.serial", _id, _serials),
        Rule(
            "scale-set",
            Strength.ID,
            "ResourceId",
            "the scale set in node.providerId",
            lambda reading: [scale_set(reading.resource.id)],
            _scale_sets,
        ),
        Rule(
            "managed-cluster",
            Strength.NAME,
            "the cluster's name in ResourceId",
            "cluster.name and cluster.uid",
            lambda reading: [cluster_name(reading.resource.id)],
            _names,
        ),
        Rule(
            "cluster-tag",
            Strength.NAME,
            "Tags",
            "cluster.name and cluster.uid",
            _tagged(cluster_tags),
            _names,
        ),
        Rule(
            "disk-name",
            Strength.NAME,
            "ResourceName, and the disk's name in ResourceId",
            "volume.disk",
            _disk_names,
            _names_of_disks,
        ),
        Rule(
            "host-name",
            Strength.HOST_NAME,
            "ResourceId of no known form, and its ResourceName",
            "node.name and node.hostName",
            _host_names,
            _names_of_nodes,
        ),
        Rule(
            "instance-name",
            Strength.HOST_NAME,
            "ResourceName of an instance",
            "node.name and node.hostName, where providerId is none of a cloud",
            lambda reading: _own_name(reading, Kind.INSTANCE),
            _names_without_ids,
        ),
    )


RULES: Final = rules()


def tag_keys(topology: Topology, cluster_tags: Sequence[str] = CLUSTER_TAGS) -> list[str]:
    """The keys of tags that may name one of these clusters, each once."""
    names = sorted({cluster.name for cluster in topology.clusters if cluster.name})
    keys = (
        pattern.replace(STAR, name, 1) if STAR in pattern else pattern
        for pattern in cluster_tags
        for name in (names if STAR in pattern else [""])
    )
    return [*dict.fromkeys(keys)]

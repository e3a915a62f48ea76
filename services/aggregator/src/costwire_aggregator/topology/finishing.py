"""What follows from all series together: owners, sums, order, names that tell clusters apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from operator import attrgetter

from costwire_aggregator.icos.names import told_apart
from costwire_aggregator.icos.places import OWN_CLUSTER
from costwire_aggregator.topology.clusters import ClusterKey, Registry
from costwire_aggregator.topology.model import (
    Amounts,
    Cluster,
    Location,
    Namespace,
    Node,
    Notes,
    Owner,
    Pod,
    Topology,
    Workload,
)
from costwire_aggregator.topology.places import Place, Realm

_BETWEEN = "ReplicaSet"
"""What stands between pods and the workload that people know."""
_NO_WORKLOADS = frozenset({"Node"})
"""Kinds that own pods without keeping them running: static pods are their node's."""
_CORE_DIGITS = 9
"""Behind the point: what sums of binary fractions have there is nobody's."""
_by_name = attrgetter("name")


def finished(places: Mapping[ClusterKey, Place], registry: Registry, notes: Notes) -> Topology:
    """All clusters of which anything is told, but for the gathering controller's own."""
    clusters = {
        key: _cluster(place, Cluster("", registry.name(key) or None, key.uid or None))
        for key, place in places.items()
        if key.kind != OWN_CLUSTER and not place.is_empty()
    }
    named = told_apart(clusters, _name_or_uid, attrgetter("uid"), attrgetter("kind"), repr)
    for name, cluster in named.items():
        cluster.key = name
    return Topology(sorted(named.values(), key=attrgetter("key")), notes)


def _name_or_uid(cluster: Cluster) -> str:
    return cluster.name or cluster.uid or ""


def _cluster(place: Place, cluster: Cluster) -> Cluster:
    cluster.nodes = _nodes(place)
    cluster.location = _common_location(cluster.nodes)
    for _, realm in sorted(place.realms.items()):
        cluster.pods += _pods(realm)
        cluster.workloads += _workloads(realm)
    cluster.pods.sort(key=attrgetter("namespace", "name"))
    cluster.workloads.sort(key=attrgetter("namespace", "kind", "name"))
    used = {pod.namespace for pod in cluster.pods} | {work.namespace for work in cluster.workloads}
    for name in used - {""}:
        place.namespaces.setdefault((name,), Namespace(name))
    cluster.namespaces = sorted(place.namespaces.values(), key=_by_name)
    cluster.volumes = sorted(place.volumes.values(), key=_by_name)
    return cluster


# Nodes.


def _nodes(place: Place) -> list[Node]:
    for key, node in place.nodes.items():
        node.name = node.name or key
        node.interfaces.sort(key=_by_name)
        node.devices.sort(key=_by_name)
        for interface in node.interfaces:
            interface.addresses.sort()
    return [
        node for _, node in sorted(place.nodes.items(), key=lambda item: (item[1].name, item[0]))
    ]


def _common_location(nodes: Iterable[Node]) -> Location:
    places = [node.location for node in nodes]
    common = Location()
    for name in (field.name for field in fields(Location)):
        told = {getattr(place, name) for place in places}
        if len(told) == 1:
            setattr(common, name, told.pop())
    return common


# Pods.


def _pods(realm: Realm) -> Iterable[Pod]:
    host = realm.place.node(realm.host)
    for pod in realm.pods.values():
        pod.owner = _workload_of(realm, pod.namespace, pod.owner)
        pod.node = pod.node or (host.name if host else None)
        pod.containers.sort(key=_by_name)
        _add_up(pod)
    return realm.pods.values()


def _workload_of(realm: Realm, namespace: str, owner: Owner | None) -> Owner | None:
    if owner is None or owner.kind != _BETWEEN:
        return owner
    between = realm.workloads.get((owner.kind, namespace, owner.name))
    return (between and between.owner) or owner


def _add_up(pod: Pod) -> None:
    """What is asked for, of the containers that ask; what is used, where all of them tell it."""
    for container in pod.containers:
        _add(pod.requests, container.requests)
        _add(pod.limits, container.limits)
    for resource in pod.containers[0].usage if pod.containers else ():
        told = [container.usage.get(resource) for container in pod.containers]
        if resource not in pod.usage and None not in told:
            pod.usage[resource] = sum(amount for amount in told if amount is not None)
    for amounts in (pod.requests, pod.limits, pod.usage):
        if "cpu" in amounts:
            amounts["cpu"] = round(amounts["cpu"], _CORE_DIGITS)


def _add(total: Amounts, part: Amounts) -> None:
    for resource, amount in part.items():
        total[resource] = total.get(resource, 0) + amount


def _workloads(realm: Realm) -> Iterable[Workload]:
    """Those that were told, and those that own what was told."""
    works = realm.workloads
    owned = [(pod.namespace, pod.owner) for pod in realm.pods.values()]
    owned += [(work.namespace, work.owner) for work in works.values()]
    for namespace, owner in owned:
        if owner is not None and owner.kind not in _NO_WORKLOADS:
            key = owner.kind, namespace, owner.name
            works.setdefault(key, Workload(*key))
    return [work for work in works.values() if work.kind != _BETWEEN or work.owner is None]

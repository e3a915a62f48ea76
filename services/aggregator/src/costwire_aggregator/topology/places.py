"""Clusters in the making, and what is in them: found by what series say of it, or made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from costwire_aggregator.samples import Labels
from costwire_aggregator.topology.flavours.rules import Makes, Name, Rule
from costwire_aggregator.topology.model import (
    Container,
    Device,
    Interface,
    Namespace,
    Node,
    PersistentVolume,
    Pod,
    Workload,
)
from costwire_aggregator.topology.readers import Reader, reader

Key = tuple[str, ...]
"""What identifies a thing, part by part; its name stands last."""


@dataclass(slots=True, eq=False)
class Place:
    """A cluster in the making."""

    nodes: dict[str, Node] = field(default_factory=dict)
    node_names: dict[str, Node | None] = field(default_factory=dict)
    """By all that series may name them by; None where several have that name."""
    on_nodes: dict[tuple[int, type, str], Interface | Device] = field(default_factory=dict)
    """By their node's `id()`, their kind, their name."""
    namespaces: dict[Key, Namespace] = field(default_factory=dict)
    volumes: dict[Key, PersistentVolume] = field(default_factory=dict)
    realms: dict[str, Realm] = field(default_factory=dict)
    """By the host, where each host of the cluster is an orchestrator of its own.

    Realms know their place: who is done with it clears this, or all stay until cycles are searched.
    """

    def realm(self, host: str) -> Realm:
        """What one orchestrator runs."""
        if host not in self.realms:
            self.realms[host] = Realm(self, host)
        return self.realms[host]

    def node(self, name: str) -> Node | None:
        """The node that has this name, or this address before a port."""
        if name in self.node_names:
            return self.node_names[name]
        host, _, port = name.rpartition(":")
        return self.node_names.get(host.strip("[]")) if port.isdigit() else None

    def name_node(self, name: str, node: Node | None) -> None:
        """Let series name it so; None for a name that is not of one node alone."""
        if self.node_names.setdefault(name, node) is not node:
            self.node_names[name] = None

    def is_empty(self) -> bool:
        """Whether series told of nothing in it."""
        runs_any = (realm.workloads or realm.pods for realm in self.realms.values())
        return not any((self.nodes, self.namespaces, self.volumes, *runs_any))


@dataclass(slots=True, eq=False)
class Realm:
    """What one orchestrator runs: that of a cluster, or that of a host of a fleet."""

    place: Place
    host: str
    workloads: dict[Key, Workload] = field(default_factory=dict)
    """By kind, namespace, name."""
    pods: dict[Key, Pod] = field(default_factory=dict)
    containers: dict[Key, Container] = field(default_factory=dict)
    _pods_of_name: dict[str, list[Key]] = field(default_factory=dict)

    def add_pod(self, namespace: str, name: str) -> Pod:
        """A further pod."""
        key = namespace, name
        pod = self.pods[key] = Pod(namespace, name)
        self._pods_of_name.setdefault(name, []).append(key)
        return pod

    def only_key(self, name: str) -> Key | None:
        """The key of the only pod that has this name."""
        keys = self._pods_of_name.get(name, ())
        return keys[0] if len(keys) == 1 else None


Find = Callable[[Realm, Labels], Any]
"""The thing that a series tells of; None where it has no name, or is not known."""


class Finder:
    """Finds, or makes, what the series of one rule tell of."""

    def __init__(self, rule: Rule, identity: tuple[Name, ...]) -> None:
        """`identity`: what the flavour says of such things."""
        self._rule = rule
        self._names = rule.at or (() if rule.known_by else identity)
        self._parts = [*map(reader, self._names)]
        self._known_by = [*map(reader, rule.known_by)]
        self._had_nodes: dict[Place, bool] = {}
        self._named: list[tuple[Place, str, Node]] = []

    def finish(self) -> None:
        """From now on nodes are known by all that the series named them by."""
        for place, name, node in self._named:
            place.name_node(name, node)

    def find(self) -> Find:
        """What does it."""
        kind = self._rule.thing
        if kind is Node:
            return self._named_node if self._known_by else self._node
        if kind in (Interface, Device):
            return self._on_node(kind, attrgetter("interfaces" if kind is Interface else "devices"))
        if kind is Pod:
            return self._pod()
        if kind is Container:
            return self._container()
        return self._of_key(kind)

    # Nodes, and what is on them.

    def _node(self, realm: Realm, labels: Labels) -> Node | None:
        for read in self._parts:
            if (name := read(labels)) and (node := realm.place.node(name)):
                return node
        return None

    def _named_node(self, realm: Realm, labels: Labels) -> Node | None:
        place, node = realm.place, self._node(realm, labels)
        if node is None and (key := self._known_by[0](labels)):
            node = place.nodes.get(key)
            if node is None and self._may_make_nodes(place):
                node = place.nodes[key] = Node("")
        if node is not None:
            names = (read(labels) for read in self._known_by)
            self._named += [(place, name, node) for name in names if name]
        return node

    def _may_make_nodes(self, place: Place) -> bool:
        if self._rule.makes is Makes.WHERE_NONE_IS:
            return not self._had_nodes.setdefault(place, bool(place.nodes))
        return self._rule.makes is Makes.ALWAYS

    def _on_node(self, kind: type, listed: Callable[[Node], list[Any]]) -> Find:
        makes = self._rule.makes is Makes.ALWAYS

        def find(realm: Realm, labels: Labels) -> Interface | Device | None:
            node, name = self._node(realm, labels), labels.get("device", "")
            if node is None or not name:
                return None
            known, key = realm.place.on_nodes, (id(node), kind, name)
            if makes and key not in known:
                known[key] = kind(name)
                listed(node).append(known[key])
            return known.get(key)

        return find

    # What has a name in a cluster, or in a namespace.

    def _of_key(self, kind: type) -> Find:
        known_in = attrgetter(_STANDING[kind])
        makes = self._rule.makes is Makes.ALWAYS
        key_of = _key_of(self._parts, self._rule.kind)

        def find(realm: Realm, labels: Labels) -> Any:
            known, key = known_in(realm), key_of(labels)
            if makes and key[-1] and key not in known:
                known[key] = kind(*key)
            return known.get(key)

        return find

    def _pairs(self) -> list[tuple[str, str]]:
        """The labels of each part, which are one or two: pods and containers are many."""
        return [(name[0], name[-1]) for name in self._names if isinstance(name, tuple)]

    def _pod(self) -> Find:
        makes = self._rule.makes is Makes.ALWAYS
        (space, or_space), (name, or_name) = self._pairs()

        def find(realm: Realm, labels: Labels) -> Pod | None:
            text = labels.get
            key = text(space) or text(or_space, ""), text(name) or text(or_name, "")
            pod = realm.pods.get(key)
            if pod is None:
                if makes:
                    return realm.add_pod(*key) if key[1] else None
                if not key[0] and (only := realm.only_key(key[1])):
                    return realm.pods[only]
            return pod

        return find

    def _container(self) -> Find:
        makes = self._rule.makes is Makes.ALWAYS
        (space, or_space), (pod_name, or_pod_name), (name, or_name) = self._pairs()

        def find(realm: Realm, labels: Labels) -> Container | None:
            text = labels.get
            key: Key = (
                text(space) or text(or_space, ""),
                text(pod_name) or text(or_pod_name, ""),
                text(name) or text(or_name, ""),
            )
            container = realm.containers.get(key)
            if container is None:
                if not key[0] and (only := realm.only_key(key[1])):
                    key = *only, key[2]
                    container = realm.containers.get(key)
                if makes and container is None and key[2] and (pod := realm.pods.get(key[:2])):
                    container = realm.containers[key] = Container(key[2])
                    pod.containers.append(container)
            return container

        return find


_STANDING = {
    Namespace: "place.namespaces",
    PersistentVolume: "place.volumes",
    Workload: "workloads",
}


def _key_of(parts: Sequence[Reader], kind: str) -> Callable[[Labels], Key]:
    """`kind`: what stands first, if anything does."""
    first = (kind,) if kind else ()
    return lambda labels: (*first, *[read(labels) for read in parts])

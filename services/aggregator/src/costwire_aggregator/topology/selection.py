"""What of a topology was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from costwire_aggregator.topology.model import Cluster, Topology
from costwire_aggregator.topology.shape import shape

DEPTHS = ("clusters", "nodes", "namespaces", "workloads", "pods", "containers")
"""Each with all before it."""
_LISTS = {
    "nodes": "nodes",
    "volumes": "nodes",
    "namespaces": "namespaces",
    "workloads": "workloads",
    "pods": "pods",
}
"""The lists of a cluster, with the depth that each begins at."""
_FOREIGN = re.compile(r"[^a-zA-Z0-9_]")
_NEW_WORD = re.compile(r"([a-z0-9])([A-Z])")

Tree = dict[str, "Tree | None"]
"""Fields by their names in documents, with what to keep within them; None for all of it."""


class BadSelection(Exception):
    """What was asked for does not exist; the text says what does."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to keep; what is empty keeps all."""

    clusters: frozenset[str] = frozenset()
    """Keys, names or uids."""
    namespaces: frozenset[str] = frozenset()
    """Nodes are in none, and stay."""
    labels: tuple[tuple[str, str | None], ...] = ()
    """Keys, and what they have to say if that matters: nodes and pods have all of them.

    Of the rest what these pods belong to is kept.
    """
    depth: str = DEPTHS[-1]
    fields: Tree | None = None
    """Fields of clusters; what says which thing it is stays in any case."""


def read_selection(parameters: Iterable[tuple[str, str]]) -> Selection:
    """What `cluster`, `namespace`, `label`, `depth` and `fields` of a query ask for.

    Raises: `BadSelection`.
    """
    texts: dict[str, list[str]] = {}
    for name, text in parameters:
        texts.setdefault(name, []).append(text)
    depths = texts.get("depth", [DEPTHS[-1]])
    if len(depths) > 1 or depths[0] not in DEPTHS:
        raise BadSelection(f"choose a depth: {', '.join(depths)!r} is not one of {_or(DEPTHS)}")
    return Selection(
        clusters=frozenset(_named("cluster", texts)),
        namespaces=frozenset(_named("namespace", texts)),
        labels=tuple(_label(text) for text in _named("label", texts)),
        depth=depths[0],
        fields=_tree(_named("fields", texts)),
    )


def _named(parameter: str, texts: dict[str, list[str]]) -> Sequence[str]:
    named = texts.get(parameter, [])
    if not all(named):
        raise BadSelection(f"choose by {parameter}: it is empty; leave it out, or name one")
    return named


def _label(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not key:
        raise BadSelection(f"choose by label: {text!r} is neither a key nor key=value")
    return key, value if equals else None


def _tree(texts: Sequence[str]) -> Tree | None:
    if not texts:
        return None
    tree: Tree = {}
    for path in ",".join(texts).split(","):
        _grow(tree, Cluster, path.strip().split("."), path.strip())
    return tree


def _grow(tree: Tree, kind: type, names: Sequence[str], path: str) -> None:
    """Add what the names lead to, from an object of a kind on."""
    fields = {field.name: field for field in shape(kind)}
    name, *others = names
    if name not in fields:
        raise BadSelection(f"choose fields: {path!r} is none; at {name!r} is one of {_or(fields)}")
    if not others:
        tree[name] = None
    elif (within := tree.setdefault(name, {})) is None:
        return
    elif part := fields[name].part:
        _grow(within, part, others, path)
    elif fields[name].is_map:
        within[".".join(others)] = None
    else:
        raise BadSelection(f"choose fields: {path!r} is none; {name!r} has nothing within it")


def _or(names: Iterable[str]) -> str:
    return ", ".join(names)


def select(topology: Topology, selection: Selection) -> Topology:
    """A topology of what is to be kept."""
    if selection == Selection():
        return topology
    clusters = [
        _depth(_within(cluster, selection), selection.depth)
        for cluster in topology.clusters
        if not selection.clusters or selection.clusters & {cluster.key, cluster.name, cluster.uid}
    ]
    if selection.fields is not None:
        clusters = [_pruned(cluster, selection.fields) for cluster in clusters]
    return replace(topology, clusters=clusters)


def _within(cluster: Cluster, selection: Selection) -> Cluster:
    spaces, labels = selection.namespaces, [*map(_spellings, selection.labels)]
    if spaces:
        cluster = replace(
            cluster,
            namespaces=[one for one in cluster.namespaces if one.name in spaces],
            workloads=[one for one in cluster.workloads if one.namespace in spaces],
            pods=[one for one in cluster.pods if one.namespace in spaces],
            volumes=[one for one in cluster.volumes if one.claim_namespace in spaces],
        )
    if labels:
        pods = [pod for pod in cluster.pods if _has(pod.labels, labels)]
        owners = {(pod.namespace, pod.owner.kind, pod.owner.name) for pod in pods if pod.owner}
        used = {pod.namespace for pod in pods}
        cluster = replace(
            cluster,
            nodes=[node for node in cluster.nodes if _has(node.labels, labels)],
            namespaces=[one for one in cluster.namespaces if one.name in used],
            workloads=[
                one for one in cluster.workloads if (one.namespace, one.kind, one.name) in owners
            ],
            pods=pods,
            volumes=[],
        )
    return cluster


def _spellings(label: tuple[str, str | None]) -> tuple[set[str], str | None]:
    """A key as Prometheus, and as kube-state-metrics, make it a label's name."""
    key, value = label
    name = _FOREIGN.sub("_", key)
    return {name, _NEW_WORD.sub(r"\1_\2", name).lower()}, value


def _has(known: dict[str, str], labels: Iterable[tuple[set[str], str | None]]) -> bool:
    return all(
        any(key in known and value in (None, known[key]) for key in keys) for keys, value in labels
    )


def _depth(cluster: Cluster, depth: str) -> Cluster:
    most = DEPTHS.index(depth)
    too_deep = [name for name, level in _LISTS.items() if DEPTHS.index(level) > most]
    cluster = replace(cluster, **{name: [] for name in too_deep})  # type: ignore[arg-type]
    if depth == "pods":
        cluster.pods = [replace(pod, containers=[]) for pod in cluster.pods]
    return cluster


def _pruned(part: Any, tree: Tree) -> Any:
    kept: dict[str, Any] = {}
    for field in shape(type(part)):
        value = getattr(part, field.attribute)
        if field.is_identity:
            kept[field.attribute] = value
        elif field.name in tree:
            kept[field.attribute] = _kept(value, tree[field.name])
    return type(part)(**kept)


def _kept(value: Any, tree: Tree | None) -> Any:
    if tree is None or value is None:
        return value
    if isinstance(value, list):
        return [_pruned(one, tree) for one in value]
    if isinstance(value, dict):
        return {key: amount for key, amount in value.items() if key in tree}
    return _pruned(value, tree)

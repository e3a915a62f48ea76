"""What `costwire topology` asks for, and what it shows of the answer; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from costwire_cli.figures import UNKNOWN
from costwire_cli.outline import Fact, Item, Mood
from costwire_cli.topology_arguments import DEPTHS
from costwire_cli.topology_costs import Costs
from costwire_cli.topology_facts import (
    by_phase,
    capacity,
    is_over,
    is_ready,
    phase,
    ready_nodes,
    ready_pods,
    restarts,
    room_for_pods,
    status,
    usage,
)

Json = Mapping[str, Any]
_COMPLETE = 100
_REASONS = 3
_NO_NAMESPACE, _NO_WORKLOAD = "(no namespace)", "(no workload)"
_FIELDS = {
    "clusters": "name,uid,nodes.conditions.Ready,nodes.unschedulable,nodes.capacity,nodes.usage,"
    "pods.node,pods.phase",
    "nodes": "nodes.uid",
    "namespaces": "namespaces.phase",
    "workloads": "workloads.desired,workloads.ready,workloads.owner,pods.owner",
    "pods": "pods.ready,pods.usage",
    "containers": "pods.containers",
}
"""What each depth adds to what is read."""


def question(depth: str) -> dict[str, str]:
    """The parameters of `GET /v1/topology` that ask for what is shown, and for little else.

    Pods are counted at any depth.
    """
    fields = ",".join(filter(None, (_FIELDS[one] for one in _down_to(depth))))
    return {"depth": depth if depth == DEPTHS[-1] else "pods", "fields": fields}


def _down_to(depth: str) -> Sequence[str]:
    return DEPTHS[: DEPTHS.index(depth) + 1]


def is_complete(document: Json) -> bool:
    """Whether everything was told that the aggregator asked for."""
    return bool(document["completeness"]["percent"] >= _COMPLETE)


def missing(document: Json) -> str:
    """The upstreams that did not tell everything, and what is wrong there."""
    return ", ".join(f"{one['name']} ({one['state']})" for one in _incomplete(document))


def _incomplete(document: Json) -> Sequence[Json]:
    upstreams = document["completeness"]["upstreams"]
    return [one for one in upstreams if one["metricsComplete"] < one["metricsAsked"]]


def not_found(document: Json, wanted: Iterable[str]) -> Sequence[str]:
    """The clusters that were asked for, and that are not there."""
    ways = ("key", "name", "uid")
    known = {cluster.get(way) for cluster in document["clusters"] for way in ways}
    return [name for name in wanted if name not in known]


def topology_view(document: Json, depth: str, namespaces: Sequence[str] = ()) -> Item:
    """The whole: how complete it is, each cluster, the bill, and last what is missing.

    `namespaces`: those that the document was asked for, if not for all.
    """
    costs = Costs(document)
    clusters = [
        _Cluster(one, depth, bool(namespaces), costs).item() for one in document["clusters"]
    ]
    upstreams = map(_upstream, _incomplete(document))
    unused = _unused(document.get("notes", ()))
    parts = [*clusters, *costs.bill(), *upstreams, *unused]
    return Item("topology", (), [*_about(document, namespaces)], parts)


def _about(document: Json, namespaces: Sequence[str]) -> Iterator[Fact]:
    completeness = document["completeness"]
    yield Fact("at", completeness["at"])
    mood = Mood.GOOD if is_complete(document) else Mood.BAD
    yield Fact("complete", f"{completeness['percent']:g} %", mood)
    if names := missing(document):
        yield Fact("missing", names, Mood.BAD)
    if namespaces:
        yield Fact("namespaces", ", ".join(namespaces))
    yield Fact("clusters", str(len(document["clusters"])))


def _upstream(upstream: Json) -> Item:
    metrics = f"{upstream['metricsComplete']}/{upstream['metricsAsked']}"
    facts = [Fact("state", upstream["state"], Mood.BAD), Fact("metrics", metrics)]
    reasons = upstream["reasons"]
    told = "; ".join(reasons[:_REASONS])
    if more := len(reasons[_REASONS:]):
        told += f"; and {more} more"
    return Item(
        "upstream", (upstream["name"],), [*facts, *([Fact("reason", told)] if told else [])]
    )


def _unused(notes: Sequence[Json]) -> Iterator[Item]:
    """How many series could not be used, or not wholly."""
    if notes:
        metrics = len({note["metric"] for note in notes})
        series = sum(note["series"] for note in notes)
        yield Item("unused", (), [Fact("series", str(series)), Fact("metrics", str(metrics))])


class _Cluster:
    """One cluster; `is_narrowed`: it tells of some namespaces only."""

    def __init__(self, cluster: Json, depth: str, is_narrowed: bool, costs: Costs) -> None:
        self._cluster = cluster
        self._costs = costs
        self._shows = _down_to(depth)
        self._nodes: Sequence[Json] = cluster.get("nodes", ())
        self._pods: Sequence[Json] = cluster.get("pods", ())
        self._is_narrowed = is_narrowed
        self._tells_of_pods = bool(self._pods) or is_narrowed
        """Else its series are missing, rather than its pods."""

    def item(self) -> Item:
        """It, and what is within it."""
        pods = by_phase(self._pods) if self._tells_of_pods else Fact("pods", UNKNOWN)
        parts: list[Item] = []
        if "nodes" in self._shows:
            parts += self._of_nodes()
        if "namespaces" in self._shows:
            parts += self._of_namespaces()
        facts = [ready_nodes(self._nodes), *capacity(self._nodes), pods]
        costs = self._costs.of_cluster(self._cluster["key"])
        return self._item("cluster", (), [*facts, *costs], parts)

    def _item(
        self, kind: str, path: Sequence[str], facts: Sequence[Fact], parts: Sequence[Item] = ()
    ) -> Item:
        return Item(kind, (self._cluster["key"], *path), facts, parts)

    def _of_nodes(self) -> Iterator[Item]:
        there = Counter(pod.get("node") for pod in self._pods if not is_over(pod))
        for node in self._nodes:
            name = node["name"]
            pods = str(there[name]) if self._tells_of_pods else UNKNOWN
            if not self._is_narrowed:
                pods += f"/{room_for_pods(node)}"
            facts = [status(node), *capacity([node]), Fact("pods", pods)]
            costs = self._costs.of_node(self._cluster["key"], node)
            yield self._item("node", (name,), [*facts, *costs])

    def _of_namespaces(self) -> Iterator[Item]:
        told = {one["name"]: one for one in self._cluster.get("namespaces", ())}
        works = _grouped(self._cluster.get("workloads", ()), _namespace)
        pods = _grouped(self._pods, _namespace)
        for name in sorted({*told, *works, *pods}):
            path = (name or _NO_NAMESPACE,)
            phase_of_it = Fact("phase", told.get(name, {}).get("phase", UNKNOWN))
            facts = [phase_of_it, by_phase(pods[name])]
            parts: list[Item] = []
            if "workloads" in self._shows:
                parts += self._of_namespace(path, works[name], pods[name])
            yield self._item("namespace", path, facts, parts)

    def _of_namespace(
        self, path: Sequence[str], works: Sequence[Json], pods: Sequence[Json]
    ) -> Iterator[Item]:
        owned = _grouped(pods, _owner)
        for work in works:
            pods_of_it = owned.pop(_kind_and_name(work), [])
            facts = [ready_pods(work), by_phase(pods_of_it)]
            if owner := _owner(work):
                facts.append(Fact("owner", owner))
            yield self._workload(path, _kind_and_name(work), facts, pods_of_it)
        if others := [pod for pod in pods if _owner(pod) in owned]:
            yield self._workload(path, _NO_WORKLOAD, [by_phase(others)], others)

    def _workload(
        self, path: Sequence[str], name: str, facts: Sequence[Fact], pods: Sequence[Json]
    ) -> Item:
        parts = [self._pod(path, pod) for pod in pods] if "pods" in self._shows else []
        return self._item("workload", (*path, name), facts, parts)

    def _pod(self, namespace: Sequence[str], pod: Json) -> Item:
        path = (*namespace, pod["name"])
        node = Fact("node", pod.get("node", UNKNOWN))
        facts = [phase(pod), is_ready(pod, should_be=not is_over(pod)), node, *usage(pod)]
        parts = self._of_pod(path, pod) if "containers" in self._shows else []
        return self._item("pod", path, facts, [*parts])

    def _of_pod(self, path: Sequence[str], pod: Json) -> Iterator[Item]:
        for one in pod.get("containers", ()):
            ready = is_ready(one, should_be=not is_over(pod))
            image = Fact("image", one.get("image", UNKNOWN))
            facts = [ready, restarts(one), *usage(one), image]
            yield self._item("container", (*path, one["name"]), facts)


def _grouped(things: Iterable[Json], by: Callable[[Json], str]) -> defaultdict[str, list[Json]]:
    groups: defaultdict[str, list[Json]] = defaultdict(list)
    for thing in things:
        groups[by(thing)].append(thing)
    return groups


def _namespace(thing: Json) -> str:
    return str(thing["namespace"])


def _kind_and_name(thing: Json) -> str:
    return f"{thing['kind']}/{thing['name']}"


def _owner(thing: Json) -> str:
    owner = thing.get("owner")
    return _kind_and_name(owner) if owner else ""

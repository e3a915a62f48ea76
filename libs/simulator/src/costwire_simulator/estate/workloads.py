"""What runs on the nodes of a cluster: so many pods on each, of workloads that teams would have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from costwire_simulator.estate.clouds import Cloud
from costwire_simulator.estate.draws import between, pick, share
from costwire_simulator.estate.model import Container, Kind, Node, Slot, Workload

TEAMS = ("checkout", "search", "data-platform", "mobile", "billing", "ml-research", "core-infra")
_ROLES: tuple[tuple[str, Kind], ...] = (
    ("api", "Deployment"),
    ("web", "Deployment"),
    ("cache", "StatefulSet"),
    ("worker", "Deployment"),
    ("gateway", "Deployment"),
    ("db", "StatefulSet"),
    ("report", "CronJob"),
)
_DAEMONS = (
    ("kube-system", "kube-proxy"),
    ("monitoring", "node-exporter"),
    ("kube-system", "csi-node"),
    ("logging", "fluent-bit"),
)
_SYSTEM: tuple[tuple[str, str, Kind, int], ...] = (
    ("kube-system", "coredns", "Deployment", 2),
    ("monitoring", "kube-state-metrics", "Deployment", 1),
    ("monitoring", "prometheus-k8s", "StatefulSet", 1),
)
_SIDECARS = ("proxy", "metrics", "config-reloader", "log-shipper", "vault-agent")
_USED_CORES, _USED_MEMORY = 0.6, 0.6
"""The part of a node that its pods ask for together, on average."""
_HOUR, _DAY, _MIB = 3_600.0, 86_400.0, 1 << 20
_CRASHING = 0.004

_Plan = tuple[str, str, Kind, int]
"""Namespace, name, kind and how many pods."""


def slots(
    cloud: Cloud, nodes: Sequence[Node], pods: int, containers: int, seed: str
) -> Sequence[Slot]:
    """As many on each node as `pods` says, each for `containers` containers."""
    make = _Maker(cloud, pods * containers, containers, seed)
    daemons = _DAEMONS[: min(len(_DAEMONS), pods // 3)]
    found: list[Slot] = []
    for namespace, name in daemons:
        workload = make.workload(namespace, name, "DaemonSet")
        found += [make.slot(workload, node.number, node) for node in nodes]
    left = (pods - len(daemons)) * len(nodes)
    placed = 0
    for namespace, name, kind, count in _plans(seed, with_system=left >= 10):
        workload = make.workload(namespace, name, kind)
        for number in range(min(count, left - placed)):
            found.append(make.slot(workload, number, nodes[placed % len(nodes)]))
            placed += 1
        if placed == left:
            break
    return found


def _plans(seed: str, *, with_system: bool) -> Iterator[_Plan]:
    """Without an end: teams get further namespaces when they have all roles."""
    if with_system:
        yield from _SYSTEM
    turn = 0
    while True:
        for team in TEAMS:
            namespace = f"{team}-{turn + 1}" if turn else team
            for role, kind in _ROLES:
                replicas = {"CronJob": 1, "StatefulSet": 2}.get(kind)
                yield namespace, role, kind, replicas or pick((1, 2, 3, 5), seed, namespace, role)
        turn += 1


class _Maker:
    """Makes what depends on a cluster's nodes."""

    def __init__(self, cloud: Cloud, on_node: int, containers: int, seed: str) -> None:
        """`on_node`: how many containers a node has."""
        self._cores = cloud.cores * _USED_CORES / on_node
        self._memory = cloud.memory * _USED_MEMORY / on_node
        self._containers = containers
        self._seed = seed
        self._on_nodes: Counter[int] = Counter()

    def workload(self, namespace: str, name: str, kind: Kind) -> Workload:
        of = (self._seed, namespace, name)
        period = between(4 * _DAY, 20 * _DAY, *of, "period")
        if kind == "CronJob":
            period = pick((_HOUR, 6 * _HOUR, _DAY), *of, "schedule")
        names = [name, *_SIDECARS, *(f"sidecar-{number}" for number in range(self._containers))]
        return Workload(
            kind=kind,
            namespace=namespace,
            name=name,
            containers=tuple(
                self._container(namespace, one, *of) for one in names[: self._containers]
            ),
            period=period,
            offset=0.0 if kind == "CronJob" else between(0, period, *of, "offset"),
        )

    def _container(self, namespace: str, name: str, *of: object) -> Container:
        of = (*of, name)
        weight = pick((0.5, 0.75, 1.0, 1.25, 1.5), *of, "weight")
        cpu = max(1, round(self._cores * weight * 1000)) / 1000
        memory = max(1, round(self._memory * weight / _MIB)) * _MIB
        return Container(
            name=name,
            image=f"registry.example.com/{namespace}/{name}",
            cpu_request=cpu,
            memory_request=memory,
            cpu_limit=round(cpu * 4, 3) if share(*of, "limited") < 0.4 else None,
            memory_limit=memory * 2 if share(*of, "bounded") < 0.8 else None,
        )

    def slot(self, workload: Workload, number: int, node: Node) -> Slot:
        of = (self._seed, workload.namespace, workload.name, number)
        period = between(12 * _HOUR, 6 * _DAY, *of, "period")
        slot = Slot(
            workload=workload,
            number=number,
            node=node,
            index=self._on_nodes[node.number],
            period=period,
            offset=between(0, period, *of, "offset"),
            start_seconds=between(3, 40, *of, "start"),
            crashes=workload.kind == "Deployment" and share(*of, "crashes") < _CRASHING,
            load=tuple(between(0.2, 0.7, *of, each.name) for each in workload.containers),
        )
        self._on_nodes[node.number] += 1
        return slot

"""Which cluster a series tells of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from costwire_aggregator.icos.agents import NUVLA, Agents
from costwire_aggregator.icos.families import AGENTS, CLUSTER_NAMES
from costwire_aggregator.icos.places import OWN_CLUSTER
from costwire_aggregator.samples import Families, Labels
from costwire_aggregator.topology.flavours.rules import ByAgents, ByLabels, Flavour
from costwire_aggregator.topology.readers import reader


class Identity(NamedTuple):
    """What a series says of its cluster; name or uid may be empty, not both."""

    name: str
    uid: str
    kind: str = ""
    """Keeps clusters apart whose names mean different things."""
    host: str = ""
    """Where each host is an orchestrator of its own: which."""


class ClusterKey(NamedTuple):
    """Which cluster it is: by its uid, or where none is told by its name."""

    kind: str
    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class Identifying:
    """How the series of one upstream say which cluster they are of."""

    labels: tuple[str, ...]
    identity: Callable[[Labels], Identity | None]
    """What these labels mean; None where they mean no cluster."""


def identifying(flavour: Flavour, upstream: str, families: Families) -> Identifying:
    """How one upstream's series do it."""
    if isinstance(flavour.clusters, ByAgents):
        return _by_agents(families)
    return _by_labels(flavour.clusters, upstream)


def _by_labels(clusters: ByLabels, upstream: str) -> Identifying:
    read_name = reader(clusters.name)
    read_uid = reader(clusters.uid) if clusters.uid else (lambda _: "")

    def identity(labels: Labels) -> Identity:
        name, uid = read_name(labels), read_uid(labels)
        return Identity(name if name or uid else upstream, uid)

    return Identifying((*clusters.name, *clusters.uid), identity)


def _by_agents(families: Families) -> Identifying:
    agents = Agents(families.get(AGENTS, ()))
    names: dict[str, str] = {}
    for labels, _ in families.get(CLUSTER_NAMES, ()):
        uid = labels.get("k8s_cluster_uid", "")
        names[uid] = max(names.get(uid, ""), labels.get("name", ""))

    def identity(labels: Labels) -> Identity | None:
        host, uid = labels.get("icos_host_name", ""), labels.get("k8s_cluster_uid", "")
        if uid == OWN_CLUSTER:
            return Identity("", uid, OWN_CLUSTER)
        if (agent := agents.nuvla(host)) is not None:
            return Identity(agent.name or agent.id or agent.host, "", NUVLA, host)
        return Identity(names.get(uid, ""), uid) if agents.is_ocm(uid) else None

    return Identifying(("icos_host_name", "k8s_cluster_uid"), identity)


class Registry:
    """The names and uids of all clusters, whoever told them."""

    def __init__(self, identities: Iterable[Identity]) -> None:
        self._uids: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for identity in identities:
            if identity.uid:
                self._uids[identity.kind, identity.name].add(identity.uid)
                self._names[identity.kind, identity.uid].add(identity.name)

    def key(self, identity: Identity) -> ClusterKey | None:
        """The one cluster it means; None where its name is that of several."""
        if identity.uid:
            return ClusterKey(identity.kind, identity.uid, "")
        uids = self._uids.get((identity.kind, identity.name), set())
        if not uids:
            return ClusterKey(identity.kind, "", identity.name)
        return ClusterKey(identity.kind, min(uids), "") if len(uids) == 1 else None

    def name(self, key: ClusterKey) -> str:
        """What the cluster is called; empty where nothing tells."""
        return key.name or max(self._names.get((key.kind, key.uid), {""}))

"""The registry of agents: which cluster a host, or a cluster's id, belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from costwire_aggregator.samples import Sample

NUVLA, OCM = "nuvla", "ocm"


@dataclass(frozen=True, order=True, slots=True)
class Agent:
    """What runs the workloads of one host (Nuvla), or of one cluster (OCM)."""

    id: str
    type: str
    name: str
    cluster_uid: str
    host: str


class Agents:
    """All agents; of several that fit, the one with the least id."""

    def __init__(self, samples: Iterable[Sample], *, as_original: bool = False) -> None:
        """`as_original`: the last one of an id tells, and one without a host is of such hosts."""
        told = [*map(_agent, samples)]
        agents = {agent.id: agent for agent in told}.values() if as_original else {*told}
        self._nuvla: dict[str, Agent] = {}
        self._of_host: dict[str, Agent] = {}
        self._ocm: set[str] = set()
        for agent in sorted(agents):
            if agent.host or as_original:
                self._of_host.setdefault(agent.host, agent)
                if agent.type == NUVLA:
                    self._nuvla.setdefault(agent.host, agent)
            if agent.type == OCM and (agent.cluster_uid or as_original):
                self._ocm.add(agent.cluster_uid)

    def nuvla(self, host: str) -> Agent | None:
        """The Nuvla agent of a host."""
        return self._nuvla.get(host)

    def of_host(self, host: str) -> Agent | None:
        """The agent of a host, of whatever type."""
        return self._of_host.get(host)

    def is_ocm(self, cluster_uid: str) -> bool:
        """Whether an OCM agent tells of this cluster."""
        return cluster_uid in self._ocm


def _agent(sample: Sample) -> Agent:
    told = sample.labels.get
    return Agent(
        id=told("agent_id", ""),
        type=told("type", ""),
        name=told("agent_name", ""),
        cluster_uid=told("k8s_cluster_uid", ""),
        host=told("icos_host_name", ""),
    )

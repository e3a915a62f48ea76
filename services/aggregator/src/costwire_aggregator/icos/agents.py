"""The registry of agents: which cluster a host, or a cluster's id, belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from costwire_aggregator.samples import Sample

AGENTS = "tlum_orch_info"
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

    def __init__(self, samples: Iterable[Sample], *, empty_matches: bool = False) -> None:
        """`empty_matches`: an agent without a host's name is that of hosts without one.

        Of series with one id the last one tells, of those in any order the largest.
        """
        agents = [*map(_agent, samples)]
        by_id = {agent.id: agent for agent in (agents if empty_matches else sorted(agents))}
        self._nuvla: dict[str, Agent] = {}
        self._of_host: dict[str, Agent] = {}
        self._ocm: set[str] = set()
        for _, agent in sorted(by_id.items()):
            if agent.host or empty_matches:
                self._of_host.setdefault(agent.host, agent)
                if agent.type == NUVLA:
                    self._nuvla.setdefault(agent.host, agent)
            if agent.type == OCM and (agent.cluster_uid or empty_matches):
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

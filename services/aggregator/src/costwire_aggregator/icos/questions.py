"""What an upstream is asked for the ICOS document; what the original joins there is joined here."""

from __future__ import annotations

from costwire_aggregator.icos import families as of
from costwire_aggregator.questions import TIMES, of_families

NODES = of_families(
    "nodes",
    (
        of.AGENTS,
        of.CLUSTER_NAMES,
        of.NODES,
        of.SCORES,
        of.VULNERABILITIES,
        of.CAPACITY,
        of.FREQUENCY,
        of.TEMPERATURE,
        of.ENERGY,
        of.FREE_MEMORY,
        of.DEVICES,
    ),
    matchers='resource=~"cpu|memory|"',
)
NETWORK = of_families("network", (of.INTERFACES, of.INTERFACES_UP, of.ADDRESSES, of.SPEEDS))
PODS = of_families("pods", (of.PODS,))
PHASES = of_families("phases", (of.PHASES,), holding=True)
CONTAINERS = of_families("containers", (of.CONTAINERS, of.CONTAINER_CPU))
ALL = (TIMES, NODES, NETWORK, PODS, PHASES, CONTAINERS)

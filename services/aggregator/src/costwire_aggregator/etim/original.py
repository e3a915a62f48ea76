"""What the original tells by gRPC: `ICOS_COMPAT=strict`.

It knows the labels `cluster` and `node` alone, missing or not, and fills memory alone. Its order is
random; here it is that of clusters and ids.
"""

from __future__ import annotations

from costwire_aggregator.etim.families import MEMORY_AVAILABLE, MEMORY_TOTAL, NODES
from costwire_aggregator.etim.model import EtimNode, Resources
from costwire_aggregator.icos.original import OriginalValues
from costwire_aggregator.icos.places import NOBODYS
from costwire_aggregator.icos.values import LeftOut
from costwire_aggregator.samples import Families, Labels

_Key = tuple[str, str]
"""Cluster and node."""


class OriginalFold:
    """One answer in the making, faults included."""

    def __init__(self, families: Families) -> None:
        self.left_out: LeftOut = LeftOut()
        """How many series of a family were not used, by the reason."""
        self._families = families
        self._values = OriginalValues(self.left_out)
        self._machines: dict[_Key, str] = {}

    def nodes(self) -> list[EtimNode]:
        """Fold everything, once."""
        for labels, _ in self._families.get(NODES, ()):
            self._machines[_key(labels)] = labels.get("machine", "")
        total, available = self._memory(MEMORY_TOTAL), self._memory(MEMORY_AVAILABLE)
        return [
            EtimNode(
                cluster=key[0],
                id=key[1],
                cpu_architecture=machine,
                resources=Resources(memory_bytes=total.get(key, 0)),
                available_resources=Resources(memory_bytes=available.get(key, 0)),
            )
            for key, machine in sorted(self._machines.items())
        ]

    def _memory(self, family: str) -> dict[_Key, int]:
        """Bytes of the nodes that are known; of several series the last one's."""
        told = {}
        for sample in self._families.get(family, ()):
            key = _key(sample.labels)
            if key in self._machines:
                told[key] = self._values.whole(sample, family, 64) or 0
            else:
                self.left_out[family, NOBODYS] += 1
        return told


def _key(labels: Labels) -> _Key:
    return labels.get("cluster", ""), labels.get("node", "")

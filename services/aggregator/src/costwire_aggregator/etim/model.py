"""What the gRPC answer is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """What a node has; 0 is also what nobody tells."""

    milli_cpu: int = 0
    """Thousandths of a core."""
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class EtimNode:
    """A compute node of a cluster."""

    cluster: str
    """Not written, but for the label that tells it."""
    id: str
    cpu_architecture: str = ""
    resources: Resources = Resources()
    available_resources: Resources = Resources()
    """Free to allocate."""
    labels: tuple[str, ...] = ()
    """Each is `name=value`, in the order of the alphabet."""

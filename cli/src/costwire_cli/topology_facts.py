"""What is told of one node, pod or container, or of several together; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from costwire_cli.figures import (
    UNKNOWN,
    Amount,
    bytes_of_capacity,
    bytes_shown,
    of_capacity,
    total,
)
from costwire_cli.outline import Fact, Mood

Json = Mapping[str, Any]
_NEARLY_FULL = 0.8
_CORDONED = "SchedulingDisabled"
_STATUS = {
    "True": ("Ready", Mood.GOOD),
    "False": ("NotReady", Mood.BAD),
    "Unknown": ("Unknown", Mood.BAD),
}
"""By the condition `Ready`, in the words of kubectl."""
_IS_READY = {"True": 1, "False": 0, "Unknown": 0}
_PHASES = {
    "Running": Mood.GOOD,
    "Pending": Mood.POOR,
    "Succeeded": Mood.PLAIN,
    "Failed": Mood.BAD,
    "Unknown": Mood.BAD,
}
_NO_PHASE = "without phase"


def is_over(pod: Json) -> bool:
    """Whether it takes no room on its node any more."""
    return pod.get("phase") in ("Succeeded", "Failed")


def status(node: Json) -> Fact:
    """Whether a node takes pods."""
    told, mood = _STATUS.get(_ready(node), (UNKNOWN, Mood.POOR))
    if node.get("unschedulable"):
        told, mood = f"{told},{_CORDONED}", Mood.POOR if mood is Mood.GOOD else mood
    return Fact("status", told, mood)


def ready_nodes(nodes: Sequence[Json]) -> Fact:
    """How many of several nodes are ready."""
    ready = total(_IS_READY.get(_ready(node)) for node in nodes)
    return _all_ready(ready, Amount(len(nodes) or None))


def _ready(node: Json) -> str:
    return str(node.get("conditions", {}).get("Ready", ""))


def capacity(nodes: Sequence[Json]) -> Iterator[Fact]:
    """What is used of the CPU and the memory of nodes."""
    for name, shown in (("cpu", of_capacity), ("memory", bytes_of_capacity)):
        used, whole = (
            total(_amount(node, of, name) for node in nodes) for of in ("usage", "capacity")
        )
        share = (used.value or 0) / whole.value if whole.value else 0
        yield Fact(name, shown(used, whole), Mood.POOR if share >= _NEARLY_FULL else Mood.PLAIN)


def usage(thing: Json) -> Iterator[Fact]:
    """What a pod or a container uses of CPU and memory."""
    cpu, memory = (Amount(_amount(thing, "usage", name)) for name in ("cpu", "memory"))
    yield Fact("cpu", cpu.shown())
    yield Fact("memory", bytes_shown(memory))


def room_for_pods(node: Json) -> str:
    """How many pods a node takes."""
    return Amount(_amount(node, "capacity", "pods")).shown()


def _amount(thing: Json, of: str, name: str) -> float | None:
    amount: float | None = thing.get(of, {}).get(name)
    return amount


def phase(pod: Json) -> Fact:
    """Where in its life a pod is."""
    told = pod.get("phase")
    return Fact("phase", told or UNKNOWN, _PHASES.get(told or "", Mood.POOR))


def by_phase(pods: Sequence[Json]) -> Fact:
    """How many pods there are, in all and in each phase."""
    counts = Counter(pod.get("phase") or _NO_PHASE for pod in pods)
    phases = sorted(counts, key=_rank)
    told = ", ".join(f"{counts[name]} {name}" for name in phases)
    moods = [_PHASES.get(name, Mood.POOR) for name in phases]
    worst = next((mood for mood in (Mood.BAD, Mood.POOR) if mood in moods), Mood.PLAIN)
    return Fact("pods", f"{len(pods)} ({told})" if told else "0", worst)


def _rank(name: str) -> tuple[int, str]:
    known = [*_PHASES]
    return known.index(name) if name in known else len(known), name


def is_ready(thing: Json, *, should_be: bool) -> Fact:
    """Whether a pod or a container is ready."""
    told = thing.get("ready")
    if told is None:
        return Fact("ready", UNKNOWN)
    mood = Mood.PLAIN if told or not should_be else Mood.POOR
    return Fact("ready", "yes" if told else "no", mood)


def ready_pods(workload: Json) -> Fact:
    """How many pods of a workload are ready, of how many."""
    return _all_ready(Amount(workload.get("ready")), Amount(workload.get("desired")))


def _all_ready(ready: Amount, wanted: Amount) -> Fact:
    mood = Mood.GOOD if ready == wanted else Mood.POOR
    return Fact("ready", of_capacity(ready, wanted), Mood.PLAIN if ready.value is None else mood)


def restarts(container: Json) -> Fact:
    """How often a container was begun anew."""
    count = Amount(container.get("restarts"))
    return Fact("restarts", count.shown(), Mood.POOR if count.value else Mood.PLAIN)

"""Pods as time goes."""

from __future__ import annotations

from tests.unit.simulator.asking import NOW

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.pods import jobs, pods, replica_sets

_HOUR = 3_600.0
CLUSTER = make_estate(Size(1, 20, 20, 2)).clusters[0]


def test_pods_are_replaced_slowly() -> None:
    now = {pod.uid for pod in pods(CLUSTER, NOW)}
    soon = {pod.uid for pod in pods(CLUSTER, NOW + 60)}
    later = {pod.uid for pod in pods(CLUSTER, NOW + 24 * _HOUR)}
    assert len(now - soon) <= len(now) // 20
    assert len(now) // 5 < len(now - later) < len(now)


def test_pods_are_younger_than_the_question() -> None:
    for at in (0.0, 1e9, NOW, NOW + 1e7):
        assert all(pod.created <= at for pod in pods(CLUSTER, at))


def test_a_pod_waits_runs_and_is_ready_then() -> None:
    (pod, *_) = [pod for pod in pods(CLUSTER, NOW) if pod.owner_kind == "ReplicaSet"]
    slot, seen = pod.slot, []
    for age in (0.1, slot.start_seconds + 0.1, slot.start_seconds + 20):
        (one,) = pods(CLUSTER, pod.created + age, [slot])
        assert one.uid == pod.uid
        seen.append((one.phase, one.is_ready))
    assert seen == [("Pending", False), ("Running", False), ("Running", not slot.crashes)]


def test_a_pod_that_crashes_is_never_ready_and_starts_again_and_again() -> None:
    (cluster,) = make_estate(Size(1, 60, 20, 1)).clusters
    slots = [slot for slot in cluster.slots if slot.crashes]
    assert 0 < len(slots) < len(cluster.slots) / 50
    for pod in pods(cluster, NOW, slots):
        (young,) = pods(cluster, pod.started + 400, [pod.slot])
        (older,) = pods(cluster, pod.started + 700, [pod.slot])
        assert (
            (young.is_ready, young.restarts) == (older.is_ready, older.restarts - 1) == (False, 1)
        )


def test_a_run_of_a_cronjob_ends() -> None:
    (pod, *_) = [pod for pod in pods(CLUSTER, NOW) if pod.owner_kind == "Job"]
    phases = [pods(CLUSTER, pod.created + age, [pod.slot])[0].phase for age in (1, 60, 600)]
    assert phases == ["Pending", "Running", "Succeeded"]


def test_owners_are_there() -> None:
    owners = {(one.namespace, name) for one, name, _ in replica_sets(CLUSTER, NOW)}
    owners |= {(one.namespace, name) for one, name in jobs(CLUSTER, NOW)}
    for pod in pods(CLUSTER, NOW):
        workload = pod.slot.workload
        if pod.owner_kind in ("ReplicaSet", "Job"):
            assert (workload.namespace, pod.owner_name) in owners
            assert pod.owner_name.startswith(f"{workload.name}-")
        else:
            assert (pod.owner_kind, pod.owner_name) == (workload.kind, workload.name)


def test_a_deployment_has_one_replicaset_with_pods_and_some_without() -> None:
    counts: dict[str, list[int]] = {}
    for workload, _, count in replica_sets(CLUSTER, NOW):
        counts.setdefault(f"{workload.namespace}/{workload.name}", []).append(count)
    for key, told in counts.items():
        assert told[0] > 0, key
        assert told[1:] == [0, 0], key


def test_containers_use_less_than_they_may() -> None:
    for pod in pods(CLUSTER, NOW):
        for number, container in enumerate(pod.slot.workload.containers):
            memory = pod.memory(number, CLUSTER.phase, NOW)
            assert 0 < memory < (container.memory_limit or 2 * container.memory_request)
            assert 0 < pod.cores(number, CLUSTER.phase, NOW) < container.cpu_request * 1.1

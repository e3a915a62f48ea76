"""What all exporters have in common, and what they tell of an estate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.prometheus import remarks_of_promtool
from tests.unit.simulator.asking import NOW

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import FLAVOURS, Cluster
from costwire_simulator.estate.pods import pods
from costwire_simulator.exporters.targets import cluster_targets, targets_of
from costwire_simulator.targets import Target
from costwire_simulator.upstream.labelling import Labelling
from costwire_simulator.upstream.reading import read_text

ESTATE = make_estate(Size(4, 2, 6, 2), flavours=FLAVOURS)
ONE_OF_EACH = {target.job: target for target in targets_of(ESTATE)}
each = pytest.mark.parametrize("target", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
_NAMES_OF_REAL_EXPORTERS = ("MemFree", "MemTotal", "MemAvailable", "scaph_host_energy", "SCA_score")


def samples(target: Target, at: float = NOW) -> Series:
    """Values by name and labels, as the reference library reads them."""
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(target.render(at).decode())
        for one in family.samples
    }


def of_family(series: Series, name: str) -> Iterator[tuple[dict[str, str], float]]:
    return ((dict(labels), value) for (one, labels), value in series.items() if one == name)


@each
def test_prometheus_has_no_complaint_of_its_text(target: Target) -> None:
    remarks = remarks_of_promtool(target.render(NOW))
    assert [
        one for one in remarks if not any(name in one for name in _NAMES_OF_REAL_EXPORTERS)
    ] == []


@each
def test_our_reader_and_the_reference_library_read_the_same(target: Target) -> None:
    series, values = read_text(target.render(NOW).decode())
    found = Labelling({"job": "j"}, honor=True).labels(series)
    ours = {
        (
            labels["__name__"],
            frozenset(
                (name, text) for name, text in labels.items() if name not in ("__name__", "job")
            ),
        ): value
        for labels, value in zip(found, values, strict=True)
    }
    reference = {
        (name, frozenset((label, text) for label, text in labels if text)): value
        for (name, labels), value in samples(target).items()
    }
    assert ours == reference


@each
def test_counters_never_fall_within_an_hour_but_by_a_new_start(target: Target) -> None:
    kinds = {
        sample.name: family.type
        for family in text_string_to_metric_families(target.render(NOW).decode())
        for sample in family.samples
    }
    before, after = samples(target, NOW), samples(target, NOW + 3_600)
    counters = [key for key in before.keys() & after.keys() if kinds[key[0]] == "counter"]
    fallen = [key for key in counters if after[key] < before[key]]
    risen = [key for key in counters if after[key] > before[key]]
    assert fallen == []
    assert target.job == "kube-state-metrics" or len(risen) > len(counters) / 3


@each
def test_the_same_time_has_the_same_text(target: Target) -> None:
    assert target.render(NOW + 5) == target.render(NOW + 5)
    assert target.render(NOW + 5) != target.render(NOW + 86_400)


def of_host(cluster: Cluster, name: str) -> Target:
    """The node exporter of a machine."""
    (target,) = [
        target for target in cluster_targets(cluster) if f"/{name}/node-exporter" in target.path
    ]
    return target


def kubernetes() -> Cluster:
    return ESTATE.clusters[FLAVOURS.index("kubernetes")]


def test_kube_state_metrics_tells_every_object() -> None:
    cluster = kubernetes()
    series = samples(next(cluster_targets(cluster)))
    found = pods(cluster, NOW)
    assert {labels["node"] for labels, _ in of_family(series, "kube_node_info")} == {
        node.name for node in cluster.nodes
    }
    assert {labels["uid"] for labels, _ in of_family(series, "kube_pod_info")} == {
        pod.uid for pod in found
    }
    phases = [labels for labels, value in of_family(series, "kube_pod_status_phase") if value == 1]
    assert {(labels["pod"], labels["phase"]) for labels in phases} == {
        (pod.name, pod.phase) for pod in found
    }
    handles = {
        labels["csi_volume_handle"] for labels, _ in of_family(series, "kube_persistentvolume_info")
    }
    assert handles == {volume.disk.handle for volume in cluster.volumes}


def test_cadvisor_tells_of_containers_that_run_and_of_their_pods() -> None:
    cluster = kubernetes()
    target = next(one for one in cluster_targets(cluster) if one.job == "kubelet")
    series = samples(target)
    node = next(node for node in cluster.nodes if node.name == target.labels["node"])
    running = [pod for pod in pods(cluster, NOW, cluster.by_node[node.number]) if pod.runs]
    told = [*of_family(series, "container_memory_working_set_bytes")]
    for pod in running:
        of_pod = [(labels, value) for labels, value in told if labels["pod"] == pod.name]
        containers = {labels["container"]: value for labels, value in of_pod if labels["container"]}
        assert {*containers} == {one.name for one in pod.slot.workload.containers}
        (group,) = [value for labels, value in of_pod if not labels["name"]]
        assert group == sum(containers.values()) + 286_720
    assert {labels["pod"] for labels, _ in told} == {"", *(pod.name for pod in running)}


def test_a_machine_does_more_than_its_containers() -> None:
    cluster = kubernetes()
    for node in cluster.nodes:
        found = pods(cluster, NOW, cluster.by_node[node.number])
        memory = sum(
            pod.memory(number, cluster.phase, NOW) for pod in found if pod.runs for number in (0, 1)
        )
        (host,) = [
            one
            for one in cluster_targets(cluster)
            if one.path.endswith(f"{node.name}/node-exporter")
        ]
        told = samples(host)
        total = told["node_memory_MemTotal_bytes", frozenset()]
        available = told["node_memory_MemAvailable_bytes", frozenset()]
        assert memory < total - available < total
        seconds = sum(value for _, value in of_family(told, "node_cpu_seconds_total"))
        up = NOW - told["node_boot_time_seconds", frozenset()]
        assert seconds == pytest.approx(up * node.cores, rel=1e-3)


def test_disks_of_a_machine_are_those_of_its_pods_volumes() -> None:
    cluster = kubernetes()
    serials = set()
    for target in cluster_targets(cluster):
        if target.job == "node-exporter":
            serials |= {
                labels["serial"] for labels, _ in of_family(samples(target), "node_disk_info")
            }
    assert {volume.disk.serial for volume in cluster.volumes} < serials


def test_hosts_of_a_fleet_are_of_no_cluster() -> None:
    fleet, cluster = (
        samples(next(cluster_targets(ESTATE.clusters[FLAVOURS.index(flavour)])))
        for flavour in ("icos-fleet", "icos")
    )
    assert not [
        labels for labels, _ in of_family(fleet, "node_uname_info") if "k8s_cluster_uid" in labels
    ]
    assert all("k8s_cluster_uid" in labels for labels, _ in of_family(cluster, "node_uname_info"))
    (agent,) = [labels for labels, _ in of_family(cluster, "tlum_orch_info")]
    hosts_agents = {labels["icos_agent_id"] for labels, _ in of_family(cluster, "node_uname_info")}
    assert hosts_agents == {agent["agent_id"]}
    agents = [labels for labels, _ in of_family(fleet, "tlum_orch_info")]
    assert {labels["type"] for labels in agents} == {"nuvla"}
    hosts = {labels["icos_host_name"] for labels, _ in of_family(fleet, "node_uname_info")}
    assert {labels["icos_host_name"] for labels in agents} == hosts

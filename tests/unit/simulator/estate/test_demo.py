"""Clusters of the machines and disks of bills."""

from __future__ import annotations

import pytest

from costwire_focus.estates import Resource, demo_estate, generate, infrastructure
from costwire_simulator.estate.demo import demo_clusters
from costwire_simulator.estate.model import Cluster

BILLED = infrastructure(demo_estate())
CLUSTERS = {cluster.cloud: cluster for cluster in demo_clusters(BILLED).clusters}


@pytest.fixture(scope="module")
def charged() -> set[str]:
    """All ResourceIds that the demonstration's charges name."""
    return {
        cell
        for report in generate(demo_estate())
        for cell in report.charges["ResourceId"].unique().to_pylist()
        if cell is not None
    }


def billed_machine(cluster: Cluster, number: int) -> str:
    """The ResourceId that a bill has for a node, from what Kubernetes says of it."""
    node = cluster.nodes[number]
    if cluster.cloud == "azure":
        return node.provider_id.removeprefix("azure://").lower()
    end = node.provider_id.rpartition("/")[2]
    (machine,) = [
        one
        for one in BILLED
        if one.kind == "machine"
        and one.cloud == cluster.cloud
        and end in (one.resource_id.rpartition("/")[2], one.resource_name)
    ]
    return machine.resource_id


def billed_disk(cluster: Cluster, handle: str) -> str:
    if cluster.cloud == "azure":
        return handle.lower()
    ends = {"aws": f":volume/{handle}", "gcp": f"//compute.googleapis.com/{handle}"}
    (disk,) = [one for one in BILLED if one.resource_id.endswith(ends[cluster.cloud])]
    return disk.resource_id


def test_the_demonstration_has_three_clusters() -> None:
    assert [*CLUSTERS] == ["aws", "azure", "gcp"]
    assert all(len(cluster.nodes) >= 10 for cluster in CLUSTERS.values())
    assert all(cluster.volumes for cluster in CLUSTERS.values())


@pytest.mark.parametrize("cloud", CLUSTERS)
def test_every_node_and_volume_is_charged_for(cloud: str, charged: set[str]) -> None:
    cluster = CLUSTERS[cloud]
    machines = {billed_machine(cluster, number) for number in range(len(cluster.nodes))}
    assert len(machines) == len(cluster.nodes)
    assert machines <= charged
    disks = {billed_disk(cluster, volume.disk.handle) for volume in cluster.volumes}
    assert len(disks) == len(cluster.volumes)
    assert disks <= charged


def test_provider_ids_are_spelt_as_kubernetes_spells_them() -> None:
    told = {cloud: cluster.nodes[0].provider_id for cloud, cluster in CLUSTERS.items()}
    assert told["aws"].startswith("aws:///us-east-1")
    assert "/resourceGroups/" in told["azure"]
    assert "/providers/Microsoft.Compute/virtualMachines/" in told["azure"]
    assert told["gcp"].startswith("gce://")
    assert told["gcp"].endswith(f"/{CLUSTERS['gcp'].nodes[0].name}")


def test_volumes_stand_where_their_nodes_do() -> None:
    zones = {one.resource_id.rpartition("/")[2]: one.zone for one in BILLED if one.kind == "disk"}
    for slot, volume in CLUSTERS["aws"].volume_of.items():
        assert zones[volume.disk.handle] == slot.node.zone


def test_names_are_those_of_tags_or_of_clusters_on_the_bill() -> None:
    assert CLUSTERS["gcp"].name == "main"
    names = {one.resource_id.rpartition("/")[2] for one in BILLED if one.kind == "cluster"}
    assert CLUSTERS["aws"].name in names
    assert CLUSTERS["azure"].name in names


def a_machine(number: int, region: str) -> Resource:
    id = f"arn:aws:ec2:{region}:1:instance/i-{number}"
    return Resource("machine", "aws", id, None, "1", region, f"{region}a")


def test_the_region_with_most_machines_is_taken_and_flavours_as_told() -> None:
    machines = [a_machine(1, "eu-west-9"), *(a_machine(n, "xx-new-1") for n in (2, 3))]
    estate = demo_clusters(machines, flavours={"aws": "opentelemetry"}, pods=3, containers=1)
    (cluster,) = estate.clusters
    assert cluster.name == "aws-xx-new-1"
    assert cluster.flavour == "opentelemetry"
    assert [node.provider_id for node in cluster.nodes] == [
        "aws:///xx-new-1a/i-2",
        "aws:///xx-new-1a/i-3",
    ]
    assert len(cluster.slots) == 6


def test_bills_without_machines_make_no_clusters() -> None:
    assert demo_clusters([one for one in BILLED if one.kind == "disk"]).clusters == []

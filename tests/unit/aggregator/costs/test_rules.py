"""Rules: each joins what it is for, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.aggregator.costs.made_up import (
    a_bill,
    a_cluster,
    a_node,
    a_resource,
    a_topology,
)

from costwire_aggregator.costs.join import join
from costwire_aggregator.costs.model import Level, Match, Resource, Thing
from costwire_aggregator.costs.rules import CLUSTER_TAGS, RULES, rules, tag_keys
from costwire_aggregator.topology.model import Cluster, PersistentVolume

DOCS = Path(__file__).parents[4] / "docs" / "aggregator-costs.md"
NODE, VOLUME = Thing("shop", Level.NODE, "n1"), Thing("shop", Level.VOLUME, "pv-1")
CLUSTER = Thing("shop")
VM = "/subscriptions/0-1/resourcegroups/mc_shop/providers/microsoft.compute"
UUID = "4c4c4544-0042-4d10-8056-b4c04f333532"


def a_volume(handle: str | None = None, disk: str | None = None) -> PersistentVolume:
    return PersistentVolume("pv-1", handle=handle, disk=disk)


def joined(cluster: Cluster, resource: Resource) -> Match | None:
    """What becomes of a resource, beside a cluster that has nothing to do with it."""
    other = a_cluster("other", a_node("elsewhere", "aws:///x/i-00000000000000001"))
    report = join(a_topology(cluster, other), a_bill(resource))
    found = [
        match
        for costs in report.clusters
        for one in (costs.own, *costs.nodes, *costs.volumes)
        for match in one.matches
    ]
    return found[0] if found else None


CASES = {
    "instance of Amazon by its ARN": (
        a_cluster("shop", a_node("n1", "aws:///eu-west-1a/i-0123456789abcdef0")),
        a_resource("arn:aws:ec2:eu-west-1:1:instance/i-0123456789abcdef0"),
        ("provider-id", "i-0123456789abcdef0", NODE),
    ),
    "machine of Azure in any case": (
        a_cluster("shop", a_node("n1", f"azure://{VM.upper()}/virtualMachines/web-1")),
        a_resource(f"{VM}/virtualmachines/WEB-1"),
        ("provider-id", f"{VM}/virtualmachines/web-1", NODE),
    ),
    "instance of Google by numbers": (
        a_cluster("shop", a_node("n1", "gce://shop-1/europe-west1-b/gke-x")),
        a_resource(
            "//compute.googleapis.com/projects/40/zones/europe-west1-b/instances/7012",
            name="gke-x",
            account="shop-1",
        ),
        ("google-name", "projects/shop-1/zones/europe-west1-b/instances/gke-x", NODE),
    ),
    "server by what its firmware says": (
        a_cluster("shop", a_node("n1", system_uuid=UUID.upper())),
        a_resource(UUID),
        ("system-uuid", UUID, NODE),
    ),
    "disk by its driver's handle": (
        a_cluster("shop", volumes=[a_volume("vol-0123456789abcdef0")]),
        a_resource("arn:aws:ec2:eu-west-1:1:volume/vol-0123456789abcdef0"),
        ("volume", "vol-0123456789abcdef0", VOLUME),
    ),
    "disk without a driver": (
        a_cluster("shop", volumes=[a_volume(disk="aws://eu-west-1a/vol-0123456789abcdef0")]),
        a_resource("vol-0123456789abcdef0"),
        ("volume", "vol-0123456789abcdef0", VOLUME),
    ),
    "disk of Google by numbers": (
        a_cluster("shop", volumes=[a_volume("projects/shop-1/zones/z-b/disks/pvc-1")]),
        a_resource(
            "//compute.googleapis.com/projects/40/zones/z-b/disks/99",
            name="pvc-1",
            account="shop-1",
        ),
        ("google-disk", "projects/shop-1/zones/z-b/disks/pvc-1", VOLUME),
    ),
    "root disk by its serial": (
        a_cluster("shop", a_node("n1", serial="vol0123456789abcdef0")),
        a_resource("vol-0123456789abcdef0"),
        ("disk-serial", "vol-0123456789abcdef0", NODE),
    ),
    "scale set, however many machines it has": (
        a_cluster(
            "shop", a_node("n1", f"azure://{VM}/virtualMachineScaleSets/p/virtualMachines/0")
        ),
        a_resource(f"{VM}/virtualMachineScaleSets/p"),
        ("scale-set", f"{VM}/virtualmachinescalesets/p", CLUSTER),
    ),
    "control plane by the cluster's name": (
        a_cluster("shop"),
        a_resource("arn:aws:eks:eu-west-1:1:cluster/shop"),
        ("managed-cluster", "shop", CLUSTER),
    ),
    "control plane of a cluster that is called by its ARN": (
        Cluster("shop", "arn:aws:eks:eu-west-1:1:cluster/Prod"),
        a_resource("arn:aws:eks:eu-west-1:1:cluster/prod"),
        ("managed-cluster", "prod", CLUSTER),
    ),
    "tag with the cluster's uid": (
        a_cluster("shop", uid="5AC0-1"),
        a_resource("lb-1", tags={"k8s-cluster-name": "5ac0-1"}),
        ("cluster-tag", "5ac0-1", CLUSTER),
    ),
    "disk of Azure by its name": (
        a_cluster("shop", volumes=[a_volume(disk="kubernetes-dynamic-pvc-1")]),
        a_resource(f"{VM}/disks/Kubernetes-Dynamic-PVC-1"),
        ("disk-name", "kubernetes-dynamic-pvc-1", VOLUME),
    ),
    "disk of Google by its name": (
        a_cluster("shop", volumes=[a_volume(disk="mysql")]),
        a_resource("//compute.googleapis.com/projects/4/zones/z/disks/99", name="mysql"),
        ("disk-name", "mysql", VOLUME),
    ),
    "host by its name as an id": (
        a_cluster("shop", a_node("n1.example.com")),
        a_resource("N1.example.com"),
        ("host-name", "n1.example.com", Thing("shop", Level.NODE, "n1.example.com")),
    ),
    "host by the name of a resource": (
        a_cluster("shop", a_node("n1", host_name="rack-7")),
        a_resource("4711", name="rack-7"),
        ("host-name", "rack-7", NODE),
    ),
    "instance by its name, of a node without an id": (
        a_cluster("shop", a_node("n1")),
        a_resource("i-0123456789abcdef0", name="n1"),
        ("instance-name", "n1", NODE),
    ),
    **{
        f"tag {key}": (
            a_cluster("shop"),
            a_resource("arn:aws:elb:1", tags={key: "Shop"}),
            ("cluster-tag", "shop", CLUSTER),
        )
        for key in CLUSTER_TAGS[:-1]
    },
    "tag whose key is the name": (
        a_cluster("shop"),
        a_resource("arn:aws:elb:1", tags={"kubernetes.io/cluster/shop": "owned"}),
        ("cluster-tag", "shop", CLUSTER),
    ),
}


LEVELS = {expected[0]: expected[2].level.value for _, _, expected in CASES.values()}


@pytest.mark.parametrize("name", CASES)
def test_resource_is_joined_by_the_rule_that_is_for_it(name: str) -> None:
    cluster, resource, expected = CASES[name]
    match = joined(cluster, resource)
    assert match is not None
    assert (match.rule, match.value, match.thing) == expected


def test_each_rule_has_a_case_here() -> None:
    assert {rule.name for rule in RULES} == {expected[0] for _, _, expected in CASES.values()}


STRANGERS = {
    "instance of another id with the node's name": (
        a_cluster("shop", a_node("n1", "aws:///eu-west-1a/i-0123456789abcdef0")),
        a_resource("i-0123456789abcdef1", name="n1"),
    ),
    "instance of Google in another zone": (
        a_cluster("shop", a_node("n1", "gce://shop-1/europe-west1-b/gke-x")),
        a_resource(
            "//compute.googleapis.com/projects/40/zones/europe-west1-c/instances/7012",
            name="gke-x",
            account="shop-1",
        ),
    ),
    "instance of Google in another project": (
        a_cluster("shop", a_node("n1", "gce://shop-1/europe-west1-b/gke-x")),
        a_resource(
            "//compute.googleapis.com/projects/40/zones/europe-west1-b/instances/7012",
            name="gke-x",
            account="shop-2",
        ),
    ),
    "database that is called as a node": (
        a_cluster("shop", a_node("n1")),
        a_resource("arn:aws:rds:eu-west-1:1:db:n1", name="n1"),
    ),
    "what several clusters share": (
        a_cluster("shop"),
        a_resource("subnet-1", tags={"kubernetes.io/cluster/shop": "shared"}),
    ),
    "tag of another cluster": (
        a_cluster("shop"),
        a_resource("lb-1", tags={"eks:cluster-name": "shop-2"}),
    ),
    "tag that names no cluster": (a_cluster("shop"), a_resource("lb-1", tags={"team": "shop"})),
    "uuid that firmware leaves empty": (
        a_cluster("shop", a_node("n1", system_uuid="00000000-0000-0000-0000-000000000000")),
        a_resource("00000000-0000-0000-0000-000000000000"),
    ),
    "id that means nothing, as the node's": (
        a_cluster("shop", a_node("n1", "unknown", serial="", host_name="")),
        a_resource("unknown", name="", tags={"eks:cluster-name": ""}),
    ),
    "empty names": (Cluster("shop", "", nodes=[a_node("")]), a_resource("-", name="-")),
    "device of a plain serial": (
        a_cluster("shop", a_node("n1", serial="disk-7")),
        a_resource("disk-7"),
    ),
    "disk without a driver by a plain id": (
        a_cluster("shop", volumes=[a_volume(disk="data")]),
        a_resource("data"),
    ),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_resource_that_nothing_names_is_joined_to_nothing(name: str) -> None:
    assert joined(*STRANGERS[name]) is None


def test_rules_and_tags_are_those_of_the_docs() -> None:
    page = DOCS.read_text(encoding="utf-8")
    told = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 6]
    assert told == [
        f"| `{rule.name}` | {rule.strength.value} | {rule.reads} | {rule.compares} | "
        f"{LEVELS[rule.name]} |"
        for rule in RULES
    ]
    for key in CLUSTER_TAGS:
        assert f"`{key}`" in page


def test_tags_are_those_that_are_named() -> None:
    own = rules(("x_cluster", "of-*-cluster"))
    topology = a_topology(a_cluster("shop"))
    bill = a_bill(
        a_resource("a", tags={"x_cluster": "shop"}),
        a_resource("b", tags={"of-shop-cluster": ""}),
        a_resource("c", tags={"eks:cluster-name": "shop"}),
    )
    report = join(topology, bill, own)
    assert [match.resource.id for match in report.clusters[0].own.matches] == ["a", "b"]


def test_keys_with_a_star_are_asked_for_by_the_names_of_clusters() -> None:
    topology = a_topology(a_cluster("b"), a_cluster("a"), Cluster("uid-1", uid="uid-1"))
    assert tag_keys(topology, ("plain", "key/*", "plain")) == ["plain", "key/a", "key/b"]
    assert tag_keys(a_topology(), ("plain", "key/*")) == ["plain"]

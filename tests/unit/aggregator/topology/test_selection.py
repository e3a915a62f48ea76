"""What of a topology was asked for, and nothing else."""

from __future__ import annotations

import pytest
from tests.support.kubernetes_estates import Estate

from costwire_aggregator.topology.document import topology_json
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Cluster, Node, Topology
from costwire_aggregator.topology.selection import (
    DEPTHS,
    BadSelection,
    Selection,
    read_selection,
    select,
)

ESTATE = fold([Estate(3).reading("kubernetes")])
ZONE = ("label", "topology.kubernetes.io/zone=region-1a")


def chosen(*parameters: tuple[str, str]) -> Topology:
    return select(ESTATE, read_selection(parameters))


def test_nothing_asked_for_is_everything() -> None:
    assert chosen() is ESTATE
    assert chosen(("depth", "containers"), ("costs", "1")) is ESTATE


def test_selecting_changes_nothing_of_the_topology() -> None:
    before = b"".join(topology_json(ESTATE, {}))
    chosen(("depth", "pods"), ("namespace", "shop"), ("label", "app"), ("fields", "pods.uid"))
    assert b"".join(topology_json(ESTATE, {})) == before


def test_clusters_are_chosen_by_name() -> None:
    keys = [one.key for one in chosen(("cluster", "cluster-2"), ("cluster", "cluster-0")).clusters]
    assert keys == ["cluster-0", "cluster-2"]
    assert chosen(("cluster", "nowhere")).clusters == []


def test_clusters_are_chosen_by_uid() -> None:
    told = fold([Estate(3).reading("opentelemetry")])
    selection = read_selection([("cluster", "uid-1")])
    assert [one.name for one in select(told, selection).clusters] == ["cluster-1"]


def test_namespace_keeps_nodes_and_what_is_in_it() -> None:
    for cluster, whole in zip(chosen(("namespace", "shop")).clusters, ESTATE.clusters, strict=True):
        assert cluster.nodes == whole.nodes
        assert [one.name for one in cluster.namespaces] == ["shop"]
        assert cluster.pods == [pod for pod in whole.pods if pod.namespace == "shop"]
        assert {one.namespace for one in cluster.workloads} == {"shop"}
        assert cluster.volumes == whole.volumes
    assert all(not one.volumes for one in chosen(("namespace", "test")).clusters)


def test_label_keeps_pods_and_what_they_belong_to() -> None:
    cluster = chosen(("label", "app=deployment-0")).clusters[0]
    assert {pod.labels["app"] for pod in cluster.pods} == {"deployment-0"}
    assert {(one.kind, one.name) for one in cluster.workloads} == {("Deployment", "deployment-0")}
    assert {one.name for one in cluster.namespaces} == {pod.namespace for pod in cluster.pods}
    assert cluster.nodes == []
    assert cluster.volumes == []


def test_label_of_a_node_is_written_as_kubernetes_does() -> None:
    regions = [one.location.region for one in chosen(ZONE).clusters if one.nodes]
    assert regions == ["region-1"]
    assert all(not one.pods for one in chosen(ZONE).clusters)


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("appVersion", "app_version"),
        ("app.Version", "app_version"),
        ("app-version", "app_version"),
        ("app_version", "app_version"),
        ("appVersion", "appVersion"),
        ("app.kubernetes.io/partOf", "app_kubernetes_io_partOf"),
    ],
)
def test_key_of_a_label_is_found_under_the_names_that_exporters_give_it(
    key: str, label: str
) -> None:
    node = Node("n", labels={label: "2"})
    topology = Topology([Cluster("c", nodes=[node, Node("m")])])
    assert select(topology, Selection(labels=((key, "2"),))).clusters[0].nodes == [node]


def test_key_alone_matches_every_value_and_several_labels_match_together() -> None:
    assert [one.nodes for one in chosen(("label", "disk")).clusters] == [
        one.nodes for one in ESTATE.clusters
    ]
    both = chosen(("label", "disk"), ZONE)
    assert [len(one.nodes) for one in both.clusters] == [0, len(ESTATE.clusters[1].nodes), 0]


@pytest.mark.parametrize(
    ("depth", "kept"),
    [
        ("clusters", set()),
        ("nodes", {"nodes", "volumes"}),
        ("namespaces", {"nodes", "volumes", "namespaces"}),
        ("workloads", {"nodes", "volumes", "namespaces", "workloads"}),
        ("pods", {"nodes", "volumes", "namespaces", "workloads", "pods"}),
        ("containers", {"nodes", "volumes", "namespaces", "workloads", "pods"}),
    ],
)
def test_depth_keeps_what_is_above(depth: str, kept: set[str]) -> None:
    lists = {"nodes", "volumes", "namespaces", "workloads", "pods"}
    for cluster in chosen(("depth", depth)).clusters:
        assert {name for name in lists if getattr(cluster, name)} == kept
        assert any(pod.containers for pod in cluster.pods) == (depth == "containers")
        assert cluster.location.region


def test_fields_keep_what_says_which_thing_it_is() -> None:
    fields = "nodes.usage.cpu,pods.containers.image, volumes"
    cluster = chosen(("fields", fields), ("fields", "uid")).clusters[0]
    whole = ESTATE.clusters[0]
    assert (cluster.key, cluster.name, cluster.workloads) == (whole.key, None, [])
    assert cluster.nodes[0] == Node(whole.nodes[0].name, usage={"cpu": whole.nodes[0].usage["cpu"]})
    assert cluster.pods[0].containers[0].image == whole.pods[0].containers[0].image
    assert cluster.pods[0].containers[0].requests == {}
    assert (cluster.pods[0].namespace, cluster.pods[0].phase) == (whole.pods[0].namespace, None)
    assert cluster.volumes == whole.volumes


def test_whole_field_holds_beside_a_part_of_it() -> None:
    for order in ("nodes,nodes.name", "nodes.name,nodes"):
        assert chosen(("fields", order)).clusters[0].nodes == ESTATE.clusters[0].nodes


def test_depth_cuts_fields_that_are_deeper() -> None:
    cluster = chosen(("fields", "pods.uid,nodes.ip"), ("depth", "nodes")).clusters[0]
    assert cluster.pods == []
    assert cluster.nodes[0].ip


BAD = [
    (("depth", "leaves"), "clusters, nodes, namespaces, workloads, pods, containers"),
    (("depth", ""), "clusters, nodes"),
    (("cluster", ""), "leave it out"),
    (("namespace", ""), "leave it out"),
    (("label", "=web"), "key=value"),
    (("label", ""), "leave it out"),
    (("fields", ""), "leave it out"),
    (("fields", "colour"), "key, name, uid, location, nodes"),
    (("fields", "nodes.colour"), "systemUuid"),
    (("fields", "nodes.provider_id"), "providerId"),
    (("fields", "nodes.name.first"), "nothing within"),
    (("fields", "nodes,,pods"), "key, name"),
    (("fields", "nodes."), "systemUuid"),
]


@pytest.mark.parametrize(("parameter", "allowed"), BAD, ids=str)
def test_what_cannot_be_chosen_is_refused_with_what_can(
    parameter: tuple[str, str], allowed: str
) -> None:
    with pytest.raises(BadSelection, match=allowed):
        read_selection([parameter])


def test_one_depth_is_enough() -> None:
    with pytest.raises(BadSelection, match="one of"):
        read_selection([("depth", DEPTHS[0]), ("depth", DEPTHS[1])])

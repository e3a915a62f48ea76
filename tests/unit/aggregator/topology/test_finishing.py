"""What follows from all series together: owners, sums, places."""

from __future__ import annotations

from tests.unit.aggregator.topology.told import cluster_of, folded, info, of_pod, pod_of

from costwire_aggregator.topology.model import Owner, Workload


def test_replica_set_is_followed_to_its_deployment() -> None:
    topology = folded(
        kube_pod_info=[(of_pod(created_by_kind="ReplicaSet", created_by_name="web-5d"), 1)],
        kube_replicaset_owner=[
            (
                {
                    "namespace": "shop",
                    "replicaset": "web-5d",
                    "owner_kind": "Deployment",
                    "owner_name": "web",
                },
                1,
            )
        ],
        kube_deployment_spec_replicas=[({"namespace": "shop", "deployment": "web"}, 3)],
    )
    assert pod_of(topology).owner == Owner("Deployment", "web")
    assert cluster_of(topology).workloads == [Workload("Deployment", "shop", "web", desired=3)]


def test_replica_set_that_nothing_owns_is_a_workload() -> None:
    owner = of_pod(created_by_kind="ReplicaSet", created_by_name="web")
    of_nothing = {"namespace": "shop", "replicaset": "web", "owner_kind": "<none>"}
    topology = folded(
        kube_pod_info=[(owner, 1)],
        kube_replicaset_owner=[(of_nothing | {"owner_name": "<none>"}, 1)],
    )
    assert pod_of(topology).owner == Owner("ReplicaSet", "web")
    assert cluster_of(topology).workloads == [Workload("ReplicaSet", "shop", "web")]


def test_job_is_a_workload_with_an_owner_that_is_one_too() -> None:
    job = {"namespace": "shop", "job_name": "night-1"}
    topology = folded(
        kube_pod_info=[(of_pod(created_by_kind="Job", created_by_name="night-1"), 1)],
        kube_job_owner=[(job | {"owner_kind": "CronJob", "owner_name": "night"}, 1)],
    )
    assert pod_of(topology).owner == Owner("Job", "night-1")
    assert cluster_of(topology).workloads == [
        Workload("CronJob", "shop", "night"),
        Workload("Job", "shop", "night-1", owner=Owner("CronJob", "night")),
    ]


def test_node_is_no_workload_of_its_static_pods() -> None:
    owner = of_pod(created_by_kind="Node", created_by_name="n")
    topology = folded(kube_pod_info=[(owner, 1)])
    assert pod_of(topology).owner == Owner("Node", "n")
    assert cluster_of(topology).workloads == []


def test_sum_of_a_pod_is_of_what_all_its_containers_tell() -> None:
    one, other = of_pod(container="a"), of_pod(container="b")
    topology = folded(
        kube_pod_info=[(of_pod(), 1)],
        kube_pod_container_info=[(one, 1), (other, 1)],
        kube_pod_container_resource_requests=[
            (one | {"resource": "cpu"}, 0.1),
            (other | {"resource": "cpu"}, 0.2),
            (one | {"resource": "memory"}, 1024),
        ],
        costwire_container_cpu_usage=[(one, 0.1), (other, 0)],
        container_memory_working_set_bytes=[(one, 512)],
    )
    pod = pod_of(topology)
    assert pod.requests == {"cpu": 0.3, "memory": 1024}
    assert pod.usage == {"cpu": 0.1}


def test_use_that_is_told_of_a_pod_is_not_added_up() -> None:
    """A pod uses more than its containers do."""
    pod = {"k8s_namespace_name": "shop", "k8s_pod_name": "web"}
    container = pod | {"k8s_container_name": "c"}
    topology = folded(
        "opentelemetry",
        k8s_pod_memory_working_set_bytes=[(pod, 4096)],
        container_memory_working_set_bytes=[(container, 1024)],
        container_cpu_usage=[(container, 0.5)],
    )
    assert pod_of(topology).usage == {"memory": 4096, "cpu": 0.5}


def test_cluster_stands_where_all_of_its_nodes_stand() -> None:
    def labels(node: str, zone: str) -> tuple[dict[str, str], float]:
        region = {"label_topology_kubernetes_io_region": "eu"}
        return {"node": node, "label_topology_kubernetes_io_zone": zone} | region, 1

    topology = folded(
        kube_node_info=[info("a"), info("b")], kube_node_labels=[labels("a", "1"), labels("b", "2")]
    )
    location = cluster_of(topology).location
    assert (location.region, location.zone) == ("eu", None)


def test_namespaces_of_pods_are_there_without_series_of_their_own() -> None:
    topology = folded(kube_pod_info=[(of_pod(), 1)])
    assert [one.name for one in cluster_of(topology).namespaces] == ["shop"]


def test_volume_has_what_the_cloud_calls_it() -> None:
    volume = {"persistentvolume": "pv"}
    info_of_volume = volume | {
        "storageclass": "fast",
        "csi_driver": "ebs",
        "csi_volume_handle": "v",
    }
    topology = folded(
        kube_persistentvolume_info=[(info_of_volume, 1)],
        kube_persistentvolume_claim_ref=[(volume | {"claim_namespace": "s", "name": "c"}, 1)],
        kube_persistentvolume_capacity_bytes=[(volume, 2**30)],
        kube_persistentvolume_status_phase=[(volume | {"phase": "Bound"}, 1)],
    )
    (told,) = cluster_of(topology).volumes
    assert (told.handle, told.claim_namespace, told.claim, told.capacity, told.phase) == (
        "v",
        "s",
        "c",
        2**30,
        "Bound",
    )

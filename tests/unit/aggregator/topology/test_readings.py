"""What the fold takes: each series of a flavour once, and each flavour for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.unit.aggregator.told import AT, outcome, question, times, told

from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.readings import readings
from costwire_aggregator.upstreams.outcomes import Told

PLAIN = Sample({"namespace": "shop", "pod": "web-0", "cluster": "plain"}, 1.0)
GATHERED = Sample({"pod": "relay-0", "k8s_cluster_uid": "u", "icos_host_name": "h"}, 1.0)
AGENT = Sample({"type": "ocm", "agent_id": "a", "k8s_cluster_uid": "u"}, 1.0)


def of_icos(name: str) -> Told:
    """ICOS is asked for all pods."""
    asked = question("all", "tlum_orch_info", "kube_pod_info")
    families = {"tlum_orch_info": [AGENT], "kube_pod_info": [GATHERED, PLAIN]}
    return told(name, times(i=1), outcome(asked, **families), at=AT)


def of_kubernetes(name: str) -> Told:
    """Kubernetes is asked for those that no agent gathered."""
    asked = question("pods", "kube_pod_info")
    return told(name, times(i=1), outcome(asked, kube_pod_info=[PLAIN]), at=AT)


def pods(all_told: Sequence[Told], flavours: Mapping[str, str]) -> dict[str, list[str]]:
    topology = fold(readings(all_told, flavours))
    return {cluster.key: [pod.name for pod in cluster.pods] for cluster in topology.clusters}


def test_server_that_is_listed_for_two_flavours_tells_both_whatever_their_names() -> None:
    for icos, plain in (("a", "b"), ("b", "a")):
        all_told = [of_icos(icos), of_kubernetes(plain)]
        assert pods(all_told, {icos: "icos", plain: "kubernetes"}) == {
            "u": ["relay-0"],
            "plain": ["web-0"],
        }


def test_series_that_two_upstreams_of_a_flavour_tell_is_told_once() -> None:
    told_twice = [of_kubernetes("a"), of_kubernetes("b")]
    found = readings(told_twice, {"a": "kubernetes", "b": "kubernetes"})
    assert [len(one.families["kube_pod_info"]) for one in found] == [1, 0]


def test_upstream_without_a_flavour_is_left_out() -> None:
    assert [
        one.upstream for one in readings([of_icos("a"), of_kubernetes("b")], {"a": "icos"})
    ] == ["a"]

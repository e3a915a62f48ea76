"""The join: nothing is lost, nothing counts twice, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.costs.made_up import (
    a_bill,
    a_cluster,
    a_node,
    a_resource,
    a_topology,
    amounts,
)

from costwire_aggregator.costs.amounts import total
from costwire_aggregator.costs.join import join
from costwire_aggregator.costs.model import (
    Bill,
    CostReport,
    Level,
    Match,
    Resource,
    Said,
    Thing,
)
from costwire_aggregator.costs.rules import RULES, Strength
from costwire_aggregator.topology.model import Cluster, PersistentVolume, Topology

T = TypeVar("T")
INSTANCE = "i-0123456789abcdef0"
PROVIDER = f"aws:///eu-west-1a/{INSTANCE}"
TAG = "eks:cluster-name"


def matches(report: CostReport) -> list[Match]:
    return [
        match
        for cluster in report.clusters
        for costs in (cluster.own, *cluster.nodes, *cluster.volumes)
        for match in costs.matches
    ]


def things(report: CostReport) -> dict[str, Thing]:
    return {match.resource.id: match.thing for match in matches(report)}


def candidates(report: CostReport) -> dict[str, list[str]]:
    return {
        one.resource.id: [thing.cluster for thing in one.candidates] for one in report.ambiguities
    }


def test_costs_of_nodes_and_volumes_are_costs_of_their_cluster() -> None:
    volume = PersistentVolume("pv-1", handle="vol-0123456789abcdef0")
    topology = a_topology(a_cluster("shop", a_node("n1", PROVIDER), volumes=[volume]))
    bill = a_bill(
        a_resource(INSTANCE, amounts("1.5", "1")),
        a_resource("vol-0123456789abcdef0", {**amounts("0.25"), **amounts("3", "3", "EUR")}),
        a_resource("lb-1", amounts("0.1", "0.1"), tags={TAG: "shop"}),
    )
    (costs,) = join(topology, bill).clusters
    assert costs.amounts == {**amounts("1.85", "1.1"), **amounts("3", "3", "EUR")}
    assert costs.own.amounts == amounts("0.1", "0.1")
    assert [(one.thing.name, one.amounts) for one in costs.nodes] == [("n1", amounts("1.5", "1"))]
    assert [one.thing.name for one in costs.volumes] == ["pv-1"]


def test_cluster_that_the_bill_does_not_name_costs_nothing_that_is_known() -> None:
    (costs,) = join(a_topology(a_cluster("shop", a_node("n1"))), a_bill()).clusters
    assert (costs.amounts, costs.own.amounts, costs.nodes) == ({}, {}, [])


def test_host_name_that_two_clusters_have_is_ambiguous() -> None:
    topology = a_topology(a_cluster("a", a_node("n1")), a_cluster("b", a_node("n1")))
    report = join(topology, a_bill(a_resource("n1", "7")))
    (one,) = report.ambiguities
    assert (one.rule, one.value) == ("host-name", "n1")
    assert list(one.candidates) == [Thing("a", Level.NODE, "n1"), Thing("b", Level.NODE, "n1")]
    assert (report.matched, report.ambiguous, report.unmatched) == ({}, amounts("7"), {})


def test_several_things_of_one_cluster_are_that_cluster() -> None:
    volumes = [PersistentVolume(name, handle="vol-01234567") for name in ("pv-1", "pv-2")]
    topology = a_topology(a_cluster("a", volumes=volumes), a_cluster("b"))
    assert things(join(topology, a_bill(a_resource("vol-01234567")))) == {
        "vol-01234567": Thing("a")
    }


def test_tag_tells_which_of_the_candidates_of_an_id_it_is() -> None:
    topology = a_topology(
        a_cluster("a", a_node("n", PROVIDER)), a_cluster("b", a_node("n", PROVIDER))
    )
    assert things(join(topology, a_bill(a_resource(INSTANCE, tags={TAG: "b"})))) == {
        INSTANCE: Thing("b")
    }


def test_tag_of_a_third_cluster_leaves_an_id_ambiguous() -> None:
    topology = a_topology(
        a_cluster("a", a_node("n", PROVIDER)), a_cluster("b", a_node("n", PROVIDER)), a_cluster("c")
    )
    report = join(topology, a_bill(a_resource(INSTANCE, tags={TAG: "c"})))
    assert candidates(report) == {INSTANCE: ["a", "b"]}


def test_host_name_does_not_settle_what_ids_leave_open() -> None:
    uuid = "4c4c4544-0042-4d10-8056-b4c04f333532"
    topology = a_topology(
        a_cluster("a", a_node("n1", system_uuid=uuid)),
        a_cluster("b", a_node("n2", system_uuid=uuid)),
    )
    report = join(topology, a_bill(a_resource(uuid, name="n1")))
    assert candidates(report) == {uuid: ["a", "b"]}


def test_ids_count_more_than_tags() -> None:
    topology = a_topology(a_cluster("a", a_node("n", PROVIDER)), a_cluster("b"))
    report = join(topology, a_bill(a_resource(INSTANCE, tags={TAG: "b"})))
    assert things(report) == {INSTANCE: Thing("a", Level.NODE, "n")}


def test_tags_of_two_clusters_are_ambiguous() -> None:
    tags = {"kubernetes.io/cluster/a": "owned", "kubernetes.io/cluster/b": "owned"}
    report = join(a_topology(a_cluster("a"), a_cluster("b")), a_bill(a_resource("lb", tags=tags)))
    assert candidates(report) == {"lb": ["a", "b"]}


def test_tag_that_changed_within_the_month_is_ambiguous() -> None:
    resource = Resource("lb", amounts(), tags={TAG: frozenset({"a", "b"})})
    report = join(a_topology(a_cluster("a"), a_cluster("b")), a_bill(resource))
    assert candidates(report) == {"lb": ["a", "b"]}


def test_value_of_a_match_is_the_same_in_any_order() -> None:
    tags = {TAG: "shop", "k8s-cluster-name": "5ac0"}
    topology = a_topology(a_cluster("shop", uid="5ac0"))
    for order in (tags, dict(reversed(tags.items()))):
        (match,) = matches(join(topology, a_bill(a_resource("lb", tags=order))))
        assert match.value == "5ac0"


def test_clusters_of_one_name_are_not_told_apart_by_it() -> None:
    topology = a_topology(Cluster("prod (1)", "prod", "1"), Cluster("prod (2)", "prod", "2"))
    report = join(topology, a_bill(a_resource("lb", tags={TAG: "prod"})))
    assert candidates(report) == {"lb": ["prod (1)", "prod (2)"]}


ELSEWHERE = {
    "another account": Said(account="222", region="eu-west-1"),
    "another region": Said(account="111", region="us-east-1"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize(
    "named",
    [
        Resource("arn:aws:eks:x:y:cluster/shop", amounts()),
        Resource("lb-1", amounts(), tags={TAG: frozenset({"shop"})}),
        Resource("n1", amounts()),
    ],
    ids=["managed cluster", "tag", "host name"],
)
def test_name_counts_only_where_the_bill_has_the_cluster(name: str, named: Resource) -> None:
    topology = a_topology(a_cluster("shop", a_node("n1", PROVIDER)))
    node = a_resource(INSTANCE, account="111", region="eu-west-1")
    there, elsewhere = replace(named, said=node.said), replace(named, said=(ELSEWHERE[name],))
    assert named.id in things(join(topology, a_bill(node, there)))
    assert named.id not in things(join(topology, a_bill(node, elsewhere)))
    # Nothing says where the cluster is.
    assert named.id in things(join(topology, a_bill(elsewhere)))


def test_resource_that_is_in_no_region_may_be_of_any_cluster() -> None:
    topology = a_topology(a_cluster("shop", a_node("n1", PROVIDER)))
    node = a_resource(INSTANCE, account="111", region="eu-west-1")
    named = a_resource("dns", account="111", region="Global", tags={TAG: "shop"})
    assert things(join(topology, a_bill(node, named)))["dns"] == Thing("shop")


def test_amounts_that_are_null_stay_null() -> None:
    report = join(a_topology(a_cluster("n")), a_bill(a_resource("n", amounts(None, None))))
    assert report.unmatched == amounts(None, None)


# Whatever bill and topology there are.

_NAMES = st.sampled_from(["", "a", "b", "shop", "n1", "None"])
_IDS = st.sampled_from(
    [
        INSTANCE,
        f"arn:aws:ec2:eu-west-1:1:instance/{INSTANCE}",
        "vol-0123456789abcdef0",
        "vol0123456789abcdef0",
        "gce://p/z/n1",
        "//compute.googleapis.com/projects/7/zones/z/instances/5",
        "//compute.googleapis.com/projects/7/zones/z/disks/6",
        "projects/p/zones/z/disks/n1",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/v",
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"
        "virtualMachineScaleSets/v/virtualMachines/0",
        "arn:aws:eks:r:1:cluster/shop",
        "4c4c4544-0042-4d10-8056-b4c04f333532",
        "00000000-0000-0000-0000-000000000000",
        "n1",
        "shop",
        "",
    ]
)
_PLACES = st.sampled_from([None, "", "p", "q"])
_TAGS = st.dictionaries(
    st.sampled_from([TAG, "kubernetes.io/cluster/shop", "kubernetes.io/cluster/a", "team"]),
    st.frozensets(st.sampled_from(["shop", "a", "b", "shared", ""]), min_size=1),
)
_AMOUNT = st.none() | st.decimals(-(10**15), 10**15, allow_nan=False, places=18)
_AMOUNTS = st.dictionaries(
    st.sampled_from(["USD", "EUR", "XXX"]), st.tuples(_AMOUNT, _AMOUNT), min_size=1
)
_RESOURCES = st.lists(
    st.builds(Resource, _IDS, _AMOUNTS, st.lists(st.builds(Said, _NAMES, _PLACES, _PLACES)), _TAGS),
    unique_by=lambda resource: resource.id,
)
_NODES = st.builds(
    a_node,
    _NAMES,
    st.none() | _IDS,
    system_uuid=st.none() | _IDS,
    host_name=st.none() | _NAMES,
    serial=st.none() | _IDS,
)
_VOLUMES = st.builds(
    PersistentVolume, _NAMES, handle=st.none() | _IDS, disk=st.none() | _IDS | _NAMES
)
_TOPOLOGIES = st.lists(
    st.builds(
        Cluster,
        st.sampled_from(["a", "b", "shop", "d"]),
        st.none() | _NAMES,
        st.none() | _NAMES,
        nodes=st.lists(_NODES, max_size=3),
        volumes=st.lists(_VOLUMES, max_size=2),
    ),
    unique_by=lambda cluster: cluster.key,
).map(lambda clusters: a_topology(*clusters))
_BILLS = st.builds(
    lambda resources, without: a_bill(*resources, without=without), _RESOURCES, _AMOUNTS
)


@given(_TOPOLOGIES, _BILLS)
def test_parts_are_the_bills_totals_to_the_last_digit(topology: Topology, bill: Bill) -> None:
    report = join(topology, bill)
    assert total([report.matched, report.ambiguous, report.unmatched]) == dict(bill.totals)
    assert total(cluster.amounts for cluster in report.clusters) == report.matched
    for cluster in report.clusters:
        parts = [cluster.own, *cluster.nodes, *cluster.volumes]
        assert total(one.amounts for one in parts) == cluster.amounts


@given(_TOPOLOGIES, _BILLS)
def test_each_resource_is_told_once(topology: Topology, bill: Bill) -> None:
    report = join(topology, bill)
    told = [
        *(match.resource.id for match in matches(report)),
        *(one.resource.id for one in report.ambiguities),
        *(one.id for one in report.strangers),
    ]
    assert sorted(told) == sorted(resource.id for resource in bill.resources)
    for one in report.ambiguities:
        assert len(one.clusters) > 1


def _facts(report: CostReport) -> object:
    return (
        sorted((one.resource.id, one.rule, one.value, one.thing) for one in matches(report)),
        sorted(
            (one.resource.id, one.rule, one.value, [*one.candidates]) for one in report.ambiguities
        ),
        sorted(one.id for one in report.strangers),
        [(one.key, one.amounts) for one in report.clusters],
    )


@given(_TOPOLOGIES, _BILLS, st.randoms(use_true_random=False))
def test_order_changes_nothing(topology: Topology, bill: Bill, chance: Random) -> None:
    clusters = [
        replace(
            cluster,
            nodes=_shuffled(cluster.nodes, chance),
            volumes=_shuffled(cluster.volumes, chance),
        )
        for cluster in _shuffled(topology.clusters, chance)
    ]
    resources = [
        replace(
            one,
            said=_shuffled(one.said, chance),
            tags=dict(_shuffled(one.tags.items(), chance)),
        )
        for one in _shuffled(bill.resources, chance)
    ]
    other = join(Topology(clusters), replace(bill, resources=resources))
    assert _facts(other) == _facts(join(topology, bill))


def _shuffled(items: Iterable[T], chance: Random) -> list[T]:
    found = [*items]
    return chance.sample(found, len(found))


@given(_TOPOLOGIES, _BILLS)
def test_case_of_letters_changes_nothing(topology: Topology, bill: Bill) -> None:
    loud = [
        replace(
            one,
            id=one.id.upper(),
            said=[Said(*(text and text.upper() for text in said)) for said in one.said],
            tags={
                key: frozenset(value.upper() for value in values)
                for key, values in one.tags.items()
            },
        )
        for one in bill.resources
    ]
    quiet, other = join(topology, bill), join(topology, replace(bill, resources=loud))
    assert {key.upper(): thing for key, thing in things(quiet).items()} == things(other)
    assert (quiet.matched, quiet.ambiguous) == (other.matched, other.ambiguous)


@given(_TOPOLOGIES, _BILLS)
def test_further_cluster_takes_nothing_from_what_ids_name(topology: Topology, bill: Bill) -> None:
    """One that has no ids: it can only make names ambiguous."""
    by_id = {rule.name for rule in RULES if rule.strength is Strength.ID}
    more = Topology([*topology.clusters, Cluster("zz", "shop", nodes=[a_node("n1")])])

    def named(report: CostReport) -> dict[str, Thing]:
        return {one.resource.id: one.thing for one in matches(report) if one.rule in by_id}

    assert named(join(more, bill)) == named(join(topology, bill))

"""Of several upstreams one telling: no series twice, none lost, whatever their order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.told import AT, labels_of, of_target, outcome, question, times, told

from costwire_aggregator.questions import TIMES
from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.merge import merged
from costwire_aggregator.upstreams.outcomes import Told

PODS = question("pods")


def pods_of(*upstreams: Told) -> dict[str, list[Sample]]:
    return {reading.upstream: [*reading.families.get("pods", ())] for reading in merged(upstreams)}


def pods(name: str, *samples: Sample, age: float = 5, **more: object) -> Told:
    return told(name, times(i=age), outcome(PODS, pods=[*samples]), **more)


def test_series_get_the_labels_of_their_upstream_unless_they_have_them() -> None:
    a = pods("a", of_target(), of_target(cluster="own"), external_labels={"cluster": "north"})
    (reading,) = merged([a])
    assert [labels["cluster"] for labels in labels_of(reading.families, "pods")] == ["north", "own"]


def test_of_replicas_the_one_that_was_scraped_last_holds() -> None:
    up = outcome(question("up"), up=[of_target(900.0, replica="a"), of_target(990.0, replica="b")])
    both = outcome(PODS, pods=[of_target(1.0, replica="a"), of_target(2.0, replica="b")])
    (reading,) = merged([told("u", up, both, replica_labels=("replica",))])
    assert reading.families["pods"] == [of_target(2.0)]


@pytest.mark.parametrize("down", ["a", "b"])
def test_of_replicas_one_that_reaches_its_target_holds_what_is_computed(down: str) -> None:
    up = [of_target(-990.0 if name == down else 980.0, replica=name) for name in "ab"]
    both = outcome(PODS, pods=[of_target(float(ord(name)), replica=name) for name in "ab"])
    (reading,) = merged([told("u", outcome(TIMES, up=up), both, replica_labels=("replica",))])
    assert reading.families["pods"] == [of_target(float(ord("b" if down == "a" else "a")))]


def test_replica_that_fell_silent_in_one_cluster_holds_in_another() -> None:
    ages = {("north", "a"): 90, ("north", "b"): 5, ("south", "a"): 5, ("south", "b"): 90}
    up = outcome(
        question("up"),
        up=[of_target(AT - age, cluster=c, replica=r) for (c, r), age in ages.items()],
    )
    both = outcome(PODS, pods=[of_target(float(ord(r)), cluster=c, replica=r) for c, r in ages])
    (reading,) = merged([told("u", up, both, replica_labels=("replica",))])
    assert reading.families["pods"] == [
        of_target(float(ord("b")), cluster="north"),
        of_target(float(ord("a")), cluster="south"),
    ]


def test_times_of_targets_that_are_down_are_times() -> None:
    (reading,) = merged([told("u", outcome(TIMES, up=[of_target(-990.5), of_target(990.0, "x")]))])
    assert [sample.value for sample in reading.families["up"]] == [990.5, 990.0]


@given(st.permutations(["a", "b", "c"]))
def test_of_equal_replicas_the_first_by_name_holds_in_any_order(names: list[str]) -> None:
    copies = [of_target(float(ord(name)), replica=name) for name in names]
    (reading,) = merged([pods("u", *copies, replica_labels=("replica",))])
    assert reading.families["pods"] == [of_target(float(ord("a")))]


def test_series_of_one_replica_alone_are_not_lost() -> None:
    copies = [of_target(pod="x", replica="a"), of_target(pod="y", replica="b"), of_target(pod="z")]
    (reading,) = merged([pods("u", *copies, replica_labels=("replica",))])
    assert [labels["pod"] for labels in labels_of(reading.families, "pods")] == ["x", "y", "z"]


@pytest.mark.parametrize("turned", [False, True])
def test_series_that_two_upstreams_tell_is_told_by_the_fresh_one(turned: bool) -> None:
    a, b = pods("a", of_target(1.0), age=100), pods("b", of_target(2.0), age=5)
    assert pods_of(*((b, a) if turned else (a, b))) == {"a": [], "b": [of_target(2.0)]}


def test_of_fresh_ones_the_larger_priority_tells() -> None:
    a, b = pods("a", of_target(1.0)), pods("b", of_target(2.0), priority=1, age=20)
    assert pods_of(a, b) == {"a": [], "b": [of_target(2.0)]}


def test_of_equal_ones_the_first_by_name_tells() -> None:
    assert pods_of(pods("b", of_target(2.0)), pods("a", of_target(1.0), age=20)) == {
        "b": [],
        "a": [of_target(1.0)],
    }


def test_one_label_that_differs_makes_two_series() -> None:
    a, b = pods("a", of_target(pod="x")), pods("b", of_target(pod="y"))
    assert pods_of(a, b) == {"a": [of_target(pod="x")], "b": [of_target(pod="y")]}


_LABELS = st.dictionaries(
    st.sampled_from(["cluster", "pod"]), st.sampled_from(["x", "y", "z"]), max_size=2
)


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.tuples(
            st.lists(_LABELS, max_size=5, unique_by=lambda labels: frozenset(labels.items())),
            st.integers(0, 100),
            st.integers(0, 2),
        ),
    ),
    st.randoms(),
)
def test_every_series_is_told_once(
    upstreams: dict[str, tuple[list[dict[str, str]], int, int]], chance: object
) -> None:
    estate = [
        pods(name, *(of_target(**labels) for labels in series), age=age, priority=priority)
        for name, (series, age, priority) in upstreams.items()
    ]
    before = {frozenset(s.labels.items()) for one in estate for s in one.families()["pods"]}
    found = pods_of(*estate)
    after = Counter(frozenset(s.labels.items()) for of in found.values() for s in of)
    assert after == Counter(before)
    chance.shuffle(estate)  # type: ignore[attr-defined]
    assert pods_of(*estate) == found

"""Targets: told apart by as little as does it, and found by what was scraped from them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.told import AT, of_target

from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.targets import Targets

NORTH, SOUTH = {"cluster": "north"}, {"cluster": "south"}


def ages(targets: Targets, *samples: Sample) -> list[float]:
    return sorted(AT - time for time in targets.times(targets.keys(samples)))


def up(age: float = 5, instance: str = "i", **labels: str) -> Sample:
    return of_target(AT - age, instance, **labels)


def down(age: float = 5, instance: str = "i", **labels: str) -> Sample:
    return of_target(age - AT, instance, **labels)


def test_target_that_is_down_was_scraped_all_the_same() -> None:
    (target,) = Targets([down(7)])
    assert (target.is_up, AT - target.time, target.job, target.instance) == (False, 7, "j", "i")


@pytest.mark.parametrize("labels", ["cluster", "k8s_cluster_uid", "k8s_cluster_name", "prometheus"])
def test_equal_jobs_and_instances_of_two_clusters_are_not_mixed(labels: str) -> None:
    targets = Targets([up(5, **{labels: "north"}), up(90, **{labels: "south"})])
    assert ages(targets, of_target(**{labels: "north"}, pod="x")) == [5]
    assert ages(targets, of_target(**{labels: "south"}, pod="x")) == [90]


def test_paths_of_one_kubelet_are_told_apart() -> None:
    paths = [up(5, metrics_path="/metrics"), down(5, metrics_path="/metrics/probes")]
    targets = Targets(paths)
    assert len(targets) == 2
    (of_metrics,) = targets.of(targets.key({**paths[0].labels, "pod": "x"}))
    assert of_metrics.is_up


def test_labels_that_objects_have_too_tell_targets_apart_only_where_nothing_else_does() -> None:
    """kube-state-metrics' series name the pod that they tell of, not the one that tells them."""
    told = [up(5, pod="ksm-1", prometheus="a"), up(90, pod="ksm-2", prometheus="b")]
    assert ages(Targets(told), of_target(pod="shop-0", prometheus="a")) == [5]
    bare = Targets([up(5, pod="ksm-1"), up(90, pod="ksm-2")])
    assert len(bare) == 2
    assert ages(bare, of_target(pod="shop-0")) == [5, 90]


def test_sample_without_the_label_of_a_cluster_may_be_of_any() -> None:
    targets = Targets([up(5, **NORTH), up(90, **SOUTH)])
    assert ages(targets, of_target()) == [5, 90]


def test_sample_of_a_cluster_that_has_no_such_target_has_no_time() -> None:
    assert ages(Targets([up(5, **NORTH)]), of_target(**SOUTH)) == []


@pytest.mark.parametrize("turned", [False, True])
def test_copies_of_replicas_are_one_target_that_is_up_where_one_reaches_it(turned: bool) -> None:
    copies = [down(5, replica="a"), up(9, replica="b")]
    (target,) = Targets(copies[::-1] if turned else copies, replica_labels=("replica",))
    assert (target.is_up, AT - target.time) == (True, 5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_times_that_are_no_numbers_are_no_targets(value: float) -> None:
    assert [*Targets([of_target(value)])] == []


def test_no_time_is_later_than_the_question() -> None:
    assert [target.time for target in Targets([up(-3600), down(-3600, "other")], AT)] == [AT, AT]


_TEXTS = st.sampled_from(["", "x", "y"])
_LABELS = st.fixed_dictionaries(
    {"job": _TEXTS, "instance": _TEXTS},
    optional=dict.fromkeys(("cluster", "metrics_path", "pod", "zone"), _TEXTS),
)


@given(st.lists(_LABELS, unique_by=lambda told: frozenset((k, v) for k, v in told.items() if v)))
def test_each_target_is_found_by_its_own_labels(labels: list[dict[str, str]]) -> None:
    samples = [Sample(of, float(time)) for time, of in enumerate(labels, 1)]
    targets = Targets(samples)
    assert len(targets) == len(samples)
    for sample in samples:
        assert targets.times([targets.key(sample.labels)]) == [sample.value]
    assert targets.keys(samples) == {targets.key(sample.labels) for sample in samples}

"""How much was told: never more than the truth, and what is missing is named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.told import AT, of_target, outcome, question, times, told

from costwire_aggregator.completeness import Completeness, UpstreamReport, completeness
from costwire_aggregator.questions import TIMES
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.outcomes import Outcome, State, Told, answered

NODES, PODS = question("nodes", "info", "memory"), question("pods")
MISSING = [state for state in State if state not in (State.ANSWERED, State.EMPTY)]
FAILED = [State.LATE, State.UNREACHABLE, State.FAILED]


def of(*upstreams: Told) -> Completeness:
    return completeness(upstreams, AT, 60)


def states(told_by: Told) -> dict[str, State]:
    (upstream,) = of(told_by).upstreams
    return {metric.name: metric.state for metric in upstream.metrics}


def whole(name: str) -> Told:
    return told(name, times(i=5), outcome(NODES, info=[of_target()], memory=[of_target()]))


def test_all_that_answers_is_whole() -> None:
    found = of(whole("a"), whole("b"))
    assert (found.percent, found.missing) == (100.0, {})


def test_metric_that_an_upstream_has_not_is_empty_and_takes_nothing_away() -> None:
    a = told("a", times(i=5), outcome(NODES, info=[of_target()]))
    assert states(a) == {"up": State.ANSWERED, "info": State.ANSWERED, "memory": State.EMPTY}
    assert of(a).percent == 100.0


@pytest.mark.parametrize("up", [[], [times(i=5)]], ids=["nothing", "times"])
def test_upstream_that_has_nothing_but_times_is_missing(up: list[Outcome]) -> None:
    found = of(whole("a"), told("b", *up, outcome(NODES), outcome(PODS)))
    assert found.missing == {"b": State.EMPTY}
    assert found.percent == (50.0 if not up else 42.8)


@pytest.mark.parametrize("time", [math.nan, math.inf, AT + 3600])
def test_times_that_cannot_be_are_not_believed(time: float) -> None:
    up = outcome(question("up"), up=[of_target(time), of_target(AT - 90, "old")])
    (upstream,) = of(told("a", up, at=AT)).upstreams
    assert upstream.age_seconds == (90.0 if math.isnan(time) or math.isinf(time) else 0.0)


@pytest.mark.parametrize("state", FAILED)
def test_metrics_of_a_question_that_failed_are_missing_with_its_reason(state: State) -> None:
    found = of(whole("a"), told("b", times(i=5), outcome(NODES, state)))
    b = found.upstreams[1]
    assert [metric.state for metric in b.metrics] == [State.ANSWERED, state, state]
    assert found.missing == {"b": state}
    assert b.reasons == ["nodes: why"]
    assert found.percent == 66.6


def test_what_may_be_more_is_missing() -> None:
    assert states(told("a", outcome(PODS, State.PARTIAL, pods=[of_target()]))) == {
        "pods": State.PARTIAL
    }


def test_samples_of_a_target_that_fell_silent_are_stale() -> None:
    silent = told(
        "a",
        times(i=5, gone=90),
        outcome(NODES, info=[of_target(), of_target(instance="gone")], memory=[of_target()]),
    )
    found = of(silent)
    (upstream,) = found.upstreams
    assert {metric.name: (metric.state, metric.age_seconds) for metric in upstream.metrics} == {
        "up": (State.STALE, 90.0),
        "info": (State.STALE, 90.0),
        "memory": (State.ANSWERED, 5.0),
    }
    assert upstream.age_seconds == 5.0
    assert "info: its samples are 90 s old" in upstream.reasons


def test_samples_of_another_cluster_are_not_stale_for_a_target_of_the_same_name() -> None:
    clusters = {"north": 5, "south": 90}
    up = outcome(TIMES, up=[of_target(AT - age, cluster=name) for name, age in clusters.items()])
    nodes = outcome(NODES, info=[of_target(cluster="north")], memory=[of_target(cluster="south")])
    assert states(told("a", up, nodes)) == {
        "up": State.STALE,
        "info": State.ANSWERED,
        "memory": State.STALE,
    }


def with_one_down(*told_of: Outcome) -> UpstreamReport:
    up = outcome(TIMES, up=[of_target(AT - 5), of_target(5 - AT, "gone")])
    (upstream,) = of(told("a", up, *told_of)).upstreams
    return upstream


def test_target_that_is_down_takes_the_metrics_of_its_job_from_what_is_complete() -> None:
    upstream = with_one_down(outcome(NODES, info=[of_target()]))
    assert [(metric.name, metric.state) for metric in upstream.metrics] == [
        ("up", State.ANSWERED),
        ("info", State.PARTIAL),
        ("memory", State.EMPTY),
    ]
    assert (upstream.state, upstream.complete) == (State.PARTIAL, 2)
    assert upstream.reasons == ["job j: 1 of 2 targets down"]


def test_targets_are_counted_and_those_that_are_down_are_named() -> None:
    upstream = with_one_down(outcome(NODES, info=[of_target()]))
    assert upstream.targets == 2
    assert [(target.job, target.instance) for target in upstream.down] == [("j", "gone")]


@pytest.mark.parametrize("state", MISSING)
def test_worse_than_a_target_that_is_down_stays_worse(state: State) -> None:
    upstream = with_one_down(outcome(NODES, state, info=[of_target()]))
    assert {metric.state for metric in upstream.metrics[1:]} == {state}
    assert upstream.reasons == ["nodes: why"]


@pytest.mark.parametrize("state", FAILED)
def test_targets_are_not_known_where_the_upstream_did_not_tell_them(state: State) -> None:
    (upstream,) = of(told("a", outcome(TIMES, state), outcome(PODS, pods=[of_target()]))).upstreams
    assert (upstream.targets, upstream.down) == (None, [])


def test_without_a_targets_time_there_is_no_age() -> None:
    (upstream,) = of(told("a", outcome(PODS, pods=[of_target()]))).upstreams
    assert (upstream.age_seconds, upstream.metrics[0].age_seconds) == (None, None)


def test_series_that_cannot_be_used_are_missing() -> None:
    spoilt = answered(NODES, Vector({"info": [of_target()]}, spoilt=3), 0.1)
    (upstream,) = of(told("a", spoilt)).upstreams
    assert upstream.state is State.PARTIAL
    assert upstream.reasons == ["nodes: 3 series could not be used"]


def test_nothing_asked_is_nothing_complete() -> None:
    assert of().percent == 0.0


@given(st.lists(st.lists(st.sampled_from(State), min_size=1, max_size=4), min_size=1, max_size=40))
def test_a_hundred_percent_is_told_only_where_nothing_is_missing(
    estates: list[list[State]],
) -> None:
    upstreams = [
        told(
            f"u{number}",
            *(
                outcome(
                    question(f"q{index}"),
                    State.ANSWERED if state is State.EMPTY else state,
                    **({} if state in (State.EMPTY, *FAILED) else {f"q{index}": [of_target()]}),
                )
                for index, state in enumerate(of_one)
            ),
        )
        for number, of_one in enumerate(estates)
    ]
    found = of(*upstreams)
    lacks = any({*of_one} == {State.EMPTY} or {*of_one} & {*MISSING} for of_one in estates)
    assert (found.percent == 100.0) is (not lacks)
    assert bool(found.missing) is lacks
    assert 0 <= found.percent <= 100

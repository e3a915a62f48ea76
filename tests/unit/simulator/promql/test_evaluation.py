"""Answers, held against what Prometheus documents; `test_beside_prometheus.py` asks a real one."""

from __future__ import annotations

import math

import pytest
from tests.unit.simulator.asking import NOW, Exposed, exposed

NODES = (
    'cores{node="a",zone="1"} 4',
    'cores{node="b",zone="1"} 8',
    'used{node="a"} 1',
    'used{node="b"} 6',
    'zone_info{zone="1",name="north"} 1',
)


def test_arithmetic_drops_the_name_and_comparisons_keep_it() -> None:
    one = exposed('a{x="1"} 3')
    assert one.ask("a * 2") == {(("x", "1"),): 6}
    assert one.ask("2 - a") == {(("x", "1"),): -1}
    assert one.ask("a > 2") == {(("__name__", "a"), ("x", "1")): 3}
    assert one.ask("2 < a") == {(("__name__", "a"), ("x", "1")): 3}
    assert one.ask("a > 3") == {}
    assert one.ask("a > bool 3") == {(("x", "1"),): 0}


def test_series_of_two_vectors_are_paired_by_their_labels() -> None:
    one = exposed(*NODES)
    free = {(("node", "a"), ("zone", "1")): 3, (("node", "b"), ("zone", "1")): 2}
    assert one.ask("cores - ignoring (zone) used") == {
        tuple(pair for pair in labels if pair[0] == "node"): value for labels, value in free.items()
    }
    assert one.ask("cores - ignoring (zone) group_left used") == free
    assert one.ask("cores - used") == {}


def test_sides_stay_where_they_are_whichever_has_many() -> None:
    one = exposed(*NODES)
    assert sorted(one.ask("cores / on (zone) group_left zone_info").values()) == [4, 8]
    assert sorted(one.ask("zone_info / on (zone) group_right cores").values()) == [0.125, 0.25]
    assert one.ask("zone_info > on (zone) group_right cores") == {}
    assert sorted(one.ask("zone_info < on (zone) group_right cores").values()) == [1, 1]


def test_the_one_side_gives_labels_to_the_many() -> None:
    told = exposed(*NODES).ask("cores * on (zone) group_left (name) zone_info")
    assert {dict(labels)["name"] for labels in told} == {"north"}
    assert sorted(told.values()) == [4, 8]


@pytest.mark.parametrize(
    ("promql", "word"),
    [
        ("zone_info * on (zone) cores", "many-to-many"),
        ("cores * on (zone) zone_info", "group_left"),
        ("cores * on (zone) group_left (node) zone_info", "ensure unique"),
        ('{__name__=~"cores|used"} * 2', ""),
    ],
)
def test_pairs_that_are_not_clear_are_an_error(promql: str, word: str) -> None:
    lines = [*NODES, 'cores{node="a"} 1']
    status, kind, message = exposed(*lines).refusal(promql)
    assert (status, kind) == (422, "execution")
    assert word in message


def test_sets_look_at_labels_alone() -> None:
    one = exposed(*NODES)
    assert len(one.ask("used and ignoring (zone) cores")) == 2
    assert len(one.ask("used and cores")) == 0
    assert len(one.ask("used unless on (node) cores")) == 0
    assert len(one.ask("used or cores")) == 4
    assert len(one.ask("used or on (__name__) cores")) == 4
    assert len(one.ask("used or on () cores")) == 2


def test_groups_are_made_of_labels_that_are_there() -> None:
    one = exposed(*NODES)
    assert one.ask("sum(cores)") == {(): 12}
    assert one.ask("max by (zone, nothing) (cores)") == {(("zone", "1"),): 8}
    assert one.ask("min without (node, job, instance) (cores)") == {(("zone", "1"),): 4}
    assert one.ask("count by (__name__) ({job='j'})") == {
        (("__name__", "cores"),): 2,
        (("__name__", "used"),): 2,
        (("__name__", "zone_info"),): 1,
        (("__name__", "up"),): 1,
    }


def test_no_number_is_neither_largest_nor_smallest_unless_it_is_the_only_one() -> None:
    one = exposed('a{x="1"} NaN', 'a{x="2"} 5', 'a{x="3"} NaN', "b NaN")
    assert one.ask("max(a)") == one.ask("min(a)") == {(): 5}
    assert math.isnan(one.ask("max(b)")[()])


@pytest.mark.parametrize(
    ("new", "shape", "labels"),
    [
        ("$1", "node-(.*)", {"x": "node-7", "y": "7"}),
        ("${1}th", "node-(.*)", {"x": "node-7", "y": "7th"}),
        ("$1th", "node-(.*)", {"x": "node-7"}),
        ("$$", "node-(.*)", {"x": "node-7", "y": "$"}),
        ("$n", "node-(?P<n>.*)", {"x": "node-7", "y": "7"}),
        ("new", "node", {"x": "node-7", "y": "old"}),
        ("", ".*", {"x": "node-7"}),
    ],
)
def test_labels_are_replaced_where_another_has_the_shape(
    new: str, shape: str, labels: dict[str, str]
) -> None:
    (told,) = exposed('a{x="node-7",y="old"} 1').ask(
        f'label_replace(a, "y", "{new}", "x", "{shape}")'
    )
    assert dict(told) == {"__name__": "a", **labels}


def test_a_new_name_is_given_by_replacing_the_label() -> None:
    one = exposed('a{x="1"} 3')
    assert one.ask('label_replace(a + a, "__name__", "twice", "", "")') == {
        (("__name__", "twice"), ("x", "1")): 6
    }


def test_labels_that_become_the_same_are_an_error() -> None:
    one = exposed('a{x="1"} 3', 'a{x="2"} 4')
    assert one.refusal('label_replace(a, "x", "same", "", "")')[:2] == (422, "execution")


def test_times_are_of_the_sample_and_of_the_question_where_it_is_none() -> None:
    one = exposed("a 1")
    assert one.ask("timestamp(a)", NOW + 30) == {(): NOW}
    for of_none in ("a + 0", "a or a", "a > 0", 'label_replace(a, "x", "", "", "")'):
        assert one.ask(f"timestamp({of_none})", NOW + 30) == {(): NOW + 30}


def test_rates_count_resets() -> None:
    one = Exposed()
    for step, value in enumerate((0, 10, 20, 5, 15)):
        one.scrape(NOW - 60 + step * 15, f"a_total {value}")
    assert one.ask("increase(a_total[1m])") == {(): 35}
    assert one.ask("rate(a_total[1m])")[()] == pytest.approx(35 / 60)
    assert one.ask("rate(a_total[10s])") == {}


def test_matchers_see_absent_labels_as_empty() -> None:
    one = exposed('a{x="1"} 1', "a 2")
    assert list(one.ask('a{x=""}').values()) == [2]
    assert list(one.ask('a{x!=""}').values()) == [1]
    assert sorted(one.ask('a{x=~"1|"}').values()) == [1, 2]
    assert list(one.ask('a{x!~"1"}').values()) == [2]
    assert one.ask('a{x=~"."}') == one.ask('a{x="1"}')


def test_a_query_ends_when_its_time_is_over() -> None:
    answer = exposed("a 1").upstream.answer("a + a", NOW, timeout_seconds=0.0)
    assert answer.status == 503
    assert b'"timeout"' in answer.body

"""What `costwire topology --costs` shows: amounts as they are told, and what is nobody's."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from tests.unit.aggregator.costs.made_up import (
    a_bill,
    a_cluster,
    a_node,
    a_resource,
    a_topology,
    amounts,
)
from tests.unit.cli.test_topology_view import cluster, document, node, only

from costwire_aggregator.costs.document import costs_block, unavailable_block
from costwire_aggregator.costs.errors import HandlerSilent
from costwire_aggregator.costs.join import join
from costwire_aggregator.costs.model import Bill
from costwire_cli.outline import lines, tree
from costwire_cli.topology_costs import no_costs
from costwire_cli.topology_view import topology_view

INSTANCE = "i-0123456789abcdef0"
TOPOLOGY = a_topology(
    a_cluster("shop", a_node("n1", f"aws:///a/{INSTANCE}"), a_node("twin")),
    a_cluster("test", a_node("twin")),
)
CLUSTERS = (
    cluster("shop", nodes=[node("n1"), node("twin")]),
    cluster("test", nodes=[node("twin")]),
)
BILL = a_bill(
    a_resource(
        INSTANCE, {**amounts("0.100000000000000000001", "9"), **amounts("-2.5", None, "EUR")}
    ),
    a_resource("twin", amounts("5")),
    a_resource("arn:aws:s3:::x", amounts("7", "7")),
    without=amounts("0.5", "0.5"),
)
UNAVAILABLE = unavailable_block(HandlerSilent("ask the database handler: connection refused"))


def told_of(costs: Any, *clusters: dict[str, Any]) -> dict[str, Any]:
    return document(*(clusters or CLUSTERS), costs=costs)


def shown(bill: Bill, depth: str = "nodes") -> list[str]:
    return [*lines(topology_view(told_of(costs_block(join(TOPOLOGY, bill))), depth))]


def cost_in(line: str) -> str:
    return line.partition("  BilledCost=")[2]


def test_clusters_and_nodes_are_told_with_every_digit_of_their_costs() -> None:
    found = shown(BILL)
    told = "-2.5 EUR, 0.100000000000000000001 USD"
    assert [cost_in(line) for line in only(found, "cluster")] == [told, "?"]
    assert [cost_in(line) for line in only(found, "node")] == [told, "?", "?"]


def test_nodes_of_one_name_have_their_own_costs() -> None:
    topology = a_topology(
        a_cluster(
            "shop",
            replace(a_node("n1", f"aws:///a/{INSTANCE}"), uid="a"),
            replace(a_node("n1"), uid="b"),
        )
    )
    costs = costs_block(join(topology, a_bill(a_resource(INSTANCE, "3"))))
    told = told_of(costs, cluster("shop", nodes=[node("n1", uid="a"), node("n1", uid="b")]))
    found = only([*lines(topology_view(told, "nodes"))], "node")
    assert [cost_in(line) for line in found] == ["3 USD", "?"]


def test_bill_is_told_by_currency_with_what_no_cluster_has() -> None:
    found = shown(BILL, "clusters")
    assert only(found, "bill") == [
        "bill  EUR  period=2026-10  total=-2.5  clusters=-2.5  ambiguous=0  unmatched=0",
        "bill  USD  period=2026-10  total=12.600000000000000000001  "
        "clusters=0.100000000000000000001  ambiguous=5  unmatched=7.5",
    ]
    assert only(found, "ambiguous") == [
        "ambiguous  USD/twin  BilledCost=5  candidates=shop/twin, test/twin"
    ]
    assert only(found, "unmatched") == [
        "unmatched  USD/(no resource)  BilledCost=0.5",
        "unmatched  USD/arn:aws:s3:::x  BilledCost=7",
    ]


def test_many_candidates_are_told_in_part() -> None:
    topology = a_topology(*(a_cluster(f"c{number}", a_node("twin")) for number in range(8)))
    told = told_of(costs_block(join(topology, a_bill(a_resource("twin", "5")))))
    (found,) = only([*lines(topology_view(told, "clusters"))], "ambiguous")
    names = ", ".join(f"c{number}/twin" for number in range(5))
    assert found.endswith(f"  candidates={names}, and 3 more")


def test_what_a_bill_names_does_nothing_to_a_terminal() -> None:
    name = "x\x1b[2Jy\nz\u202e\x9b"
    told = told_of(costs_block(join(TOPOLOGY, a_bill(a_resource(name, "5")))))
    item = topology_view(told, "clusters")
    drawn = StringIO()
    Console(file=drawn, width=80, force_terminal=True, color_system=None).print(tree(item, 80))
    for shown in ("\n".join(lines(item)), drawn.getvalue()):
        assert r"x\x1b[2Jy\nz\u202e\x9b" in shown
        assert not {*name} & {*shown} & {*"\x1b\u202e\x9b"}


@pytest.mark.parametrize("most", [3, 100])
def test_the_largest_of_what_is_nobodys_are_told_and_how_many_more_there_are(most: int) -> None:
    bill = a_bill(*(a_resource(f"bucket-{size}", f"{size}") for size in range(1, 13)))
    found = told_of(costs_block(join(TOPOLOGY, bill), most=most))
    told = only([*lines(topology_view(found, "clusters"))], "unmatched")
    listed = min(most, 5)
    assert told == [
        *(
            f"unmatched  USD/bucket-{size}  BilledCost={size}"
            for size in range(12, 12 - listed, -1)
        ),
        f"unmatched  USD/({12 - listed} more)",
    ]


def test_null_is_no_amount() -> None:
    bill = a_bill(a_resource(INSTANCE, amounts(None, "1")), a_resource("x", amounts(None, "1")))
    found = shown(bill)
    assert {cost_in(line) for line in [*only(found, "cluster"), *only(found, "node")]} == {"?"}
    assert only(found, "bill") == [
        "bill  USD  period=2026-10  total=?  clusters=?  ambiguous=0  unmatched=?"
    ]
    assert only(found, "unmatched") == ["unmatched  USD/x  BilledCost=?"]


def test_zero_is_an_amount() -> None:
    found = shown(a_bill(a_resource(INSTANCE, "0")))
    assert cost_in(only(found, "cluster")[0]) == "0 USD"


def test_bill_without_charges_says_so() -> None:
    found = shown(a_bill())
    assert only(found, "bill") == ["bill  period=2026-10  charges=none"]
    assert {cost_in(line) for line in only(found, "cluster")} == {"?"}


def test_bill_that_is_not_to_be_had_is_told_with_the_reason_and_no_costs() -> None:
    told = told_of(UNAVAILABLE)
    found = [*lines(topology_view(told, "nodes"))]
    assert only(found, "bill") == [
        "bill  state=unavailable  reason=ask the database handler: connection refused"
    ]
    assert not [line for line in found if "BilledCost" in line]
    assert no_costs(told) == "ask the database handler: connection refused"


def test_who_asks_for_no_costs_is_told_none() -> None:
    told = document(*CLUSTERS)
    found = [*lines(topology_view(told, "nodes"))]
    assert not [line for line in found if "BilledCost" in line or line.startswith("bill")]
    assert no_costs(told) is None
    assert no_costs(told_of(costs_block(join(TOPOLOGY, BILL)))) is None

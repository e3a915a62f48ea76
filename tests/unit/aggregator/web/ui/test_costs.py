"""What a bill says of clusters, as the pages show it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.aggregator.costs.made_up import (
    a_bill,
    a_cluster,
    a_node,
    a_resource,
    a_topology,
)

from costwire_aggregator.costs.join import join
from costwire_aggregator.web.ui.costs import costs_view

FIRST, SECOND = "i-0000000000000001", "i-0000000000000002"


def test_nodes_of_one_name_have_each_their_own_cost() -> None:
    one, other = (
        replace(a_node("n1", f"aws:///eu-1a/{machine}"), uid=machine) for machine in (FIRST, SECOND)
    )
    cluster = a_cluster("shop", one, other)
    bill = a_bill(a_resource(FIRST, "3"), a_resource(SECOND, "5"))
    view = costs_view(join(a_topology(cluster), bill))
    assert view.of_node(cluster, one) == {"USD": Decimal(3)}
    assert view.of_node(cluster, other) == {"USD": Decimal(5)}
    assert view.of_node(cluster, a_node("n2")) == {}

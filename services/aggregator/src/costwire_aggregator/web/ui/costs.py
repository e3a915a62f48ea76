"""What a bill says of clusters, as the pages show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from costwire_aggregator.costs.amounts import billed_cost
from costwire_aggregator.costs.model import ClusterCosts, CostReport, Thing
from costwire_aggregator.costs.rules import node_thing
from costwire_aggregator.topology.model import Cluster, Node
from costwire_aggregator.web.ui.treemap import Plot, Rectangle, drawn

WIDTH, HEIGHT = 1200.0, 420.0
_OWN = "cluster itself"
Costs = Mapping[str, Decimal]
"""BilledCost by currency."""


@dataclass(frozen=True, slots=True)
class CurrencyView:
    """One currency of a bill."""

    currency: str
    total: Decimal
    matched: Decimal
    ambiguous: Decimal
    unmatched: Decimal
    rectangles: Sequence[Rectangle]


@dataclass(frozen=True, slots=True)
class CostsView:
    """A bill beside the clusters, or why there is none."""

    period: str
    problem: str = ""
    again: str = ""
    """The address to look at again, where the bill is still being read."""
    currencies: Sequence[CurrencyView] = ()
    clusters: Mapping[str, Costs] = field(default_factory=dict)
    """By key."""
    nodes: Mapping[Thing, Costs] = field(default_factory=dict)

    @property
    def is_told(self) -> bool:
        """Whether the bill could be read."""
        return not (self.problem or self.again)

    def of_node(self, cluster: Cluster, node: Node) -> Costs:
        """What the bill names of a node."""
        return self.nodes.get(node_thing(cluster, node), {})


def costs_view(report: CostReport) -> CostsView:
    """A report as it is shown."""
    return CostsView(
        report.bill.period.month,
        currencies=[_currency(report, currency) for currency in billed_cost(report.bill.totals)],
        clusters={one.key: billed_cost(one.amounts) for one in report.clusters},
        nodes={
            node.thing: billed_cost(node.amounts)
            for cluster in report.clusters
            for node in cluster.nodes
        },
    )


def _currency(report: CostReport, currency: str) -> CurrencyView:
    def of(amounts: Mapping[str, tuple[Decimal | None, ...]]) -> Decimal:
        return billed_cost(amounts).get(currency, Decimal(0))

    plots = [
        Plot(one.key, of(one.amounts), parts=[*_parts(one, currency)]) for one in report.clusters
    ]
    return CurrencyView(
        currency,
        of(report.bill.totals),
        of(report.matched),
        of(report.ambiguous),
        of(report.unmatched),
        drawn(plots, WIDTH, HEIGHT),
    )


def _parts(cluster: ClusterCosts, currency: str) -> Iterator[Plot]:
    for part in (cluster.own, *cluster.nodes, *cluster.volumes):
        cost = billed_cost(part.amounts).get(currency)
        if cost is not None:
            yield Plot(part.thing.name or _OWN, cost)

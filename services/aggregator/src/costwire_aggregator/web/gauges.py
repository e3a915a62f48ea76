"""`/metrics`: what a Prometheus server should keep of the clusters, few series for each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from costwire_aggregator.aggregator import Aggregator, TopologyAnswer
from costwire_aggregator.costs.amounts import billed_cost
from costwire_aggregator.costs.errors import CostsError
from costwire_aggregator.costs.model import CostReport
from costwire_aggregator.costs.patience import Patience
from costwire_aggregator.errors import UpstreamError
from costwire_aggregator.topology.model import Amounts, Cluster
from costwire_aggregator.web.leaving import while_wanted
from costwire_aggregator.web.periods import this_month
from costwire_aggregator.web.problems import problem_of_upstreams

PATH = "/metrics"
_COSTS_SECONDS = 5.0
_RESOURCES = {"cpu": "cpu_cores", "memory": "memory_bytes"}
GAUGES = {
    "costwire_completeness_ratio": "Share of the metrics asked for that were told in full",
    "costwire_upstream_completeness_ratio": "The same of one upstream",
    "costwire_cluster_nodes": "Nodes",
    "costwire_cluster_nodes_ready": "Nodes that are ready",
    "costwire_cluster_pods": "Pods, by phase",
    "costwire_cluster_capacity_cpu_cores": "Cores of all nodes",
    "costwire_cluster_capacity_memory_bytes": "Memory of all nodes",
    "costwire_cluster_allocatable_cpu_cores": "Cores that pods may have",
    "costwire_cluster_allocatable_memory_bytes": "Memory that pods may have",
    "costwire_cluster_requests_cpu_cores": "Cores that pods ask for, those that are over left out",
    "costwire_cluster_requests_memory_bytes": "Memory that pods ask for, likewise",
    "costwire_cluster_usage_cpu_cores": "Cores that nodes use",
    "costwire_cluster_usage_memory_bytes": "Memory that nodes use",
    "costwire_costs_up": "Whether this month's bill could be joined",
    "costwire_cluster_billed_cost": "BilledCost that this month's bill names of the cluster",
    "costwire_ambiguous_billed_cost": "BilledCost of this month's bill that several could have",
    "costwire_unmatched_billed_cost": "BilledCost of this month's bill that names no cluster",
}
"""Every name, and what it tells."""
_OVER = ("Succeeded", "Failed")
_logger = logging.getLogger(__name__)


class GaugesRoute:
    """The route of the gauges."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._patience = Patience(_COSTS_SECONDS)

    def routes(self) -> list[BaseRoute]:
        """The one."""
        return [Route(PATH, self._metrics, methods=["GET"])]

    async def _metrics(self, request: Request) -> Response:
        try:
            made = await while_wanted(request, self._aggregator.topology())
        except UpstreamError as error:
            raise problem_of_upstreams(error) from error
        report = await self._costs(made.result) if self._aggregator.has_bills else None
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Gauges(made.result, self._aggregator.has_bills, report))
        return Response(encode(registry), headers={"Content-Type": content_type})

    async def _costs(self, answer: TopologyAnswer) -> CostReport | None:
        """What is there in time; a scrape does not wait for long."""
        period = this_month()
        try:
            return await self._patience.report(
                period, partial(self._aggregator.costs, answer, period)
            )
        except CostsError as error:
            _logger.warning("costs not told", extra={"reason": str(error)})
            return None


class _Gauges(Collector):
    def __init__(self, answer: TopologyAnswer, has_bills: bool, report: CostReport | None) -> None:
        self._answer = answer
        self._has_bills = has_bills
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """What is not known has no sample."""
        completeness = self._answer.completeness
        whole = _gauge("costwire_completeness_ratio")
        whole.add_metric([], completeness.percent / 100)
        yield whole
        of_upstreams = _gauge("costwire_upstream_completeness_ratio", "upstream")
        for upstream in completeness.upstreams:
            of_upstreams.add_metric([upstream.name], upstream.complete / len(upstream.metrics))
        yield of_upstreams
        yield from _of_clusters(self._answer.topology.clusters)
        if self._has_bills:
            up = _gauge("costwire_costs_up")
            up.add_metric([], float(self._report is not None))
            yield up
        if self._report is not None:
            yield from _of_bill(self._report)


def _of_clusters(clusters: Iterable[Cluster]) -> Iterator[Metric]:
    nodes, ready = (
        _gauge(f"costwire_cluster_{name}", "cluster") for name in ("nodes", "nodes_ready")
    )
    pods = _gauge("costwire_cluster_pods", "cluster", "phase")
    amounts = {
        (kind, resource): _gauge(f"costwire_cluster_{kind}_{unit}", "cluster")
        for kind in ("capacity", "allocatable", "requests", "usage")
        for resource, unit in _RESOURCES.items()
    }
    for cluster in clusters:
        nodes.add_metric([cluster.key], len(cluster.nodes))
        states = [node.conditions["Ready"] for node in cluster.nodes if "Ready" in node.conditions]
        if states:
            ready.add_metric([cluster.key], states.count("True"))
        for phase, count in sorted(Counter(pod.phase or "" for pod in cluster.pods).items()):
            pods.add_metric([cluster.key, phase], count)
        for (kind, resource), gauge in amounts.items():
            told = [of[resource] for of in _amounts(cluster, kind) if resource in of]
            if told:
                gauge.add_metric([cluster.key], sum(told))
    yield from (nodes, ready, pods, *amounts.values())


def _of_bill(report: CostReport) -> Iterator[Metric]:
    billed = _gauge("costwire_cluster_billed_cost", "cluster", "currency")
    for cluster in report.clusters:
        for currency, amount in billed_cost(cluster.amounts).items():
            billed.add_metric([cluster.key, currency], float(amount))
    yield billed
    for kind in ("ambiguous", "unmatched"):
        rest = _gauge(f"costwire_{kind}_billed_cost", "currency")
        amounts = billed_cost(getattr(report, kind))
        for currency in billed_cost(report.bill.totals):
            rest.add_metric([currency], float(amounts.get(currency, 0)))
        yield rest


def _amounts(cluster: Cluster, kind: str) -> Iterator[Amounts]:
    if kind == "requests":
        return (pod.requests for pod in cluster.pods if pod.phase not in _OVER)
    return (getattr(node, kind) for node in cluster.nodes)


def _gauge(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, GAUGES[name], labels=labels)

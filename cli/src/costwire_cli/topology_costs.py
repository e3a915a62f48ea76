"""What clusters and nodes cost, and what of the bill is theirs; pure.

Amounts are shown to the last digit, as the aggregator tells them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from costwire_cli.figures import UNKNOWN
from costwire_cli.outline import Fact, Item, Mood

Json = Mapping[str, Any]
_METRIC = "BilledCost"
_JOINED = "joined"
_LISTED = 5
"""Resources of each currency that are shown of what is not a cluster's, and candidates of one."""
_NO_RESOURCE = "(no resource)"


def no_costs(document: Json) -> str | None:
    """Why there are no costs; None where there are, or nobody asked for them."""
    costs = document.get("costs")
    return None if costs is None or costs["state"] == _JOINED else str(costs["reason"])


class Costs:
    """The costs of a document; of one that has none nothing is told."""

    def __init__(self, document: Json) -> None:
        self._reason = no_costs(document)
        self._joined: Json = {} if self._reason is not None else document.get("costs", {})
        self._of_clusters: dict[str, Json] = {}
        self._of_nodes: dict[tuple[str, ...], Json] = {}
        for cluster in self._joined.get("clusters", ()):
            key = cluster["cluster"]
            self._of_clusters[key] = cluster["amounts"]
            self._of_nodes |= {_node(key, one): one["amounts"] for one in cluster["nodes"]}

    def of_cluster(self, key: str) -> Iterator[Fact]:
        """What a cluster costs, with all that is in it."""
        return self._told(self._of_clusters.get(key, {}))

    def of_node(self, key: str, node: Json) -> Iterator[Fact]:
        """What a node of a cluster costs."""
        return self._told(self._of_nodes.get(_node(key, node), {}))

    def _told(self, amounts: Json) -> Iterator[Fact]:
        if self._joined:
            told = [f"{sums[_METRIC]} {code}" for code, sums in amounts.items() if sums[_METRIC]]
            yield Fact(_METRIC, ", ".join(told) or UNKNOWN)

    def bill(self) -> Iterator[Item]:
        """The bill, and what it has beside the clusters, each currency by itself."""
        if self._reason is not None:
            facts = [Fact("state", "unavailable", Mood.BAD), Fact("reason", self._reason)]
            yield Item("bill", (), facts)
        if (costs := self._joined) and not costs["totals"]:
            facts = [Fact("period", costs["period"]), Fact("charges", "none", Mood.POOR)]
            yield Item("bill", (), facts)
        for currency in costs.get("totals", ()):
            yield self._of_currency(currency)

    def _of_currency(self, currency: str) -> Item:
        costs = self._joined
        amounts = {
            "total": costs["totals"],
            "clusters": costs["matched"],
            "ambiguous": costs["ambiguous"]["amounts"],
            "unmatched": costs["unmatched"]["amounts"],
        }
        facts = [Fact("period", costs["period"])]
        facts += [Fact(name, _billed(of, currency, "0")) for name, of in amounts.items()]
        parts = [*_listed("ambiguous", currency, costs["ambiguous"])]
        if currency in (without := costs["unmatched"]["withoutResource"]):
            fact = Fact(_METRIC, _billed(without, currency, UNKNOWN))
            parts.append(Item("unmatched", (currency, _NO_RESOURCE), [fact]))
        parts += _listed("unmatched", currency, costs["unmatched"])
        return Item("bill", (currency,), facts, parts)


def _node(cluster: str, node: Json) -> tuple[str, ...]:
    """Which node it is: nodes of a cluster may share a name."""
    return cluster, node["name"], node.get("uid") or ""


def _listed(kind: str, currency: str, told: Json) -> Iterator[Item]:
    """The resources with the largest amounts in a currency, and how many more there are."""
    found = [one for one in told["resources"] if one["currency"] == currency]
    for one in found[:_LISTED]:
        facts = [Fact(_METRIC, one["sums"][_METRIC] or UNKNOWN)]
        if candidates := one.get("candidates"):
            facts.append(Fact("candidates", _named(candidates)))
        yield Item(kind, (currency, one["resourceId"]), facts)
    more = len(found[_LISTED:]) + told["others"].get(currency, {}).get("resources", 0)
    if more:
        yield Item(kind, (currency, f"({more} more)"), ())


def _named(candidates: Sequence[Json]) -> str:
    places = [*map(_place, candidates[:_LISTED])]
    if more := len(candidates[_LISTED:]):
        places.append(f"and {more} more")
    return ", ".join(places)


def _place(candidate: Json) -> str:
    return "/".join(candidate.values())


def _billed(amounts: Json, currency: str, nothing: str) -> str:
    """`nothing`: what is told where there are no charges, as far as is known."""
    sums = amounts.get(currency)
    return nothing if sums is None else sums[_METRIC] or UNKNOWN

"""A cost report as answers tell it: the block `costs`. Pure; amounts are exact texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from costwire_aggregator.costs.amounts import (
    METRICS,
    Sums,
    magnitude,
    told,
    told_sums,
    total,
)
from costwire_aggregator.costs.errors import CostsError
from costwire_aggregator.costs.model import (
    Ambiguity,
    ClusterCosts,
    CostReport,
    Level,
    Match,
    Resource,
    Thing,
    ThingCosts,
)
from costwire_aggregator.costs.rules import RULES, Rule

Json = dict[str, Any]

JOINED: Final = "joined"
UNAVAILABLE: Final = "unavailable"
MOST_LINES: Final = 100


def costs_block(report: CostReport, rules: Sequence[Rule] = RULES, most: int = MOST_LINES) -> Json:
    """The whole report. Of each list the `most` largest of each currency; the rest is summed."""
    bill = report.bill
    return {
        "state": JOINED,
        "period": bill.period.month,
        "table": bill.table,
        "asOf": {"state": bill.as_of.state, "commit": bill.as_of.commit, "at": bill.as_of.at},
        "metrics": list(METRICS),
        "totals": told(bill.totals),
        "matched": told(report.matched),
        "ambiguous": {
            "amounts": told(report.ambiguous),
            **_listed(((one.resource, _ambiguity(one)) for one in report.ambiguities), most),
        },
        "unmatched": {
            "amounts": told(report.unmatched),
            "withoutResource": told(bill.without_resource),
            **_listed(((one, {}) for one in report.strangers), most),
        },
        "clusters": [cluster_block(one, most) for one in report.clusters],
        "rules": [
            {
                "name": rule.name,
                "strength": rule.strength.value,
                "reads": rule.reads,
                "compares": rule.compares,
            }
            for rule in rules
        ],
    }


def cluster_block(costs: ClusterCosts, most: int = MOST_LINES) -> Json:
    """What one cluster costs, and what is in it."""
    return {
        "cluster": costs.key,
        "amounts": told(costs.amounts),
        "own": _thing_costs(costs.own, most),
        "nodes": [_of_thing(one, most) for one in costs.nodes],
        "volumes": [_of_thing(one, most) for one in costs.volumes],
    }


def unavailable_block(error: CostsError) -> Json:
    """What stands there where the bill could not be read."""
    return {"state": UNAVAILABLE, "reason": str(error)}


def _of_thing(costs: ThingCosts, most: int) -> Json:
    thing = costs.thing
    uid = {"uid": thing.uid or None} if thing.level is Level.NODE else {}
    return {"name": thing.name, **uid, **_thing_costs(costs, most)}


def _thing_costs(costs: ThingCosts, most: int) -> Json:
    matches = ((one.resource, _match(one)) for one in costs.matches)
    return {"amounts": told(costs.amounts), **_listed(matches, most)}


def _match(match: Match) -> Json:
    return {"rule": match.rule, "value": match.value}


def _ambiguity(one: Ambiguity) -> Json:
    return {
        "rule": one.rule,
        "value": one.value,
        "candidates": [_candidate(thing) for thing in one.candidates],
    }


def _candidate(thing: Thing) -> Json:
    if thing.level is Level.CLUSTER:
        return {"cluster": thing.cluster}
    return {"cluster": thing.cluster, thing.level.value: thing.name}


class _Line(NamedTuple):
    """A resource in one currency."""

    currency: str
    resource: Resource
    more: Json

    @property
    def sums(self) -> Sums:
        return self.resource.amounts[self.currency]


def _listed(told_resources: Iterable[tuple[Resource, Json]], most: int) -> Json:
    """By currency, the largest amounts first, whatever their sign."""
    lines = sorted(
        (
            _Line(currency, resource, more)
            for resource, more in told_resources
            for currency in resource.amounts
        ),
        key=lambda line: (line.currency, -magnitude(line.sums), line.resource.id),
    )
    counts: Counter[str] = Counter()
    listed: list[Json] = []
    others: list[_Line] = []
    for line in lines:
        counts[line.currency] += 1
        if counts[line.currency] <= most:
            about = {"resourceId": line.resource.id, "currency": line.currency}
            listed.append({**about, "sums": told_sums(line.sums), **line.more})
        else:
            others.append(line)
    sums = total({line.currency: line.sums} for line in others)
    return {
        "resources": listed,
        "others": {
            currency: {"resources": counts[currency] - most, "sums": told_sums(rest)}
            for currency, rest in sums.items()
        },
    }

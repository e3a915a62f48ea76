"""The block `costs`: what it tells, in the shape that its schema says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.openapi import faults
from tests.unit.aggregator.costs.made_up import (
    a_bill,
    a_cluster,
    a_node,
    a_resource,
    a_topology,
    amounts,
)

from costwire_aggregator.costs.document import cluster_block, costs_block, unavailable_block
from costwire_aggregator.costs.errors import HandlerLate
from costwire_aggregator.costs.join import join
from costwire_aggregator.costs.model import AsOf
from costwire_aggregator.costs.rules import RULES
from costwire_aggregator.costs.schemas import SCHEMAS
from costwire_aggregator.topology.model import PersistentVolume

DOCS = Path(__file__).parents[4] / "docs" / "aggregator-costs.md"
DOCUMENT = {"components": {"schemas": SCHEMAS}}
INSTANCE = "i-0123456789abcdef0"
TOPOLOGY = a_topology(
    a_cluster(
        "shop",
        a_node("n1", f"aws:///a/{INSTANCE}"),
        a_node("twin"),
        volumes=[PersistentVolume("pv-1", handle="vol-01234567")],
    ),
    a_cluster("test", a_node("twin")),
)
BILL = a_bill(
    a_resource(INSTANCE, amounts("1.50", "1")),
    a_resource("vol-01234567", amounts("2", None, "EUR")),
    a_resource("twin", "5"),
    a_resource("arn:aws:s3:::x", {**amounts("7", "7"), **amounts("1", "1", "EUR")}),
    without=amounts("0.5", "0.5"),
)
REPORT = join(TOPOLOGY, BILL)
USD = {"BilledCost": "1.5", "EffectiveCost": "1"}


def of_schema(name: str, value: Any) -> list[str]:
    return faults(DOCUMENT, SCHEMAS[name], value)


def test_whole_report_is_told() -> None:
    block = costs_block(REPORT)
    assert of_schema("Costs", block) == []
    assert (block["state"], block["period"], block["table"]) == ("joined", "2026-10", "charges")
    assert block["asOf"] == {"state": 3, "commit": 2, "at": None}
    assert block["totals"]["USD"] == {"BilledCost": "14", "EffectiveCost": "8.5"}
    assert block["matched"] == {
        "EUR": {"BilledCost": "2", "EffectiveCost": None},
        "USD": USD,
    }
    assert [rule["name"] for rule in block["rules"]] == [rule.name for rule in RULES]


def test_each_match_is_told_with_its_rule() -> None:
    block = cluster_block(REPORT.clusters[0])
    assert of_schema("ClusterCosts", block) == []
    (node,) = block["nodes"]
    assert (node["name"], node["uid"], node["amounts"]) == ("n1", None, {"USD": USD})
    assert node["resources"] == [
        {
            "resourceId": INSTANCE,
            "currency": "USD",
            "sums": USD,
            "rule": "provider-id",
            "value": INSTANCE,
        }
    ]
    (volume,) = block["volumes"]
    assert (volume["name"], volume["resources"][0]["rule"]) == ("pv-1", "volume")


def test_what_is_ambiguous_is_told_with_its_candidates() -> None:
    told = costs_block(REPORT)["ambiguous"]
    assert told["amounts"] == {"USD": {"BilledCost": "5", "EffectiveCost": None}}
    (one,) = told["resources"]
    assert (one["resourceId"], one["rule"]) == ("twin", "host-name")
    assert one["candidates"] == [
        {"cluster": "shop", "node": "twin"},
        {"cluster": "test", "node": "twin"},
    ]


def test_what_is_not_joined_is_told_with_its_amount() -> None:
    told = costs_block(REPORT)["unmatched"]
    assert told["withoutResource"] == {"USD": {"BilledCost": "0.5", "EffectiveCost": "0.5"}}
    assert [(one["resourceId"], one["currency"]) for one in told["resources"]] == [
        ("arn:aws:s3:::x", "EUR"),
        ("arn:aws:s3:::x", "USD"),
    ]
    assert told["amounts"]["USD"] == {"BilledCost": "7.5", "EffectiveCost": "7.5"}


def test_largest_stand_first_and_the_rest_is_summed() -> None:
    costs = {"a": "1", "b": "-9", "c": "2", "d": "2"}
    resources = [
        a_resource(id, {**amounts(cost), **amounts(cost, None, "EUR")})
        for id, cost in costs.items()
    ]
    block = costs_block(join(a_topology(), a_bill(*resources)), most=2)
    assert of_schema("Costs", block) == []
    told = block["unmatched"]
    assert [(one["currency"], one["resourceId"]) for one in told["resources"]] == [
        ("EUR", "b"),
        ("EUR", "c"),
        ("USD", "b"),
        ("USD", "c"),
    ]
    rest = {"resources": 2, "sums": {"BilledCost": "3", "EffectiveCost": None}}
    assert told["others"] == {"EUR": rest, "USD": rest}
    assert told["amounts"]["USD"]["BilledCost"] == "-4"


def test_covered_use_is_large_by_its_effective_cost() -> None:
    bill = a_bill(a_resource("a", amounts("1", "1")), a_resource("b", amounts("0", "5")))
    told = costs_block(join(a_topology(), bill))["unmatched"]["resources"]
    assert [one["resourceId"] for one in told] == ["b", "a"]


def test_examples_of_the_docs_are_told_so() -> None:
    whole, unavailable = (
        json.loads(text) for text in re.findall("```json\n(.+?)```", DOCS.read_text("utf-8"), re.S)
    )
    resources = [one for one in BILL.resources if "EUR" not in one.amounts]
    bill = a_bill(
        *resources, a_resource("arn:aws:s3:::x", amounts("7", "7")), without=BILL.without_resource
    )
    bill = replace(bill, as_of=AsOf(2, 2, "2026-11-01T06:00:02Z"))
    assert whole == costs_block(join(TOPOLOGY, bill), RULES[:1])
    assert of_schema("Costs", unavailable) == []


def test_bill_that_is_not_there_is_told_with_its_reason() -> None:
    block = unavailable_block(HandlerLate("ask the database handler: it did not answer in time"))
    assert of_schema("Costs", block) == []
    assert block == {
        "state": "unavailable",
        "reason": "ask the database handler: it did not answer in time",
    }

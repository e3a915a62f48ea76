"""Schemas of the block `costs`, for the description of the service."""

from __future__ import annotations

from typing import Final

from costwire_aggregator.costs.amounts import METRICS
from costwire_aggregator.costs.document import JOINED, UNAVAILABLE
from costwire_aggregator.costs.rules import Strength
from costwire_runtime.openapi import COUNT, Node, listed, or_null, record, ref

_TEXT: Node = {"type": "string"}
_AMOUNT: Node = {
    "type": "string",
    "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
    "description": "Exact, without superfluous zeros.",
}


def _by_currency(schema: Node, description: str) -> Node:
    return {"type": "object", "additionalProperties": schema, "description": description}


def _described(description: str, schema: Node) -> Node:
    return {"description": description, **schema}


def _line(**more: Node) -> Node:
    about = {"resourceId": _TEXT, "currency": _TEXT, "sums": ref("CostSums")}
    return record({**about, **more})


_VALUE = _described("What both sides have in common, in the form in which it is compared.", _TEXT)
_OTHERS = _by_currency(
    record({"resources": COUNT, "sums": ref("CostSums")}),
    "By currency: resources that are not listed, and their sums.",
)
_OF_THING: dict[str, Node] = {
    "amounts": ref("CostAmounts"),
    "resources": listed(ref("CostMatch")),
    "others": _OTHERS,
}

SCHEMAS: Final[Node] = {
    "CostSums": _described(
        "By metric; null where each charge has null there.",
        record({metric: or_null(_AMOUNT) for metric in METRICS}),
    ),
    "CostAmounts": _by_currency(
        ref("CostSums"), "By billing currency; empty where there are no charges."
    ),
    "CostMatch": _line(rule=_TEXT, value=_VALUE),
    "ClusterCosts": record(
        {
            "cluster": _described("Its key.", _TEXT),
            "amounts": _described("With its nodes and volumes.", ref("CostAmounts")),
            "own": _described("What was joined to the cluster alone.", record(_OF_THING)),
            "nodes": listed(
                record({"name": _TEXT, "uid": {"type": ["string", "null"]}, **_OF_THING})
            ),
            "volumes": listed(record({"name": _TEXT, **_OF_THING})),
        }
    ),
    "Costs": {
        "description": "In each currency `matched`, `ambiguous` and `unmatched` are together "
        "`totals`, to the last digit. Lists have the largest amounts of each currency first.",
        "oneOf": [
            record(
                {
                    "state": {"const": JOINED},
                    "period": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
                    "table": _TEXT,
                    "asOf": _described(
                        "The state of the bill.",
                        record(
                            {
                                "state": COUNT,
                                "commit": {"type": ["integer", "null"]},
                                "at": {"type": ["string", "null"], "format": "date-time"},
                            }
                        ),
                    ),
                    "metrics": listed({"enum": list(METRICS)}),
                    "totals": ref("CostAmounts"),
                    "matched": ref("CostAmounts"),
                    "ambiguous": _described(
                        "What several clusters may have been meant by: of none of them.",
                        record(
                            {
                                "amounts": ref("CostAmounts"),
                                "resources": listed(
                                    _line(
                                        rule=_TEXT,
                                        value=_VALUE,
                                        candidates=listed(
                                            record(
                                                {"cluster": _TEXT},
                                                {"node": _TEXT, "volume": _TEXT},
                                            )
                                        ),
                                    )
                                ),
                                "others": _OTHERS,
                            }
                        ),
                    ),
                    "unmatched": record(
                        {
                            "amounts": ref("CostAmounts"),
                            "withoutResource": _described(
                                "Of charges that name no resource.", ref("CostAmounts")
                            ),
                            "resources": listed(_line()),
                            "others": _OTHERS,
                        }
                    ),
                    "clusters": listed(ref("ClusterCosts")),
                    "rules": listed(
                        record(
                            {
                                "name": _TEXT,
                                "strength": {"enum": [one.value for one in Strength]},
                                "reads": _TEXT,
                                "compares": _TEXT,
                            }
                        )
                    ),
                }
            ),
            record({"state": {"const": UNAVAILABLE}, "reason": _TEXT}),
        ],
    },
}
"""Components of an OpenAPI 3.1 document, by name."""

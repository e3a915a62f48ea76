"""The ledger's entry as a schema, and one entry as the example of all that tell it."""

from __future__ import annotations

from costwire_db_handler import erasing
from costwire_db_handler.ledger import Act, HeldFor, State
from costwire_db_handler.openapi.parts import Node, listed, or_null, record, ref
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.columns import VERSIONS

DELIVERY_ID = "5f0c7e3e0d6b4b7f8c1a2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6"

SCHEMAS: Node = {
    "State": {
        "type": "string",
        "enum": list(State),
        "description": "Readers see what is `committed` or `unchanged`; what is `held`, "
        "`superseded` or `rejected` is stored and can be accepted. `erased` and `retired` are no "
        "deliveries: charges were removed from every version, or old history has left.",
    },
    "BillingPeriod": {
        "description": "As the charges name it: start in, end out; null where a charge lacks it.",
        **record({"start": or_null(ref("WrittenInstant")), "end": or_null(ref("WrittenInstant"))}),
    },
    "Rows": {
        "description": "How many charges: read = stored + quarantined + erased; `held` are "
        "those of the stored ones that no reader sees, because the delivery is held; `retired` "
        "left with the history.",
        **record(
            {
                name: ref("Count")
                for name in (
                    "read",
                    "stored",
                    "quarantined",
                    "held",
                    "added",
                    "removed",
                    "corrected",
                    "unchanged",
                    "erased",
                    "retired",
                )
            }
        ),
    },
    "SumLine": {
        "description": "One cost in one currency: read = stored + quarantined + erased, "
        "exactly. Of an open delivery it is what the manifest claims.",
        **record(
            {
                "read": ref("WrittenAmount"),
                "stored": ref("Amount"),
                "quarantined": ref("WrittenAmount"),
                "erased": ref("Amount"),
            }
        ),
    },
    "Sums": {
        "description": "By currency and by cost column; null where the report has no such column.",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": or_null(ref("SumLine")),
        },
    },
    "Times": {
        "description": "When the source was read, the delivery opened, and its fate decided.",
        **record(
            {
                "read": ref("Instant"),
                "opened": ref("Instant"),
                "committed": or_null(ref("Instant")),
            }
        ),
    },
    "Decision": {
        "description": "What was decided on a delivery. `by` is null for the handler itself; "
        "`kind` says of a held one what kind of reason it has.",
        **record(
            {
                "act": {"enum": list(Act)},
                "by": {"type": ["string", "null"]},
                "at": ref("Instant"),
                "reason": {"type": ["string", "null"]},
                "kind": {"enum": [*HeldFor, None]},
            }
        ),
    },
    "Entry": {
        "description": "A line of the ledger: what became of a delivery.",
        **record(
            {
                "commit": {"type": "integer", "minimum": 1, "description": "Its number."},
                "id": {"type": "string", "description": "Of its content and its options."},
                "table": ref("TableName"),
                "source": {"type": "string"},
                "state": ref("State"),
                "generation": {
                    "description": "Which of two states of a source is newer.",
                    **ref("Instant"),
                },
                "focusVersion": {"type": "string", "enum": list(VERSIONS)},
                "billingPeriods": listed(ref("BillingPeriod")),
                "rows": ref("Rows"),
                "sums": ref("Sums"),
                "findings": {
                    "description": "How often each rule was broken.",
                    "type": "object",
                    "additionalProperties": ref("Count"),
                },
                "balanced": {
                    "type": "boolean",
                    "description": "Nothing lost, nothing doubled, in rows and in every sum.",
                },
                "reason": {"type": ["string", "null"], "description": "Why it is in its state."},
                "closedPeriods": {
                    "description": "The months of closed billing periods for which it was held.",
                    **listed(ref("Month")),
                },
                "decisions": listed(ref("Decision")),
                "by": {"type": ["string", "null"], "description": "Who asked for an erasure."},
                "condition": {
                    "type": ["string", "null"],
                    "description": "Of an erasure, with `?` in place of its values.",
                },
                "horizon": {
                    "description": "Of history that has left: the first state that can still be "
                    "asked for.",
                    **or_null(ref("Count")),
                },
                "times": ref("Times"),
            }
        ),
    },
}

PERIOD: Node = {"start": "2024-09-01T00:00:00Z", "end": "2024-10-01T00:00:00Z"}
OPENED: Node = {
    "commit": 1,
    "id": DELIVERY_ID,
    "table": "charges",
    "source": "bills/2024-09.csv",
    "state": "open",
    "generation": "2024-10-02T05:00:00Z",
    "focusVersion": "1.0",
    "billingPeriods": [PERIOD],
    "rows": {
        "read": 3,
        "stored": 0,
        "quarantined": 1,
        "held": 0,
        "added": 0,
        "removed": 0,
        "corrected": 0,
        "unchanged": 0,
        "erased": 0,
        "retired": 0,
    },
    "sums": {
        "USD": {"BilledCost": {"read": "3.54", "stored": "0", "quarantined": "0.01", "erased": "0"}}
    },
    "findings": {"CW-Currency": 1},
    "balanced": False,
    "reason": None,
    "closedPeriods": [],
    "decisions": [],
    "by": None,
    "condition": None,
    "horizon": None,
    "times": {
        "read": "2024-10-02T06:00:00Z",
        "opened": "2024-10-02T06:00:01.250Z",
        "committed": None,
    },
}
_COMMITTED_AT = "2024-10-02T06:00:02Z"


def _decided(act: Act, **told: object) -> Node:
    return {"act": act, "by": None, "at": _COMMITTED_AT, "reason": None, "kind": None} | told


COMMITTED: Node = OPENED | {
    "state": "committed",
    "rows": OPENED["rows"] | {"stored": 2, "added": 2},
    "sums": {
        "USD": {
            "BilledCost": {"read": "3.54", "stored": "3.53", "quarantined": "0.01", "erased": "0"},
            "EffectiveCost": None,
            "ListCost": None,
            "ContractedCost": None,
        }
    },
    "balanced": True,
    "decisions": [_decided(Act.COMMITTED)],
    "times": OPENED["times"] | {"committed": _COMMITTED_AT},
}
UNCHANGED: Node = COMMITTED | {
    "commit": 2,
    "state": "unchanged",
    "decisions": [_decided(Act.UNCHANGED)],
    "rows": COMMITTED["rows"] | {"added": 0, "unchanged": 2},
}
REJECTED: Node = COMMITTED | {
    "commit": 3,
    "state": "rejected",
    "rows": COMMITTED["rows"] | {"read": 1, "stored": 0, "quarantined": 1, "added": 0},
    "sums": {
        "USD": {"BilledCost": {"read": "0.01", "stored": "0", "quarantined": "0.01", "erased": "0"}}
    },
    "reason": "the report is empty",
    "decisions": [
        _decided(Act.HELD, reason="the report is empty", kind=HeldFor.EMPTY),
        _decided(Act.REJECTED, by="will"),
    ],
}
ERASED: Node = COMMITTED | {
    "commit": 2,
    "id": "0d6b4b7f8c1a2d3e4f5a6b7c8d9e0f1a" * 2,
    "source": erasing.SOURCE,
    "state": "erased",
    "generation": "2024-11-05T09:30:00Z",
    "billingPeriods": [],
    "rows": dict.fromkeys(OPENED["rows"], 0) | {"read": 1, "erased": 1},
    "sums": {
        "USD": {
            name: {"read": total, "stored": "0", "quarantined": "0", "erased": total}
            for name, total in {**dict.fromkeys(COST_COLUMNS, "0"), "BilledCost": "2.03"}.items()
        }
    },
    "findings": {},
    "reason": "request 12",
    "decisions": [],
    "by": "costwire",
    "condition": "ResourceId = ?",
    "times": dict.fromkeys(OPENED["times"], "2024-11-05T09:30:00Z"),
}

"""The ledger's entry as a schema, and one entry as the example of all that tell it."""

from __future__ import annotations

from costwire_db_handler.ledger import Act, HeldFor, State
from costwire_focus.columns import VERSIONS
from costwire_runtime.openapi import Node, listed, or_null, record, ref

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
        "description": "How many charges: read = stored + quarantined + erased; of the stored ones "
        "no reader sees those `held` with their delivery, and those `retired` with the history; "
        "those `repaired` came out of the quarantine. Of the removed ones, those `unrepaired` had.",
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
                    "repaired",
                    "unrepaired",
                )
            }
        ),
    },
    "SumLine": {
        "description": "One cost in one currency: read + repaired = stored + quarantined + erased, "
        "exactly. `repaired` is what repairs made of the amounts. "
        "Of an open delivery it is what the manifest claims.",
        **record(
            {
                "read": ref("WrittenAmount"),
                "stored": ref("Amount"),
                "quarantined": ref("WrittenAmount"),
                "erased": ref("Amount"),
                "repaired": ref("Amount"),
            }
        ),
    },
    "Repair": {
        "description": "One replay of repaired rows: how many left the quarantine, how many that "
        "were repaired before were corrected, and their costs before and after.",
        **record(
            {
                "commit": ref("Count"),
                "by": {"type": ["string", "null"]},
                "at": ref("Instant"),
                "rows": ref("Count"),
                "corrected": ref("Count"),
                "sums": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "additionalProperties": record(
                            {"was": ref("Amount"), "now": ref("Amount")}
                        ),
                    },
                },
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
    "LegacyMapping": {
        "description": "A column, or a value of one, that was read under its present name; `value` "
        "and `became` are null where the cells kept their text.",
        **record(
            {
                "name": {"type": "string", "description": "As the report names the column."},
                "column": {"type": "string", "description": "Where its cells stand now."},
                "value": {"type": ["string", "null"]},
                "became": {"type": ["string", "null"]},
                "cells": ref("Count"),
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
                "mapped": listed(ref("LegacyMapping")),
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
                "replays": {
                    "description": "Of a replay: the commit whose quarantined rows it stored.",
                    "type": ["integer", "null"],
                },
                "repairs": {
                    "description": "What of the delivery was repaired so far.",
                    **listed(ref("Repair")),
                },
                "by": {
                    "type": ["string", "null"],
                    "description": "Who brought or erased it; null: the handler.",
                },
                "condition": {
                    "description": "Of an erasure, with `?` in place of its values.",
                    "type": ["string", "null"],
                },
                "horizon": {
                    "description": "Of history that has left: the first state that can be asked.",
                    "type": ["integer", "null"],
                },
                "times": ref("Times"),
            }
        ),
    },
}


def _line(read: str, **others: str) -> Node:
    nothing = dict.fromkeys(("stored", "quarantined", "erased", "repaired"), "0")
    return {"read": read, **nothing, **others}


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
        "repaired": 0,
        "unrepaired": 0,
    },
    "sums": {"USD": {"BilledCost": _line("3.54", stored="0", quarantined="0.01")}},
    "findings": {"CW-Currency": 1},
    "mapped": [],
    "balanced": False,
    "reason": None,
    "closedPeriods": [],
    "decisions": [],
    "replays": None,
    "repairs": [],
    "by": "will",
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
            "BilledCost": _line("3.54", stored="3.53", quarantined="0.01"),
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
    "sums": {"USD": {"BilledCost": _line("0.01", quarantined="0.01")}},
    "reason": "the report is empty",
    "decisions": [
        _decided(Act.HELD, reason="the report is empty", kind=HeldFor.EMPTY),
        _decided(Act.REJECTED, by="will"),
    ],
}
_NOTHING: Node = _line("0")
ERASED: Node = OPENED | {
    "commit": 2,
    "id": "8d0c4f7e" * 8,
    "source": "costwire:erasure",
    "state": "erased",
    "generation": "2024-10-04T06:00:00Z",
    "billingPeriods": [],
    "rows": OPENED["rows"] | {"read": 1, "quarantined": 0, "erased": 1},
    "sums": {
        "USD": {
            "BilledCost": _line("1.5", erased="1.5"),
            "EffectiveCost": _NOTHING,
            "ListCost": _NOTHING,
            "ContractedCost": _NOTHING,
        }
    },
    "findings": {},
    "balanced": True,
    "reason": "request 12",
    "by": "costwire",
    "condition": "ResourceId = ?",
    "times": {
        "read": "2024-10-04T06:00:00Z",
        "opened": "2024-10-04T06:00:00Z",
        "committed": "2024-10-04T06:00:00Z",
    },
}
REPLAYED: Node = COMMITTED | {
    "commit": 2,
    "rows": COMMITTED["rows"]
    | {"stored": 3, "quarantined": 0, "added": 1, "unchanged": 2, "repaired": 1},
    "sums": {
        "USD": COMMITTED["sums"]["USD"] | {"BilledCost": _line("3.54", stored="3.54")},
    },
    "decisions": [_decided(Act.REPLAYED, by="will")],
    "replays": 1,
    "repairs": [
        {
            "commit": 2,
            "by": "will",
            "at": _COMMITTED_AT,
            "rows": 1,
            "corrected": 0,
            "sums": {"USD": {"BilledCost": {"was": "0.01", "now": "0.01"}}},
        }
    ],
}

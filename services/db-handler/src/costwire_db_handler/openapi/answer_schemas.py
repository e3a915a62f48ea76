"""What answers across time look like: schemas of their documents."""

from __future__ import annotations

from costwire_db_handler.answers.changed import Kind
from costwire_focus.amounts import COST_COLUMNS
from costwire_runtime.openapi import Node, listed, or_null, record, ref

_TEXT: Node = {"type": "string"}
_TEXT_OR_NULL: Node = {"type": ["string", "null"]}
_NEXT: Node = {
    "type": ["string", "null"],
    "description": "The address of the next page, of the very same states; null after the last.",
}


def _by_name(schema: Node) -> Node:
    """The schema of an object whose fields are names of any kind."""
    return {"type": "object", "additionalProperties": schema}


_SUMS = _by_name(or_null(ref("Amount")))
_CHANGES: Node = {
    "type": "object",
    "properties": {kind.value: ref("ChangedPart") for kind in Kind},
    "additionalProperties": False,
}
_BEFORE_AND_AFTER = dict.fromkeys(COST_COLUMNS, ref("BeforeAndAfter"))
_INVOICE: Node = {
    "invoiceId": {"description": "Null: of charges on no invoice yet.", **_TEXT_OR_NULL},
    "issuer": _TEXT_OR_NULL,
    "currency": _TEXT,
    "month": or_null(ref("Month")),
}
_BILLED: Node = {"charges": ref("Count"), "billed": ref("Amount")}
_STATE: Node = {
    "state": {**ref("Count"), "description": "0: before the first delivery."},
    "commit": {"type": ["integer", "null"], "description": "The delivery that made it."},
    "delivery": {"type": ["string", "null"], "description": "The id of that delivery."},
    "at": {**or_null(ref("Instant")), "description": "Since when readers saw it."},
}

SCHEMAS: Node = {
    "Moment": {"description": "A state that readers were shown.", **record(_STATE)},
    "Rate": {
        "description": "One unit of `from` is `rate` units of `to`, in a billing month.",
        **record(
            {
                "month": ref("Month"),
                "from": _TEXT,
                "to": _TEXT,
                "rate": ref("Amount"),
                "source": {"type": "string", "description": "Who says so."},
                "frozen": {
                    "description": "Since when it cannot change; null: it can.",
                    **or_null(ref("Instant")),
                },
            }
        ),
    },
    "Costs": record(
        {
            "table": ref("TableName"),
            "asOf": ref("Moment"),
            "by": listed(_TEXT),
            "metrics": listed(_TEXT),
            "rows": listed(
                record(
                    {
                        "by": _by_name(_TEXT_OR_NULL),
                        "currency": _TEXT,
                        "charges": ref("Count"),
                        "sums": _SUMS,
                    },
                    {"converted": _SUMS},
                )
            ),
            "totals": {
                "description": "By currency, over all pages.",
                **_by_name(record({"charges": ref("Count"), "sums": _SUMS})),
            },
            "next": _NEXT,
        },
        {
            "in": {
                "description": "Over all currencies and pages, with the rates that were taken.",
                **record({"currency": _TEXT, "total": _SUMS, "rates": listed(ref("Rate"))}),
            }
        },
    ),
    "BeforeAndAfter": record(
        {"before": ref("Amount"), "after": ref("Amount"), "difference": ref("Amount")}
    ),
    "ChangedPart": {
        "description": "What one kind of change did.",
        **record(
            {
                "added": {"description": "How many charges came.", **ref("Count")},
                "removed": {"description": "How many charges went.", **ref("Count")},
                "difference": {
                    "description": "By metric.",
                    **_by_name(ref("Amount")),
                },
            },
            {
                "columns": {
                    "description": "In how many of the charges each column differs: of "
                    "corrected and of re-dimensioned ones.",
                    **_by_name({"type": "integer", "minimum": 1}),
                }
            },
        ),
    },
    "Changes": {
        "description": "The differences of the parts add up to that of the sums, exactly.",
        **record(
            {
                "table": ref("TableName"),
                "from": ref("Moment"),
                "to": ref("Moment"),
                "by": listed(_TEXT),
                "metrics": listed({"enum": list(COST_COLUMNS)}),
                "rows": listed(
                    record(
                        {"by": _by_name(_TEXT_OR_NULL), "currency": _TEXT, "changes": _CHANGES},
                        _BEFORE_AND_AFTER,
                    )
                ),
                "totals": {
                    "description": "By currency: of all charges, and of all groups that changed.",
                    **_by_name(record({"changes": _CHANGES}, _BEFORE_AND_AFTER)),
                },
                "next": _NEXT,
            }
        ),
    },
    "Invoices": record(
        {
            "table": ref("TableName"),
            "asOf": ref("Moment"),
            "invoices": listed(
                record(
                    {
                        **_INVOICE,
                        **_BILLED,
                        "history": {
                            "description": "Each time that it changed, the oldest first.",
                            **listed(record({**_STATE, **_BILLED})),
                        },
                    }
                )
            ),
            "next": _NEXT,
        },
        {
            "compared": {
                "description": "Each line of the list that was sent, beside the charges.",
                **listed(
                    record(
                        {
                            **_INVOICE,
                            "line": ref("Count"),
                            "total": ref("Amount"),
                            **_BILLED,
                            "difference": {
                                "description": "The charges' sum less the listed total.",
                                **ref("Amount"),
                            },
                        }
                    )
                ),
            },
            "unlisted": {
                "description": "Invoices of charges that the list lacks.",
                **listed(record({**_INVOICE, **_BILLED})),
            },
        },
    ),
}

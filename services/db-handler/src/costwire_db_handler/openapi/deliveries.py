"""Deliveries: opening, parts, quarantine, commit, decisions, and the ledger."""

from __future__ import annotations

import base64
import json

from costwire_db_handler import errors
from costwire_db_handler.openapi.ledger import (
    COMMITTED,
    DELIVERY_ID,
    OPENED,
    PERIOD,
    REJECTED,
    UNCHANGED,
)
from costwire_db_handler.openapi.parts import (
    Failure,
    Node,
    answer,
    content,
    in_path,
    listed,
    operation,
    or_null,
    query,
    record,
    ref,
)
from costwire_db_handler.upload import ARROW, NDJSON
from costwire_db_handler.users import Role
from costwire_focus.columns import VERSIONS

_SHA256: Node = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT: Node = {"type": "string"}

SCHEMAS: Node = {
    "Manifest": {
        "description": "What an exporter says of a delivery; unknown fields are read over.",
        "type": "object",
        "required": [
            *("id", "table", "source", "generation", "focusVersion", "columns"),
            *("rows", "sums", "exposition", "times"),
        ],
        "properties": {
            "format": {"const": 1},
            "id": {"description": "Of its content, its options and its table.", **_SHA256},
            "table": ref("TableName"),
            "source": {"type": "string", "minLength": 1, "maxLength": 2000},
            "mode": {
                "enum": ["replace", "append"],
                "default": "replace",
                "description": "Whether it is the new state of its scope, or adds to it.",
            },
            "generation": ref("WrittenInstant"),
            "focusVersion": {"enum": list(VERSIONS)},
            "columns": listed(
                {
                    "type": "object",
                    "required": ["name", "label"],
                    "properties": {"name": _TEXT, "label": _TEXT},
                }
            ),
            "scope": {
                "type": "object",
                "properties": {
                    "declared": {
                        "description": "Months; null: the periods that the charges name.",
                        "type": ["array", "null"],
                        "items": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
                    },
                    "billingPeriods": listed(ref("BillingPeriod")),
                },
            },
            "rows": {
                "description": "read = published + quarantined",
                "type": "object",
                "required": ["read", "published", "quarantined"],
                "properties": {name: ref("Count") for name in ("read", "published", "quarantined")},
            },
            "sums": {
                "description": "By currency and by cost column; read = published + quarantined.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": or_null(ref("ClaimedSum")),
                },
            },
            "recount": or_null(
                {
                    "description": "The same figures by an independent reader.",
                    "type": "object",
                    "required": ["reader", "records", "billedCost"],
                    "properties": {
                        "reader": _TEXT,
                        "records": ref("Count"),
                        "billedCost": _TEXT,
                    },
                }
            ),
            "findings": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["count", "message"],
                    "properties": {
                        "count": ref("Count"),
                        "message": _TEXT,
                        "lines": listed(
                            {
                                "type": "object",
                                "required": ["file", "line"],
                                "properties": {"file": _TEXT, "line": ref("Count")},
                            }
                        ),
                    },
                },
            },
            "exposition": {
                "description": "The body of the exporter's `/metrics`.",
                "type": "object",
                "required": ["samples", "bytes", "sha256", "renderer"],
                "properties": {
                    "samples": ref("Count"),
                    "bytes": ref("Count"),
                    "sha256": _SHA256,
                    "renderer": ref("Count"),
                },
            },
            "times": {
                "type": "object",
                "required": ["read"],
                "properties": {"read": ref("WrittenInstant")},
            },
        },
    },
    "ClaimedSum": {
        "type": "object",
        "required": ["read", "published", "quarantined"],
        "properties": {name: ref("WrittenAmount") for name in ("read", "published", "quarantined")},
    },
    "QuarantinedRow": {
        "description": "A row that could not be used. As it was, so it may hold a bill.",
        **record(
            {
                "file": _TEXT,
                "line": ref("Count"),
                "raw": {"type": "string", "contentEncoding": "base64"},
                "column": {"type": ["string", "null"]},
                "rule": _TEXT,
                "reason": _TEXT,
            }
        ),
    },
}

MANIFEST: Node = {
    "format": 1,
    "id": DELIVERY_ID,
    "table": "charges",
    "source": "bills/2024-09.csv",
    "mode": "replace",
    "generation": "2024-10-02T05:00:00Z",
    "focusVersion": "1.0",
    "columns": [
        {"name": name, "label": name}
        for name in (
            *("BilledCost", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd"),
            *("ServiceName", "ResourceId"),
        )
    ],
    "scope": {"declared": None, "billingPeriods": [PERIOD]},
    "rows": {"read": 3, "published": 2, "quarantined": 1},
    "sums": {"USD": {"BilledCost": {"read": "3.54", "published": "3.53", "quarantined": "0.01"}}},
    "recount": {"reader": "duckdb", "records": 3, "billedCost": "3.54"},
    "findings": {"CW-Currency": {"count": 1, "message": "a currency is a code of three letters"}},
    "exposition": {"samples": 2, "bytes": 412, "sha256": "0" * 64, "renderer": 1},
    "times": {"read": "2024-10-02T06:00:00Z"},
}
QUARANTINED: Node = {
    "file": "2024-09.csv",
    "line": 4,
    "raw": base64.b64encode(b"0.01,dollars,...").decode(),
    "column": "BillingCurrency",
    "rule": "CW-Currency",
    "reason": "'dollars' is no code of three letters",
}
_QUARANTINE_LINE = json.dumps(QUARANTINED, ensure_ascii=False) + "\n"

_COMMIT = in_path(
    "commit", {"type": "integer", "minimum": 1}, "The number of a delivery.", COMMITTED["commit"]
)
_DRY_RUN = query(
    "dryRun", {"enum": ["true", "false"]}, "`true`: tell what would happen, and keep nothing."
)
_UNKNOWN: Failure = (
    errors.UnknownDelivery,
    "no delivery has the number 99; GET /deliveries lists them",
)
_NOT_OPEN: Failure = (
    errors.DeliveryNotOpen,
    "delivery 1 is committed; nothing can be added to it",
)
_ONE_ENTRY = content(ref("Entry"), committed=COMMITTED)
_OPENING = {
    "type": "object",
    "required": ["entry", "parts"],
    "properties": {
        "entry": ref("Entry"),
        "parts": {
            "description": "The numbers of the parts that need not be sent again.",
            **listed(ref("Count")),
        },
    },
    "additionalProperties": False,
}


def _decision(name: str, summary: str, example: Node, *wrong: str) -> Node:
    state = example["state"]
    return operation(
        "ledger",
        name,
        Role.WRITER,
        summary,
        parameters=[_COMMIT],
        answers={"200": answer("The entry", content(ref("Entry"), **{state: example}))},
        fails=[_UNKNOWN, *((errors.WrongState, detail) for detail in wrong)],
    )


PATHS: Node = {
    "/deliveries": {
        "post": operation(
            "deliveries",
            "openDelivery",
            Role.WRITER,
            "Announce a delivery",
            description="The same manifest again finds the same open delivery.",
            parameters=[_DRY_RUN],
            body=content(ref("Manifest"), september=MANIFEST),
            answers={
                "200": answer(
                    "There is nothing to send: readers see this content already",
                    content(_OPENING, unchanged={"entry": UNCHANGED, "parts": []}),
                ),
                "201": answer(
                    "It is open", content(_OPENING, opened={"entry": OPENED, "parts": []})
                ),
            },
            fails=[
                (errors.BadManifest, "read the manifest: table: Field required"),
                (
                    errors.TableTaken,
                    "deliver to teams: will has a table of this name; drop it, or use another",
                ),
                (
                    errors.TooManyOpen,
                    "open a delivery: 100 are open; finish or abort some "
                    "(DELETE /deliveries/<commit>)",
                ),
            ],
        ),
        "get": operation(
            "ledger",
            "listDeliveries",
            Role.READER,
            "The ledger, oldest first",
            parameters=[query("table", ref("TableName"), "Of this table alone.")],
            answers={
                "200": answer(
                    "The entries",
                    content(
                        record({"deliveries": listed(ref("Entry"))}),
                        two={"deliveries": [COMMITTED, UNCHANGED]},
                    ),
                )
            },
        ),
    },
    "/deliveries/{commit}": {
        "get": operation(
            "ledger",
            "showDelivery",
            Role.READER,
            "One entry of the ledger",
            parameters=[_COMMIT],
            answers={"200": answer("The entry", _ONE_ENTRY)},
            fails=[_UNKNOWN],
        ),
        "delete": operation(
            "deliveries",
            "abortDelivery",
            Role.WRITER,
            "Give up an open delivery",
            parameters=[_COMMIT],
            answers={"204": answer("It is given up")},
            fails=[_UNKNOWN, (errors.DeliveryNotOpen, "abort 1: it is committed already")],
        ),
    },
    "/deliveries/{commit}/parts": {
        "post": operation(
            "deliveries",
            "stagePart",
            Role.WRITER,
            "Send a part of an open delivery",
            description="The same bytes again change nothing.",
            parameters=[
                _COMMIT,
                query("seq", ref("Count"), "Which part it is: 0, 1, 2, ...", required=True),
            ],
            body={ARROW: {"schema": {"description": "An Arrow IPC stream of text columns."}}},
            answers={"204": answer("It is kept")},
            fails=[
                _UNKNOWN,
                _NOT_OPEN,
                (errors.BadPart, "stage a part: say which one it is with ?seq=0, 1, 2, ..."),
                (
                    errors.PartDiffers,
                    "stage part 0: it was staged before with other bytes; abort the delivery and "
                    "open it anew",
                ),
            ],
        )
    },
    "/deliveries/{commit}/quarantine": {
        "post": operation(
            "deliveries",
            "setQuarantine",
            Role.WRITER,
            "Send the rows that the exporter could not use, instead of those sent before",
            parameters=[_COMMIT],
            body=content(_TEXT, NDJSON, one=_QUARANTINE_LINE),
            answers={"204": answer("They are kept")},
            fails=[
                _UNKNOWN,
                _NOT_OPEN,
                (errors.BadPart, "read the quarantine: line 1 is no JSON"),
            ],
        ),
        "get": operation(
            "ledger",
            "listQuarantine",
            Role.READER,
            "The rows of a delivery that could not be used",
            parameters=[_COMMIT],
            answers={
                "200": answer(
                    "A `QuarantinedRow` a line", content(_TEXT, NDJSON, one=_QUARANTINE_LINE)
                )
            },
            fails=[_UNKNOWN],
        ),
    },
    "/deliveries/{commit}/commit": {
        "post": operation(
            "deliveries",
            "commitDelivery",
            Role.WRITER,
            "Verify what was sent against the manifest, and settle it in one step",
            description="A repeated commit answers the same entry.",
            parameters=[_COMMIT, _DRY_RUN],
            answers={"200": answer("The settled entry", _ONE_ENTRY)},
            fails=[
                _UNKNOWN,
                (errors.DeliveryNotOpen, "commit 1: it was aborted; open it anew"),
                (
                    errors.Unbalanced,
                    "commit: 0 charges arrived where the manifest has 2; send the missing parts",
                ),
                (
                    errors.OutsideScope,
                    "commit: charges of the billing period 2024-08-01T00:00:00Z arrived, which is "
                    "not among the declared months",
                ),
            ],
        )
    },
    "/deliveries/{commit}/accept": {
        "post": _decision(
            "acceptDelivery",
            "Let readers see a delivery that was held, superseded or rejected",
            COMMITTED,
            "accept 1: it is committed, not held or superseded or rejected",
        )
    },
    "/deliveries/{commit}/reject": {
        "post": _decision(
            "rejectDelivery",
            "Decide that a held delivery is not to be seen",
            REJECTED,
            "reject 1: it is committed, not held",
        )
    },
}

"""What a delivery is told by: the manifest, and rows that could not be used."""

from __future__ import annotations

import base64

from costwire_db_handler.openapi.ledger import DELIVERY_ID, PERIOD
from costwire_focus.columns import VERSIONS
from costwire_runtime.openapi import Node, listed, or_null, record, ref

_SHA256: Node = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT: Node = {"type": "string"}
_EXPOSITION: Node = {
    "type": "object",
    "required": ["samples", "bytes", "sha256", "renderer"],
    "properties": {
        "samples": ref("Count"),
        "bytes": ref("Count"),
        "sha256": _SHA256,
        "renderer": ref("Count"),
    },
}

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
            "mapped": listed(ref("LegacyMapping")),
            "currency": {
                "description": "What was told of charges that name none.",
                "type": ["string", "null"],
                "pattern": "^[A-Z]{3}$",
            },
            "dates": {
                "description": "What was told of dates such as 9/1/24.",
                "enum": ["mdy", "dmy", None],
            },
            "exposition": {"description": "The body of the exporter's `/metrics`.", **_EXPOSITION},
            "changes": or_null(
                {
                    "description": "What the delivery changes of another one of the source, which "
                    "may be sent instead of the whole; the exporter's `/changes`.",
                    "type": "object",
                    "required": ["since", "added", "removed"],
                    "properties": {
                        "since": {"description": "The id of that other one.", **_SHA256},
                        "added": _EXPOSITION,
                        "removed": _EXPOSITION,
                    },
                }
            ),
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
            },
            {
                "row": {"description": "Its number, told by the handler.", **_TEXT},
                "cells": {
                    "description": "Those that are not null; null where it could not be cut.",
                    "type": ["object", "null"],
                    "additionalProperties": _TEXT,
                },
            },
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
_CELLS = {
    "BilledCost": "0.01",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2024-09-01T00:00:00Z",
    "BillingPeriodEnd": "October",
    "ServiceName": "Storage",
    "ResourceId": "disk-2",
}
QUARANTINED: Node = {
    "file": "2024-09.csv",
    "line": 4,
    "raw": base64.b64encode(",".join(_CELLS.values()).encode()).decode(),
    "column": "BillingPeriodEnd",
    "rule": "CW-InstantUnreadable",
    "reason": "read BillingPeriodEnd: 'October' is not a date and time",
    "cells": _CELLS,
}

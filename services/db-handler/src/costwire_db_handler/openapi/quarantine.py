"""What is in quarantine, and repaired rows on their way back."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.deliveries import COMMIT, DRY_RUN, UNKNOWN
from costwire_db_handler.openapi.ledger import COMMITTED, REPLAYED
from costwire_db_handler.openapi.manifest import QUARANTINED
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.users import Role
from costwire_focus.repairs import SheetRow, write_sheet
from costwire_runtime.openapi import Node, answer, content, listed, query, record, ref

_TEXT: Node = {"type": "string"}
_OR_NULL: Node = {"type": ["string", "null"]}
_CSV = "text/csv"
_CELLS = QUARANTINED["cells"]
_REASON = "{rule}: {reason} ({file}:{line})".format(**QUARANTINED)


def _sheet(**changes: str) -> str:
    row = SheetRow("1", _REASON, {**_CELLS, **changes})
    return "".join(write_sheet(list(_CELLS), [row], raw=False))


SCHEMAS: Node = {
    "Quarantine": {
        "description": "What of a delivery is in quarantine: `unknown` are the rows whose money is "
        "not known, for BilledCost cannot be read; `sums` the known costs by currency.",
        **record(
            {
                "commit": ref("Count"),
                "table": ref("TableName"),
                "source": _TEXT,
                "rows": ref("Count"),
                "unknown": ref("Count"),
                "rules": listed(
                    record(
                        {
                            "rule": _TEXT,
                            "column": _OR_NULL,
                            "rows": ref("Count"),
                            "unknown": ref("Count"),
                        }
                    )
                ),
                "sums": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "additionalProperties": ref("WrittenAmount"),
                    },
                },
            }
        ),
    },
    "Replayed": {
        "description": "What a sheet of repaired rows did, or would do. `broken` are the first "
        "100 of the `brokenRows` that stay in quarantine; their `line` is that of the sheet.",
        **record(
            {
                "entry": ref("Entry"),
                "dryRun": {"type": "boolean"},
                "rows": {"description": "That left the quarantine.", **ref("Count")},
                "corrected": {"description": "Repaired before, otherwise.", **ref("Count")},
                "unchanged": {"description": "Repaired so before.", **ref("Count")},
                "brokenRows": ref("Count"),
                "broken": listed(
                    record(
                        {
                            "row": _OR_NULL,
                            "line": ref("Count"),
                            "column": _OR_NULL,
                            "rule": _OR_NULL,
                            "reason": _TEXT,
                        }
                    )
                ),
            }
        ),
    },
}

PATHS: Node = {
    "/quarantine": {
        "get": operation(
            "quarantine",
            "listQuarantines",
            Role.READER,
            "The deliveries that readers see of which rows are in quarantine",
            parameters=[query("table", ref("TableName"), "Of this table alone.")],
            answers={
                "200": answer(
                    "By rule and column, with the known money",
                    content(
                        record({"deliveries": listed(ref("Quarantine"))}),
                        one={
                            "deliveries": [
                                {
                                    "commit": 1,
                                    "table": "charges",
                                    "source": COMMITTED["source"],
                                    "rows": 1,
                                    "unknown": 0,
                                    "rules": [
                                        {
                                            "rule": QUARANTINED["rule"],
                                            "column": QUARANTINED["column"],
                                            "rows": 1,
                                            "unknown": 0,
                                        }
                                    ],
                                    "sums": {"USD": {"BilledCost": "0.01"}},
                                }
                            ]
                        },
                    ),
                )
            },
        )
    },
    "/deliveries/{commit}/quarantine.csv": {
        "get": operation(
            "quarantine",
            "writeQuarantine",
            Role.READER,
            "The quarantined rows of a delivery as a sheet to be edited",
            parameters=[COMMIT],
            answers={
                "200": answer(
                    "The report's own columns, and two", content(_TEXT, _CSV, one=_sheet())
                )
            },
            fails=[
                UNKNOWN,
                (errors.BadSheet, "write the sheet: the report has a column 'costwire:row'"),
            ],
        )
    },
    "/deliveries/{commit}/replay": {
        "post": operation(
            "quarantine",
            "replayRows",
            Role.WRITER,
            "Take the repaired rows of a sheet into their delivery, all of them or none",
            description="The same sheet again changes nothing; other cells for a repaired row "
            "correct it.",
            parameters=[
                COMMIT,
                DRY_RUN,
                query(
                    "partial",
                    {"enum": ["true", "false"]},
                    "`true`: rows that are still broken stay, the others come.",
                ),
                query(
                    "closed",
                    {"enum": ["accept"]},
                    "`accept`: charges of closed billing periods may come.",
                ),
            ],
            body=content(_TEXT, _CSV, one=_sheet(BillingPeriodEnd="2024-10-01T00:00:00Z")),
            answers={
                "200": answer(
                    "What it did",
                    content(
                        ref("Replayed"),
                        one={
                            "entry": REPLAYED,
                            "dryRun": False,
                            "rows": 1,
                            "corrected": 0,
                            "unchanged": 0,
                            "brokenRows": 0,
                            "broken": [],
                        },
                    ),
                )
            },
            fails=[
                UNKNOWN,
                (errors.BadSheet, "read the sheet: it has lost the column 'BilledCost'"),
                (
                    errors.CannotReplay,
                    "replay into 1: it is held; accept it first (costwire deliveries accept), "
                    "then replay",
                ),
                (
                    errors.RowsBroken,
                    "replay: 1 row of the sheet cannot be stored, first line 2: read BilledCost: "
                    "'abc' is not a number that can be kept exactly",
                ),
            ],
        )
    },
}

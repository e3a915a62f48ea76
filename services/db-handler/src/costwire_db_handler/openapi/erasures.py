"""Erasing charges from every version."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.ledger import COMMITTED, ERASED
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.users import Role
from costwire_runtime.openapi import Node, answer, content, listed, query, record, ref

SCHEMAS: Node = {
    "Erased": record(
        {
            "entry": ref("Entry"),
            "dryRun": {"type": "boolean"},
            "deliveries": {
                "description": "Those whose entries count some of the charges.",
                **listed(
                    record(
                        {
                            "commit": ref("Count"),
                            "source": {"type": "string"},
                            "state": ref("State"),
                            "erased": ref("Count"),
                        }
                    )
                ),
            },
            "aborted": {
                "description": "Open deliveries of the table: they were given up.",
                **listed(ref("Count")),
            },
            "quarantined": {
                "description": "Quarantined rows that lost what was read.",
                **ref("Count"),
            },
            "elsewhere": {
                "description": "Tables that may hold copies, and are not looked at.",
                **listed({"type": "string"}),
            },
            "note": {"type": "string"},
        }
    ),
}

_NOTE = (
    "a later delivery of the same source that still has these charges brings them back: they have "
    "to go from the source too"
)

PATHS: Node = {
    "/erasures": {
        "post": operation(
            "erasures",
            "erase",
            Role.ADMIN,
            "Remove charges from every version, for good",
            description="Repeated, it removes what is there by then.",
            parameters=[
                query(
                    "dryRun",
                    {"enum": ["true", "false"]},
                    "`true`: tell what would go, and remove nothing.",
                )
            ],
            body=content(
                {
                    "type": "object",
                    "required": ["table", "where"],
                    "properties": {
                        "table": ref("TableName"),
                        "where": {
                            "type": "string",
                            "description": "A condition on charges, as `filter` of `/costs`.",
                        },
                        "reason": {"type": ["string", "null"], "maxLength": 2000},
                        "quarantine": {
                            "type": "boolean",
                            "default": False,
                            "description": "Whether the quarantined rows of the table lose what "
                            "was read.",
                        },
                    },
                    "additionalProperties": False,
                },
                one={"table": "charges", "where": "ResourceId = 'vm-1'", "reason": "request 12"},
            ),
            answers={
                "200": answer(
                    "What is gone",
                    content(
                        ref("Erased"),
                        one={
                            "entry": ERASED,
                            "dryRun": False,
                            "deliveries": [
                                {
                                    "commit": 1,
                                    "source": COMMITTED["source"],
                                    "state": "committed",
                                    "erased": 1,
                                }
                            ],
                            "aborted": [],
                            "quarantined": 0,
                            "elsewhere": [],
                            "note": _NOTE,
                        },
                    ),
                )
            },
            fails=[
                (
                    errors.BadQuestion,
                    "erase: say which charges with a condition; an empty one means all",
                ),
                (errors.UnknownTable, "there is no table 'nosuch' of charges; there is charges"),
                (
                    errors.CannotErase,
                    "erase: uploads to charges wait to be delivered, and cannot be: another "
                    "delivery is being settled",
                ),
            ],
        )
    }
}

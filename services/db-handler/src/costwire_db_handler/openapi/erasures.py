"""Erasing charges, for admins."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.answers.conditions import MOST_CHARACTERS
from costwire_db_handler.openapi.ledger import ERASED
from costwire_db_handler.openapi.parts import (
    Node,
    answer,
    content,
    listed,
    operation,
    query,
    record,
    ref,
)
from costwire_db_handler.users import Role

_FLAG: Node = {"type": "boolean"}
_MOST_REASON = 2_000

SCHEMAS: Node = {
    "ErasureRequest": record(
        {
            "table": ref("TableName"),
            "where": {
                "type": "string",
                "minLength": 1,
                "maxLength": MOST_CHARACTERS,
                "description": "Which charges: a condition in a small part of SQL.",
                "examples": ["Tags['person'] = 'x'"],
            },
        },
        {
            "reason": {
                "type": ["string", "null"],
                "maxLength": _MOST_REASON,
                "description": "Stands in the ledger; what is to be erased has no place in it.",
            },
            "quarantine": {
                **_FLAG,
                "default": False,
                "description": "Whether the quarantined rows of the table, all of them, lose what "
                "was read.",
            },
        },
    ),
    "ErasedFrom": {
        "description": "A delivery whose entry counts charges that were erased.",
        **record(
            {
                "commit": {"type": "integer", "minimum": 1},
                "source": {"type": "string"},
                "state": ref("State"),
                "erased": ref("Count"),
            }
        ),
    },
    "Erasure": record(
        {
            "entry": ref("Entry"),
            "dryRun": _FLAG,
            "deliveries": listed(ref("ErasedFrom")),
            "aborted": {
                "description": "The numbers of open deliveries that were given up.",
                **listed({"type": "integer", "minimum": 1}),
            },
            "quarantined": {
                "description": "How many quarantined rows lost what was read.",
                **ref("Count"),
            },
            "elsewhere": {
                "description": "Tables that may hold copies, and are not looked at.",
                **listed({"type": "string"}),
            },
            "note": {"type": "string", "description": "What is left to do."},
        }
    ),
}

_REQUEST: Node = {
    "table": "charges",
    "where": "ResourceId = 'disk-1'",
    "reason": "request 12",
    "quarantine": True,
}
_ERASURE: Node = {
    "entry": ERASED,
    "dryRun": False,
    "deliveries": [{"commit": 1, "source": "bills/2024-09.csv", "state": "committed", "erased": 1}],
    "aborted": [],
    "quarantined": 1,
    "elsewhere": ["teams"],
    "note": "a later delivery of the same source that still has these charges brings them back: "
    "they have to go from the source too",
}

PATHS: Node = {
    "/erasures": {
        "post": operation(
            "erasures",
            "erase",
            Role.ADMIN,
            "Remove charges from every version, for good",
            description="Open deliveries of the table are given up. A 503 may come when the "
            "charges are gone for readers, but not yet from the files: its `detail` says so, and "
            "the same request again removes what is left.",
            parameters=[
                query(
                    "dryRun",
                    {"enum": ["true", "false"]},
                    "`true`: tell what would go, and keep everything.",
                )
            ],
            body=content(ref("ErasureRequest"), disk=_REQUEST),
            answers={
                "200": answer(
                    "What went, or would go",
                    content(ref("Erasure"), erased=_ERASURE, tried=_ERASURE | {"dryRun": True}),
                )
            },
            fails=[
                (
                    errors.BadQuestion,
                    "erase: say which charges with a condition; an empty one means all",
                ),
                (errors.UnknownTable, "erase: no table of charges has the name nosuch"),
                (
                    errors.CannotErase,
                    "erase: uploads to charges wait to be delivered, and cannot be: deliver to "
                    "charges: will has a table of this name; drop it, or use another",
                ),
            ],
        )
    }
}

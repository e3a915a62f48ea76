"""The audit log."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.users import Role
from costwire_runtime.openapi import Node, answer, content, listed, or_null, query, record, ref

_TEXT: Node = {"type": "string"}
_HASH: Node = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_HEAD: Node = {
    "type": "string",
    "pattern": "^[0-9]+:[0-9a-f]{64}$",
    "description": "The number and the hash of the last entry: keep it elsewhere, to ask for it.",
}
_ENTRY: Node = {
    "n": 12,
    "at": "2024-12-11T10:00:00Z",
    "act": "settled",
    "by": "will",
    "address": "192.0.2.7",
    "about": {"commit": 7, "table": "charges", "source": "aws", "act": "committed"},
    "before": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "hash": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
}

SCHEMAS: Node = {
    "AuditEntry": record(
        {
            "n": {"type": "integer", "minimum": 1},
            "at": ref("Instant"),
            "act": _TEXT,
            "by": or_null(_TEXT) | {"description": "The user; null: the handler, or nobody known."},
            "address": or_null(_TEXT),
            "about": {"type": "object"},
            "before": _HASH | {"description": "The hash of the entry before."},
            "hash": _HASH | {"description": "SHA-256 of the other fields, as sorted JSON."},
        },
        {"lost": {"type": "integer", "description": "Entries before it that found no room."}},
    )
}

PATHS: Node = {
    "/audit": {
        "get": operation(
            "audit",
            "listAudit",
            Role.ADMIN,
            "Who signed in, decided, erased, exported and gave rights",
            parameters=[
                query("since", ref("Count"), "Only entries after this number."),
                query("limit", {"type": "integer", "minimum": 1}, "So many at most (1,000)."),
            ],
            answers={
                "200": answer(
                    "The entries, oldest first",
                    content(
                        record({"entries": listed(ref("AuditEntry")), "head": _HEAD}),
                        one={"entries": [_ENTRY], "head": f"12:{_ENTRY['hash']}"},
                    ),
                )
            },
            fails=[(errors.BadQuestion, "since: 'x' is no whole number")],
        )
    },
    "/audit/verify": {
        "get": operation(
            "audit",
            "verifyAudit",
            Role.ADMIN,
            "Whether no entry was changed, taken out or put in",
            parameters=[query("head", _HEAD, "A head that has to be in the log.")],
            answers={
                "200": answer(
                    "What was found",
                    content(
                        record(
                            {
                                "entries": ref("Count"),
                                "first": ref("Count"),
                                "head": _HEAD,
                                "broken": or_null(record({"n": {"type": "integer"}, "why": _TEXT})),
                            }
                        ),
                        whole={
                            "entries": 12,
                            "first": 1,
                            "head": f"12:{_ENTRY['hash']}",
                            "broken": None,
                        },
                        changed={
                            "entries": 6,
                            "first": 1,
                            "head": f"6:{_ENTRY['before']}",
                            "broken": {"n": 7, "why": "it was changed"},
                        },
                    ),
                )
            },
            fails=[(errors.BadQuestion, "'x' is no head of an audit log: it is NUMBER:HASH")],
        )
    },
}

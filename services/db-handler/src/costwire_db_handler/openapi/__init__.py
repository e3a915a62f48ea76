"""The handler's API as an OpenAPI 3.1 document; a group of paths is a module. No IO.

A new group gives `PATHS`, and `SCHEMAS` where others could use what it answers, and is listed here.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from costwire_db_handler.openapi import (
    answers,
    audit,
    deliveries,
    erasures,
    ledger,
    manifest,
    quarantine,
    service,
    sql,
    tables,
    upload,
    users,
)
from costwire_db_handler.openapi.parts import SHARED_SCHEMAS
from costwire_runtime.openapi import Node

_GROUPS = (
    *(service, sql, answers, deliveries, quarantine),
    *(erasures, upload, tables, users, audit),
)
_TAGS = {
    "deliveries": "A delivery: opened with its manifest, sent in parts, committed as a whole",
    "ledger": "What became of every delivery",
    "quarantine": "Rows that could not be used, and the way out",
    "answers": "What people ask of a bill across time",
    "sql": "CrateDB's HTTP protocol",
    "erasures": "Charges that are to be nowhere any more",
    "upload": "Charges that belong to no delivery",
    "tables": "Tables of the original handler",
    "users": "Who may sign in",
    "audit": "Who did what",
    "service": "Probes, own metrics, and this description",
}
_ABOUT = """\
Takes deliveries of charges, makes each visible as a whole, keeps the ledger, and answers SQL.

Amounts are decimal text, so that no client reads them as doubles; instants are UTC to the \
millisecond. Failures are `application/problem+json`; `/_sql` alone answers as CrateDB does. Every \
request may be repeated: nothing counts twice. A 503 says with `Retry-After` when."""


@cache
def document() -> Node:
    """The whole description; not to be changed by whoever gets it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Costwire database handler",
            "version": version("costwire-db-handler"),
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "The handler that serves this document"}],
        "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
        "security": [{"basic": []}],
        "paths": {path: item for group in _GROUPS for path, item in group.PATHS.items()},
        "components": {
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A user of the handler; on CrateDB a user of CrateDB. "
                    "`x-role` of an operation is the smallest role that may do it.",
                }
            },
            "schemas": {
                **SHARED_SCHEMAS,
                **answers.SCHEMAS,
                **audit.SCHEMAS,
                **erasures.SCHEMAS,
                **ledger.SCHEMAS,
                **sql.SCHEMAS,
                **manifest.SCHEMAS,
                **quarantine.SCHEMAS,
                **upload.SCHEMAS,
                **users.SCHEMAS,
            },
        },
    }

"""`POST /_sql` and `GET /`, in CrateDB's shape."""

from __future__ import annotations

from costwire_db_handler.openapi.parts import BEYOND_LIMITS
from costwire_runtime.openapi import (
    JSON,
    OPEN,
    Node,
    answer,
    content,
    failures,
    listed,
    query,
    record,
    ref,
)

_ANY: Node = {}
_SIGN_IN = "sign in with a user and its password\n"
_AMOUNTS = (
    "Numbers have all their digits; ask for `amount::text` where your client reads doubles. "
    "Instants are milliseconds since 1970."
)

SCHEMAS: Node = {
    "SqlRequest": {
        **record(
            {"stmt": {"type": "string", "description": "One statement, at most 256 KiB."}},
            {
                "args": {"type": ["array", "null"], "description": "For `?`, `$1`, ..."},
                "bulk_args": {
                    "type": ["array", "null"],
                    "items": {"type": "array"},
                    "description": "One row of arguments for each time that the statement runs.",
                },
            },
        ),
    },
    "SqlAnswer": {
        "description": f"The rows of a query, or how many a statement changed. {_AMOUNTS}",
        **record(
            {
                "cols": listed({"type": "string"}),
                "rows": listed({"type": "array", "items": _ANY}),
                "rowcount": {"type": "integer"},
                "duration": {"type": "number", "description": "Milliseconds."},
            },
            {"col_types": {"type": "array", "description": "CrateDB's numbers of types."}},
        ),
    },
    "SqlBulkAnswer": {
        "description": "What became of each row of `bulk_args`.",
        **record(
            {
                "cols": listed({"type": "string"}),
                "duration": {"type": "number"},
                "results": listed(
                    record(
                        {"rowcount": {"type": "integer", "description": "-2: refused."}},
                        {"error": ref("SqlFault")},
                    )
                ),
            },
            {"col_types": {"type": "array"}},
        ),
    },
    "SqlFault": {
        "type": "object",
        "required": ["message", "code"],
        "properties": {
            "message": {"type": "string", "description": "`Class[text]`, CrateDB's classes."},
            "code": {"type": "integer"},
        },
    },
    "SqlError": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": ref("SqlFault")},
    },
}


def _failure(description: str, **examples: tuple[str, int]) -> Node:
    told = {
        name: {"error": {"message": message, "code": code}}
        for name, (message, code) in examples.items()
    }
    return answer(description, content(ref("SqlError"), JSON, **told))


_DENIED = answer(
    "Wrong credentials (text), or a privilege is missing",
    {
        **content({"type": "string"}, "text/plain", signIn=_SIGN_IN),
        **content(
            ref("SqlError"),
            missing={
                "error": {
                    "message": "MissingPrivilegeException[Missing 'DDL' privilege for user 'rita']",
                    "code": 4011,
                }
            },
        ),
    },
)

PATHS: Node = {
    "/": {
        "get": {
            "tags": ["sql"],
            "operationId": "version",
            "summary": "CrateDB's version document, by which its clients know what they talk to",
            "security": OPEN,
            "responses": {
                "200": answer(
                    "As a CrateDB",
                    content(
                        {
                            "type": "object",
                            "required": ["ok", "status", "name", "cluster_name", "version"],
                            "properties": {
                                "ok": {"const": True},
                                "status": {"const": 200},
                                "name": {"type": "string"},
                                "cluster_name": {"type": "string"},
                                "version": {
                                    "type": "object",
                                    "required": ["number"],
                                    "properties": {"number": {"type": "string"}},
                                },
                            },
                        },
                        costwire={
                            "ok": True,
                            "status": 200,
                            "name": "costwire",
                            "cluster_name": "costwire",
                            "version": {
                                "number": "6.2.11",
                                "build_hash": "NA",
                                "build_snapshot": False,
                            },
                        },
                    ),
                )
            },
        }
    },
    "/_sql": {
        "post": {
            "tags": ["sql"],
            "operationId": "runStatement",
            "summary": "Run a statement with the rights of the user who signed in",
            "description": "What may run, and what differs from CrateDB: `docs/sql.md`.",
            "x-role": "reader",
            "parameters": [
                query("types", {"type": "string"}, "If there, the answer has `col_types`."),
                {
                    "name": "Content-Encoding",
                    "in": "header",
                    "description": "Of the body.",
                    "schema": {"enum": ["gzip", "deflate", "identity"]},
                },
            ],
            "requestBody": {
                "required": True,
                "content": content(
                    ref("SqlRequest"),
                    query={
                        "stmt": "SELECT ServiceName, sum(BilledCost)::text AS cost FROM charges "
                        "WHERE ResourceId = ? GROUP BY 1",
                        "args": ["vm-1"],
                    },
                    asOf={
                        "stmt": "SELECT sum(BilledCost)::text FROM charges__versions WHERE "
                        "(SELECT max(state) FROM charges__states WHERE shown_at <= '2024-10-03') "
                        "BETWEEN _commit AND _last"
                    },
                    table={"stmt": "CREATE TABLE teams (name TEXT PRIMARY KEY, budget INTEGER)"},
                    bulk={
                        "stmt": "INSERT INTO teams VALUES (?, ?)",
                        "bulk_args": [["web", 100], ["web", 200]],
                    },
                ),
            },
            "responses": {
                "200": answer(
                    "It ran",
                    content(
                        {"oneOf": [ref("SqlAnswer"), ref("SqlBulkAnswer")]},
                        query={
                            "cols": ["servicename", "cost"],
                            "rows": [["Compute", "1.500000000000000000"]],
                            "rowcount": 1,
                            "duration": 3.214,
                        },
                        bulk={
                            "cols": [],
                            "duration": 13.34,
                            "results": [
                                {"rowcount": 1},
                                {
                                    "rowcount": -2,
                                    "error": {
                                        "message": "DuplicateKeyException[A document with the same "
                                        "primary key exists already]",
                                        "code": 4091,
                                    },
                                },
                            ],
                        },
                    ),
                ),
                "400": _failure(
                    "Not to be read, or not to be run",
                    syntax=('SQLParseException[syntax error at or near "selec"]', 4000),
                ),
                "401": _DENIED | {"headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}},
                "404": _failure(
                    "No such table or column",
                    table=("RelationUnknown[Relation 'nosuch' unknown]", 4041),
                ),
                "409": _failure(
                    "The key or the name is taken",
                    name=("RelationAlreadyExists[Relation 'doc.teams' already exists.]", 4093),
                ),
                "413": _failure(
                    "Too large",
                    body=("RequestTooLargeException[a request may have 16,777,216 bytes]", 4130),
                ),
                **failures(BEYOND_LIMITS),
                "429": answer(
                    "Too many sign-ins have failed", content({"type": "string"}, "text/plain")
                )
                | {"headers": {"Retry-After": {"required": True, "schema": {"type": "integer"}}}},
                "500": _failure(
                    "Stopped at a limit, or a fault; none is worth an unchanged repeat",
                    slow=("QueryTimeoutException[the statement ran longer than 30 seconds]", 5001),
                ),
            },
        }
    },
}

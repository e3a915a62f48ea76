"""Uploads without a delivery."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.upload import ARROW, NDJSON
from costwire_db_handler.users import Role
from costwire_runtime.openapi import Node, answer, content, listed, query, record, ref

SCHEMAS: Node = {
    "UploadRecord": {
        "description": "A sample of the original scraper.",
        "type": "object",
        "required": ["labels"],
        "properties": {
            "labels": {
                "type": "object",
                "description": "The columns of a charge; `BilledCost` is its cost.",
            },
            "value": {
                "type": ["number", "string", "null"],
                "description": "The cost, where no label `BilledCost` tells it.",
            },
            "timestamp": {
                "type": ["number", "null"],
                "description": "Unix time in seconds; which of two states is newer.",
            },
        },
    },
    "Uploaded": record(
        {
            "message": {"const": "Data uploaded successfully"},
            "records_processed": ref("Count"),
            "time_taken": {"type": "number", "description": "Seconds."},
        }
    ),
    "NothingUploaded": record({"result": {"const": "No data to process"}}),
}

_RECORD: Node = {
    "labels": {"BilledCost": "1.10", "BillingCurrency": "USD", "ServiceName": "Compute"},
    "value": 1.1,
    "timestamp": 1727848800,
}

PATHS: Node = {
    "/upload": {
        "post": operation(
            "upload",
            "upload",
            Role.WRITER,
            "Send charges that belong to no delivery",
            description="They become one delivery with those of the same user, table and "
            "timestamp, once none followed for a while. Identical uploads change nothing.",
            parameters=[
                query("table", {"type": "string"}, "Where they go, in any case.", required=True),
                query("type", {"enum": ["cost"], "default": "cost"}, "What they are."),
            ],
            body={
                **content(listed(ref("UploadRecord")), records=[_RECORD], nothing=[]),
                NDJSON: {"schema": {"description": "An `UploadRecord` a line."}},
                ARROW: {
                    "schema": {
                        "description": "An Arrow IPC stream of texts, or of dictionaries of them."
                    }
                },
            },
            answers={
                "200": answer(
                    "They are kept",
                    content(
                        {"oneOf": [ref("Uploaded"), ref("NothingUploaded")]},
                        records={
                            "message": "Data uploaded successfully",
                            "records_processed": 1,
                            "time_taken": 0.003,
                        },
                        nothing={"result": "No data to process"},
                    ),
                )
            },
            fails=[
                (
                    errors.BadUpload,
                    "upload: name the table with ?table= (letters, digits and _)",
                ),
                (errors.BadPart, "read the part: column 'BilledCost' stands twice"),
            ],
        )
    }
}

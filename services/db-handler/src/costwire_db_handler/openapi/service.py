"""Probes, own metrics, CrateDB's version document, and this description."""

from __future__ import annotations

from costwire_db_handler.openapi.parts import (
    Node,
    answer,
    content,
    open_operation,
    ref,
)
from costwire_runtime.problems import MEDIA_TYPE
from costwire_runtime.service import NotReady

_TEXT: Node = {"type": "string"}

PATHS: Node = {
    "/openapi.json": {
        "get": open_operation(
            "describe",
            "This description",
            {"200": answer("OpenAPI 3.1", content({"type": "object"}))},
        )
    },
    "/-/healthy": {
        "get": open_operation(
            "isHealthy",
            "Whether the process answers; no database is asked",
            {"200": answer("It does", content(_TEXT, "text/plain", healthy="healthy\n"))},
        )
    },
    "/-/ready": {
        "get": open_operation(
            "isReady",
            "Whether the database can be asked",
            {
                "200": answer("It can", content(_TEXT, "text/plain", ready="ready\n")),
                "503": answer(
                    "Not yet, or not now",
                    content(
                        ref("Problem"),
                        MEDIA_TYPE,
                        opening={
                            "type": f"urn:costwire:problem:{NotReady.slug}",
                            "title": NotReady.title,
                            "status": NotReady.status,
                            "detail": "the store is not open",
                            "instance": "/-/ready",
                        },
                    ),
                ),
            },
        )
    },
    "/-/metrics": {
        "get": open_operation(
            "ownMetrics",
            "The handler's own metrics",
            {"200": answer("Prometheus text", content(_TEXT, "text/plain"))},
        )
    },
}

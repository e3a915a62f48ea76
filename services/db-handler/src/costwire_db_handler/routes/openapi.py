"""`GET /openapi.json`: what the handler's API is, for programs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.openapi import document


def openapi_routes() -> list[BaseRoute]:
    """The one endpoint."""
    return [Route("/openapi.json", describe, methods=["GET"])]


async def describe(_request: Request) -> Response:
    """The description; anyone may read it."""
    return JSONResponse(document())

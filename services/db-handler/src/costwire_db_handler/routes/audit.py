"""The audit log over HTTP, for admins."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.audit import parse_head
from costwire_db_handler.errors import BadQuestion
from costwire_db_handler.handler import handler_of
from costwire_db_handler.users import Caller, Role

_DEFAULT, _MOST = 1_000, 10_000


def audit_routes() -> list[BaseRoute]:
    """Everything below /audit."""
    return [
        Route("/audit", list_audit, methods=["GET"]),
        Route("/audit/verify", verify_audit, methods=["GET"]),
    ]


@requires(Role.ADMIN)
async def list_audit(request: Request, caller: Caller) -> Response:
    """Entries after the number `since`, oldest first, and the last one's number and hash."""
    since, limit = _whole(request, "since", 0), _whole(request, "limit", _DEFAULT)
    if not 1 <= limit <= _MOST:
        raise BadQuestion(f"limit is between 1 and {_MOST:,}")
    audit = handler_of(request).audit
    entries = await run_in_threadpool(lambda: list(audit.entries(since, limit)))
    body = {"entries": entries, "head": str(audit.head)}
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")


@requires(Role.ADMIN)
async def verify_audit(request: Request, caller: Caller) -> Response:
    """Whether the log is whole; `head` is one that was told before and has to be in it."""
    noted = None
    if told := request.query_params.get("head"):
        try:
            noted = parse_head(told)
        except ValueError as wrong:
            raise BadQuestion(str(wrong)) from None
    verdict = await run_in_threadpool(handler_of(request).audit.verify, noted)
    broken = verdict.broken and {"n": verdict.broken[0], "why": verdict.broken[1]}
    return JSONResponse(
        {
            "entries": verdict.entries,
            "first": verdict.first,
            "head": str(verdict.head),
            "broken": broken,
        }
    )


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadQuestion(f"{name}: {text!r} is no whole number")
    return int(text)

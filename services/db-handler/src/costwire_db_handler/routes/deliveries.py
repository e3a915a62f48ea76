"""Deliveries over HTTP: opening, parts, commit, and the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.errors import BadManifest, BadPart, UnknownDelivery
from costwire_db_handler.handler import handler_of
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.settings import MIB
from costwire_db_handler.upload import NDJSON, read_part
from costwire_db_handler.users import Role, User
from costwire_focus.manifest import Manifest
from costwire_runtime.bodies import read_body

_FIELDS = {"file", "line", "raw", "column", "rule", "reason"}


def delivery_routes() -> list[BaseRoute]:
    """Everything below /deliveries."""
    one = "/deliveries/{commit}"
    return [
        Route("/deliveries", open_delivery, methods=["POST"]),
        Route("/deliveries", list_deliveries, methods=["GET"]),
        Route(one, show_delivery, methods=["GET"]),
        Route(one, abort_delivery, methods=["DELETE"]),
        Route(f"{one}/parts", stage_part, methods=["POST"]),
        Route(f"{one}/quarantine", set_quarantine, methods=["POST"]),
        Route(f"{one}/quarantine", list_quarantine, methods=["GET"]),
        Route(f"{one}/commit", commit_delivery, methods=["POST"]),
        Route(f"{one}/accept", accept_delivery, methods=["POST"]),
        Route(f"{one}/reject", reject_delivery, methods=["POST"]),
    ]


@requires(Role.WRITER)
async def open_delivery(request: Request, _user: User) -> Response:
    """Take a manifest: 201 with the open delivery, 200 when there is nothing to send."""
    handler = handler_of(request)
    body = await read_body(request, handler.settings.manifest_limit_mib * MIB)
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as wrong:
        raise BadManifest(f"read the manifest: {_first_error(wrong)}") from wrong
    store = handler.store
    entry = await run_in_threadpool(store.open_delivery, manifest, handler.clock())
    opened = entry.state is State.OPEN
    parts = await run_in_threadpool(store.staged_parts, entry.commit) if opened else []
    answer = {"entry": json.loads(entry.to_json()), "parts": parts}
    return JSONResponse(answer, status_code=201 if opened else 200)


@requires(Role.WRITER)
async def stage_part(request: Request, _user: User) -> Response:
    """Keep a part of an open delivery; 204, also when it is there already."""
    handler = handler_of(request)
    commit, seq = _commit(request), _seq(request)
    body = await read_body(request, handler.settings.part_limit_mib * MIB)

    def stage() -> None:
        charges = read_part(body)
        handler.store.stage_part(commit, seq, charges, hashlib.sha256(body).hexdigest())
        handler.metrics.staged_charges.inc(charges.num_rows)

    await run_in_threadpool(stage)
    return Response(status_code=204)


@requires(Role.WRITER)
async def set_quarantine(request: Request, _user: User) -> Response:
    """Keep the rows that the exporter quarantined, instead of those told before."""
    handler = handler_of(request)
    body = await read_body(request, handler.settings.quarantine_limit_mib * MIB)
    rows = [_quarantined(line, at) for at, line in enumerate(body.splitlines(), 1) if line.strip()]
    await run_in_threadpool(handler.store.set_quarantine, _commit(request), rows)
    return Response(status_code=204)


@requires(Role.WRITER)
async def commit_delivery(request: Request, _user: User) -> Response:
    """Verify and settle a delivery; `?dryRun=true` tells what would happen and changes nothing."""
    handler = handler_of(request)
    dry_run = request.query_params.get("dryRun") == "true"
    commit = _commit(request)
    entry = await run_in_threadpool(
        lambda: handler.store.commit(commit, handler.clock(), dry_run=dry_run)
    )
    if not dry_run:
        handler.metrics.settled(entry)
    return _told(entry)


@requires(Role.WRITER)
async def abort_delivery(request: Request, _user: User) -> Response:
    """Give up an open delivery."""
    handler = handler_of(request)
    await run_in_threadpool(handler.store.abort, _commit(request), handler.clock())
    return Response(status_code=204)


@requires(Role.WRITER)
async def accept_delivery(request: Request, _user: User) -> Response:
    """Let readers see a delivery that was held, superseded or rejected."""
    handler = handler_of(request)
    entry = await run_in_threadpool(handler.store.accept, _commit(request), handler.clock())
    handler.metrics.settled(entry)
    return _told(entry)


@requires(Role.WRITER)
async def reject_delivery(request: Request, _user: User) -> Response:
    """Decide that a held delivery is not to be seen."""
    handler = handler_of(request)
    entry = await run_in_threadpool(handler.store.reject, _commit(request), handler.clock())
    return _told(entry)


@requires(Role.READER)
async def list_deliveries(request: Request, _user: User) -> Response:
    """The ledger, oldest first; `?table=` narrows it."""
    table = request.query_params.get("table")
    entries = await run_in_threadpool(handler_of(request).store.deliveries, table)
    body = '{"deliveries": [' + ", ".join(entry.to_json() for entry in entries) + "]}"
    return Response(body, media_type="application/json")


@requires(Role.READER)
async def show_delivery(request: Request, _user: User) -> Response:
    """One entry of the ledger."""
    commit = _commit(request)
    return _told(await run_in_threadpool(handler_of(request).store.delivery, commit))


@requires(Role.READER)
async def list_quarantine(request: Request, _user: User) -> Response:
    """The quarantined rows of a delivery, one JSON object a line."""
    commit = _commit(request)
    store = handler_of(request).store
    await run_in_threadpool(store.delivery, commit)  # a 404 before the answer begins

    def lines() -> Iterator[str]:
        for row in store.quarantine(commit):
            yield json.dumps(row, ensure_ascii=False) + "\n"

    return StreamingResponse(lines(), media_type=NDJSON)


def _told(entry: Entry) -> Response:
    return Response(entry.to_json(), media_type="application/json")


def _commit(request: Request) -> int:
    text = request.path_params["commit"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UnknownDelivery(f"{text!r} is no commit number; GET /deliveries lists them")
    return int(text)


def _seq(request: Request) -> int:
    text = request.query_params.get("seq", "")
    if not text.isascii() or not text.isdigit() or len(text) > 8:
        raise BadPart("stage a part: say which one it is with ?seq=0, 1, 2, ...")
    return int(text)


def _quarantined(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as broken:
        raise BadPart(f"read the quarantine: line {number} is no JSON", line=number) from broken
    if not isinstance(row, dict) or not row.keys() >= _FIELDS:
        raise BadPart(
            f"read the quarantine: line {number} lacks one of {', '.join(sorted(_FIELDS))}",
            line=number,
        )
    return {name: row[name] for name in _FIELDS}


def _first_error(wrong: ValidationError) -> str:
    error = wrong.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in error["loc"]) or "the document"
    return f"{where}: {error['msg']}"

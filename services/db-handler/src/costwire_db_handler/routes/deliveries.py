"""Deliveries over HTTP: opening, parts, commit, and the ledger."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from typing import IO, get_args

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.errors import BadPart, ChangesDoNotApply, UnknownDelivery
from costwire_db_handler.handler import handler_of
from costwire_db_handler.intake import read_manifest, read_quarantine
from costwire_db_handler.ledger import Act, Entry, State
from costwire_db_handler.quarantined import Row, pieces
from costwire_db_handler.rights import Reach
from costwire_db_handler.settings import MIB
from costwire_db_handler.stores import CostStore
from costwire_db_handler.upload import NDJSON, read_part
from costwire_db_handler.users import Caller, Role
from costwire_focus.canonical import to_text
from costwire_focus.manifest import ChangeKind
from costwire_runtime.bodies import body_chunks, read_body
from costwire_runtime.problems import TooLarge

_SPOOL_IN_MEMORY_BYTES = MIB
_LONGEST_LINE_BYTES = 32 * MIB
_ROWS_OF_PIECE = 500
_logger = logging.getLogger(__name__)


def delivery_routes() -> list[BaseRoute]:
    """Everything below /deliveries."""
    one = "/deliveries/{commit}"
    return [
        Route("/deliveries", open_delivery, methods=["POST"]),
        Route("/deliveries", list_deliveries, methods=["GET"]),
        Route(one, show_delivery, methods=["GET"]),
        Route(one, abort_delivery, methods=["DELETE"]),
        Route(f"{one}/parts", stage_part(None), methods=["POST"]),
        *(
            Route(f"{one}/changes/{kind}", stage_part(kind), methods=["POST"])
            for kind in get_args(ChangeKind)
        ),
        Route(f"{one}/quarantine", set_quarantine, methods=["POST"]),
        Route(f"{one}/quarantine", list_quarantine, methods=["GET"]),
        Route(f"{one}/commit", commit_delivery, methods=["POST"]),
        Route(f"{one}/accept", accept_delivery, methods=["POST"]),
        Route(f"{one}/reject", reject_delivery, methods=["POST"]),
    ]


@requires(Role.WRITER, Reach.TABLES)
async def open_delivery(request: Request, caller: Caller) -> Response:
    """Take a manifest: 201 with the open delivery, 200 when there is nothing to send.

    `?dryRun=true` opens one that can only try what would happen.
    """
    handler = handler_of(request)
    with handler.store.receiving():
        body = await read_body(request, handler.settings.manifest_limit_mib * MIB)
        manifest = read_manifest(body)
    store, dry_run = _store(request, caller), _is_dry_run(request)
    entry = await run_in_threadpool(store.open_delivery, manifest, handler.clock, dry_run=dry_run)
    opened = entry.state is State.OPEN
    parts = await run_in_threadpool(store.staged_parts, entry.commit) if opened else []
    changes = opened and await run_in_threadpool(store.takes_changes, entry.commit)
    answer = {"entry": json.loads(entry.to_json()), "parts": parts, "changes": changes}
    settles = not (opened or dry_run)
    then = BackgroundTask(handler.retention.after, entry.table) if settles else None
    return JSONResponse(answer, status_code=201 if opened else 200, background=then)


def stage_part(kind: ChangeKind | None) -> Callable[[Request], Awaitable[Response]]:
    """Keep a part of an open delivery; 204, also when it is there already.

    `kind`: of what the delivery changes; None: of the whole.
    """

    @requires(Role.WRITER, Reach.TABLES)
    async def stage_it(request: Request, caller: Caller) -> Response:
        handler, store = handler_of(request), _store(request, caller)
        settings = handler.settings
        commit, seq = commit_of(request), _seq(request)
        if seq >= settings.delivery_parts:
            raise TooLarge(f"stage part {seq}: a delivery has {settings.delivery_parts:,} at most")
        async with handler.taking_in():
            body = await read_body(request, settings.part_limit_mib * MIB)

            def stage() -> None:
                charges = read_part(body, settings.part_limits(settings.part_limit_mib))
                digest = hashlib.sha256(body).hexdigest()
                store.stage_part(commit, seq, charges, digest, kind)
                handler.metrics.staged_charges.inc(charges.num_rows)

            await run_in_threadpool(stage)
        return Response(status_code=204)

    return stage_it


@requires(Role.WRITER, Reach.TABLES)
async def set_quarantine(request: Request, caller: Caller) -> Response:
    """Keep the rows that the exporter quarantined, instead of those told before."""
    handler, commit = handler_of(request), commit_of(request)
    limit_bytes = handler.settings.quarantine_limit_mib * MIB
    with (
        handler.store.receiving(),
        tempfile.SpooledTemporaryFile(
            max_size=_SPOOL_IN_MEMORY_BYTES, dir=str(handler.settings.data_dir)
        ) as spool,
    ):
        async for chunk in body_chunks(request, limit_bytes):
            await run_in_threadpool(spool.write, chunk)
        await run_in_threadpool(_keep_quarantine, _store(request, caller), commit, spool)
    return Response(status_code=204)


@requires(Role.WRITER, Reach.TABLES)
async def commit_delivery(request: Request, caller: Caller) -> Response:
    """Verify and settle a delivery; `?dryRun=true` tells what would happen and changes nothing.

    `?changes=true` settles it by what was staged of its changes.
    """
    handler, store = handler_of(request), _store(request, caller)
    clock, dry_run = handler.clock, _is_dry_run(request)
    if request.query_params.get("changes") == "true":
        commit = commit_of(request)
        if dry_run:
            raise ChangesDoNotApply(f"commit the changes of {commit}: a trial wants the whole")
        entry = await run_in_threadpool(store.commit_changes, commit, clock)
        return _told(entry, then=BackgroundTask(handler.retention.after, entry.table))
    entry = await run_in_threadpool(store.commit, commit_of(request), clock, dry_run=dry_run)
    if dry_run:
        return _told(entry)
    return _told(entry, then=BackgroundTask(handler.retention.after, entry.table))


@requires(Role.WRITER, Reach.TABLES)
async def abort_delivery(request: Request, caller: Caller) -> Response:
    """Give up an open delivery."""
    clock = handler_of(request).clock
    entry = await run_in_threadpool(_store(request, caller).abort, commit_of(request), clock)
    if entry is not None:
        _log_decision(entry)
    return Response(status_code=204)


@requires(Role.WRITER, Reach.TABLES)
async def accept_delivery(request: Request, caller: Caller) -> Response:
    """Let readers see a delivery that was held, superseded or rejected."""
    handler = handler_of(request)
    entry = await run_in_threadpool(
        _store(request, caller).accept, commit_of(request), handler.clock
    )
    _log_decision(entry)
    return _told(entry, then=BackgroundTask(handler.retention.after, entry.table))


@requires(Role.WRITER, Reach.TABLES)
async def reject_delivery(request: Request, caller: Caller) -> Response:
    """Decide that a held delivery is not to be seen."""
    clock = handler_of(request).clock
    entry = await run_in_threadpool(_store(request, caller).reject, commit_of(request), clock)
    _log_decision(entry)
    return _told(entry)


@requires(Role.READER, Reach.TABLES)
async def list_deliveries(request: Request, caller: Caller) -> Response:
    """The ledger, oldest first; `?table=` narrows it."""
    table = request.query_params.get("table")
    entries = await run_in_threadpool(_store(request, caller).deliveries, table)
    body = '{"deliveries": [' + ", ".join(entry.to_json() for entry in entries) + "]}"
    return Response(body, media_type="application/json")


@requires(Role.READER, Reach.TABLES)
async def show_delivery(request: Request, caller: Caller) -> Response:
    """One entry of the ledger."""
    commit = commit_of(request)
    return _told(await run_in_threadpool(_store(request, caller).delivery, commit))


@requires(Role.READER, Reach.TABLES)
async def list_quarantine(request: Request, caller: Caller) -> Response:
    """The quarantined rows of a delivery, one JSON object a line."""
    commit = commit_of(request)
    store = _store(request, caller)
    some = pieces(store.quarantine(commit), _ROWS_OF_PIECE)
    # Both before the answer begins: afterwards it could only be cut off.
    await run_in_threadpool(store.delivery, commit)
    first: list[Row] = await run_in_threadpool(next, some, [])

    def lines() -> Iterator[str]:
        for piece in chain([first], some):
            yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in piece)

    return StreamingResponse(lines(), media_type=NDJSON)


def _store(request: Request, caller: Caller) -> CostStore:
    return handler_of(request).store.acting_for(caller)


def _log_decision(entry: Entry) -> None:
    """The audit's line: what a person decided, and what it had been held for."""
    last = entry.decisions[-1]
    held = [each for each in entry.decisions if each.act is Act.HELD]
    _logger.info(
        "a user decided on a delivery",
        extra={
            "commit": entry.commit,
            "table": entry.table,
            "source": entry.source,
            "act": last.act.value,
            "by": last.by,
            "at": to_text(last.at),
            "held_for": held[-1].reason if held else None,
        },
    )


def _told(entry: Entry, then: BackgroundTask | None = None) -> Response:
    """`then`: what follows once the answer is sent."""
    return Response(entry.to_json(), media_type="application/json", background=then)


def _keep_quarantine(store: CostStore, commit: int, spool: IO[bytes]) -> None:
    spool.seek(0)
    lines = iter(lambda: spool.readline(_LONGEST_LINE_BYTES), b"")
    store.set_quarantine(commit, read_quarantine(lines))


def _is_dry_run(request: Request) -> bool:
    return request.query_params.get("dryRun") == "true"


def commit_of(request: Request) -> int:
    """The delivery that a path names; raises `UnknownDelivery` for what is no number."""
    text = request.path_params["commit"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UnknownDelivery(f"{text!r} is no commit number; GET /deliveries lists them")
    return int(text)


def _seq(request: Request) -> int:
    text = request.query_params.get("seq", "")
    if not text.isascii() or not text.isdigit() or len(text) > 8:
        raise BadPart("stage a part: say which one it is with ?seq=0, 1, 2, ...")
    return int(text)

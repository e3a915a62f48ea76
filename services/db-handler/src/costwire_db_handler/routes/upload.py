"""`POST /upload` as the original scraper sends it."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.beside import is_view_name
from costwire_db_handler.errors import BadUpload
from costwire_db_handler.gather import Gathering
from costwire_db_handler.handler import handler_of
from costwire_db_handler.rights import Reach
from costwire_db_handler.settings import MIB
from costwire_db_handler.upload import read_upload
from costwire_db_handler.users import Caller, Role
from costwire_focus.manifest import TABLE_NAME
from costwire_runtime.bodies import read_body

_COST = "cost"


def upload_routes() -> list[BaseRoute]:
    """The one endpoint."""
    return [Route("/upload", upload, methods=["POST"])]


@requires(Role.WRITER, Reach.TABLES)
async def upload(request: Request, caller: Caller) -> Response:
    """Gather the records; they become one delivery with those of the same time that follow."""
    started = time.monotonic()
    handler = handler_of(request)
    table = request.query_params.get("table", "").lower()
    if not TABLE_NAME.fullmatch(table):
        raise BadUpload("upload: name the table with ?table= (letters, digits and _)")
    if is_view_name(table):
        raise BadUpload(
            f"upload: {table} is the name of a view beside a table; use one without its ending"
        )
    kind = request.query_params.get("type", _COST).lower() or _COST
    if kind != _COST:
        raise BadUpload(f"upload: records of type {kind!r} are not stored; send type=cost")
    # Asked now: it is delivered later, by the handler itself, who may.
    await run_in_threadpool(handler.store.acting_for(caller).require_maker, table)
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    limits = handler.settings.part_limits(handler.settings.upload_limit_mib)

    def gather(body: bytes) -> int:
        received = read_upload(content_type, body, limits)
        if received.charges.num_rows:
            gathering = Gathering(caller.name, table, received.timestamp)
            handler.gatherer.add(gathering, received.charges)
        return int(received.charges.num_rows)

    async with handler.taking_in():
        body = await read_body(request, handler.settings.upload_limit_mib * MIB)
        rows = await run_in_threadpool(gather, body)
    if not rows:
        return JSONResponse({"result": "No data to process"})
    return JSONResponse(
        {
            "message": "Data uploaded successfully",
            "records_processed": rows,
            "time_taken": time.monotonic() - started,
        }
    )

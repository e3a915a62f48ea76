"""Tables of the original handler over HTTP: taking one over."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.handler import handler_of
from costwire_db_handler.users import Caller, Role


def table_routes() -> list[BaseRoute]:
    """Everything below /tables."""
    return [Route("/tables/{table}/adopt", adopt_table, methods=["POST"])]


@requires(Role.WRITER)
async def adopt_table(request: Request, caller: Caller) -> Response:
    """Take over a table of the original handler; the entry of the one delivery that it becomes."""
    handler = handler_of(request)
    store = handler.store.acting_for(caller)
    entry = await run_in_threadpool(store.adopt, request.path_params["table"], handler.clock)
    then = BackgroundTask(handler.retention.after, entry.table)
    return Response(entry.to_json(), media_type="application/json", background=then)

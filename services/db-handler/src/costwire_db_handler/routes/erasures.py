"""Erasing charges over HTTP, for administrators."""

from __future__ import annotations

import json
import logging
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.answers.conditions import MOST_CHARACTERS, Condition
from costwire_db_handler.erasing import Erasure, ErasureRequest
from costwire_db_handler.errors import BadQuestion, CannotErase
from costwire_db_handler.handler import Handler, handler_of
from costwire_db_handler.users import Caller, Role
from costwire_focus.canonical import to_text
from costwire_focus.manifest import TableName
from costwire_runtime.bodies import read_body
from costwire_runtime.problems import Problem

_logger = logging.getLogger(__name__)
_MOST_BYTES = 8 * MOST_CHARACTERS
_RETURNS = (
    "a later delivery of the same source that still has these charges brings them back: "
    "they have to go from the source too"
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    table: TableName
    where: str
    reason: str | None = Field(default=None, max_length=2_000)
    quarantine: bool = False


def erasure_routes() -> list[BaseRoute]:
    """Everything below /erasures."""
    return [Route("/erasures", erase_charges, methods=["POST"])]


@requires(Role.ADMIN)
async def erase_charges(request: Request, caller: Caller) -> Response:
    """Remove charges from every version, for good; `?dryRun=true` tells which ones."""
    handler = handler_of(request)
    wanted = _read(await read_body(request, _MOST_BYTES))
    dry_run = request.query_params.get("dryRun") == "true"
    store = handler.store.acting_for(caller)

    def erase() -> Erasure:
        if not dry_run and handler.gatherer.holds(wanted.table):
            store.erase(
                wanted, handler.clock, dry_run=True
            )  # whoever may not erase changes nothing
            _deliver_gathered(handler, wanted.table)
        return store.erase(wanted, handler.clock, dry_run=dry_run)

    erasure = await run_in_threadpool(erase)
    if not dry_run:
        handler.metrics.settled(erasure.entry)
        await run_in_threadpool(handler.audit.settled, erasure.entry)
        _log(erasure)
    return JSONResponse(_told(erasure, dry_run=dry_run))


def _log(erasure: Erasure) -> None:
    """The audit's line, without the values of the condition."""
    entry = erasure.entry
    _logger.info(
        "a user erased charges",
        extra={
            "commit": entry.commit,
            "table": entry.table,
            "act": entry.state.value,
            "by": entry.by,
            "at": to_text(entry.times.committed or entry.times.opened),
            "condition": entry.condition,
            "charges": entry.rows.erased,
            "aborted": list(erasure.aborted),
        },
    )


def _deliver_gathered(handler: Handler, table: str) -> None:
    """What was uploaded a moment ago would come in after the erasure."""
    try:
        handler.gatherer.deliver_all(table)
    except Problem as problem:
        raise CannotErase(
            f"erase: uploads to {table} wait to be delivered, and cannot be: {problem.detail}"
        ) from problem


def _read(body: bytes) -> ErasureRequest:
    try:
        told = _Body.model_validate_json(body)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise BadQuestion(
            f"read the erasure: {where}: {first['msg']}; send "
            '{"table": "charges", "where": "Tags[\'person\'] = \'x\'", "reason": "..."}'
        ) from None
    condition = Condition.read(told.where)
    return ErasureRequest(told.table, condition, told.reason, told.quarantine)


def _told(erasure: Erasure, *, dry_run: bool) -> dict[str, Any]:
    return {
        "entry": json.loads(erasure.entry.to_json()),
        "dryRun": dry_run,
        "deliveries": [
            {
                "commit": each.commit,
                "source": each.source,
                "state": each.state.value,
                "erased": each.erased,
            }
            for each in erasure.affected
        ],
        "aborted": list(erasure.aborted),
        "quarantined": erasure.quarantined,
        "elsewhere": list(erasure.elsewhere),
        "note": _RETURNS,
    }

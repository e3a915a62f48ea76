"""Quarantined rows over HTTP: what there is, as rows or as a sheet, and repaired ones back in."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.errors import BadSheet
from costwire_db_handler.handler import handler_of
from costwire_db_handler.ledger import Entry
from costwire_db_handler.quarantined import Row, cells_of
from costwire_db_handler.repair_sheet import Replayed, ReplayRequest, told_rows
from costwire_db_handler.rights import Reach
from costwire_db_handler.routes.deliveries import commit_of
from costwire_db_handler.settings import MIB
from costwire_db_handler.standing import QuarantineOf
from costwire_db_handler.stores import CostStore
from costwire_db_handler.users import Caller, Role
from costwire_focus.canonical import to_text
from costwire_focus.repairs import NotASheet, SheetRow, cut, write_sheet
from costwire_runtime.bodies import read_body

CSV = "text/csv"
_LINES_AT_ONCE = 200
_SMALLER = (
    "make several sheets of it, each with the header, or raise HANDLER_UPLOAD_LIMIT_MIB; "
    "nothing was changed"
)
_logger = logging.getLogger(__name__)


def quarantine_routes() -> list[BaseRoute]:
    """What is in quarantine, and the way out of it."""
    one = "/deliveries/{commit}"
    return [
        Route("/quarantine", list_quarantines, methods=["GET"]),
        Route(f"{one}/quarantine.csv", write_quarantine, methods=["GET"]),
        Route(f"{one}/replay", replay_rows, methods=["POST"]),
    ]


@requires(Role.READER, Reach.TABLES)
async def list_quarantines(request: Request, caller: Caller) -> Response:
    """The deliveries that readers see with quarantined rows; `?table=` narrows it."""
    store = handler_of(request).store.acting_for(caller)
    found = await run_in_threadpool(store.quarantines, request.query_params.get("table"))
    return JSONResponse({"deliveries": [_told(each) for each in found]})


@requires(Role.READER, Reach.TABLES)
async def write_quarantine(request: Request, caller: Caller) -> Response:
    """The quarantined rows of a delivery as a sheet that can be edited and replayed."""
    store, commit = handler_of(request).store.acting_for(caller), commit_of(request)
    columns = await run_in_threadpool(store.columns, commit)
    # Whether any row has to show its text is known before the first line is written.
    torn = await run_in_threadpool(_any_torn, store, commit, columns)
    lines = write_sheet(columns, _sheet_rows(store.quarantine(commit), columns), raw=torn)
    try:
        first = await run_in_threadpool(next, lines)
    except NotASheet as impossible:
        raise BadSheet(str(impossible)) from impossible
    name = f'attachment; filename="quarantine-{commit}.csv"'
    headers = {"Content-Disposition": name}
    return StreamingResponse(_joined(first, lines), media_type=CSV, headers=headers)


@requires(Role.WRITER, Reach.TABLES)
async def replay_rows(request: Request, caller: Caller) -> Response:
    """Take repaired rows into their delivery; `?dryRun=true` tells what is still wrong."""
    handler, commit = handler_of(request), commit_of(request)
    asked = request.query_params
    dry_run = asked.get("dryRun") == "true"
    store = handler.store.acting_for(caller)
    async with handler.taking_in():
        body = await read_body(request, handler.settings.upload_limit_mib * MIB, _SMALLER)
        wanted = ReplayRequest(
            body,
            partial=asked.get("partial") == "true",
            into_closed=asked.get("closed") == "accept",
        )
        replayed = await run_in_threadpool(
            store.replay, commit, wanted, handler.clock, dry_run=dry_run
        )
    changed = bool(replayed.rows or replayed.corrected) and not dry_run
    if changed:
        _log(replayed)
    then = BackgroundTask(handler.retention.after, replayed.entry.table) if changed else None
    return JSONResponse(_answer(replayed, dry_run=dry_run), background=then)


def _told(found: QuarantineOf) -> dict[str, Any]:
    entry = found.entry
    return {
        "commit": entry.commit,
        "table": entry.table,
        "source": entry.source,
        "rows": entry.rows.quarantined,
        "unknown": found.unknown,
        "rules": [
            {"rule": each.rule, "column": each.column, "rows": each.rows, "unknown": each.unknown}
            for each in found.rules
        ],
        "sums": _sums(entry),
    }


def _sums(entry: Entry) -> dict[str, dict[str, str]]:
    """The known money in quarantine: currency -> cost column -> amount."""
    return {
        currency: {name: line.quarantined for name, line in lines.items() if line is not None}
        for currency, lines in entry.sums.items()
    }


def _any_torn(store: CostStore, commit: int, columns: list[str]) -> bool:
    return any(cells_of(row, columns) is None for row in store.quarantine(commit))


def _sheet_rows(rows: Iterable[Row], columns: list[str]) -> Iterator[SheetRow]:
    for row in rows:
        cells, raw = cells_of(row, columns), base64.b64decode(row["raw"])
        place = f"{row['file']}:{row['line']}" if row["file"] else f"charge {row['line']}"
        reason = f"{row['rule']}: {row['reason']} ({place})"
        if cells is None:
            text = raw.decode(errors="replace")
            yield SheetRow(row["row"], reason, cut(raw, columns), text)
        else:
            yield SheetRow(row["row"], reason, cells)


def _joined(first: str, lines: Iterator[str]) -> Iterator[str]:
    piece = [first]
    for line in lines:
        piece.append(line)
        if len(piece) >= _LINES_AT_ONCE:
            yield "".join(piece)
            piece.clear()
    yield "".join(piece)


def _answer(replayed: Replayed, *, dry_run: bool) -> dict[str, Any]:
    return {
        "entry": json.loads(replayed.entry.to_json()),
        "dryRun": dry_run,
        "rows": replayed.rows,
        "corrected": replayed.corrected,
        "unchanged": replayed.unchanged,
        "brokenRows": len(replayed.broken),
        "broken": told_rows(replayed.broken),
    }


def _log(replayed: Replayed) -> None:
    """The audit's line."""
    entry = replayed.entry
    last = entry.decisions[-1]
    _logger.info(
        "a user replayed quarantined rows",
        extra={
            "commit": entry.commit,
            "table": entry.table,
            "source": entry.source,
            "act": last.act.value,
            "by": last.by,
            "at": to_text(last.at),
            "rows": replayed.rows,
            "corrected": replayed.corrected,
        },
    )

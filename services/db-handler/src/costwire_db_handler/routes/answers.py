"""Questions across time over HTTP: costs, changes, and the rates that sums are converted with."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import IO, TypeVar
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.answers import export as exporting
from costwire_db_handler.answers import rates as exchange
from costwire_db_handler.answers import sheets
from costwire_db_handler.answers.changes import ChangesQuestion, changes
from costwire_db_handler.answers.costs import CostsAnswer, CostsQuestion, costs
from costwire_db_handler.answers.export import Export, ExportQuestion, prepared, written
from costwire_db_handler.answers.invoices import (
    InvoicesQuestion,
    invoices,
    read_list,
)
from costwire_db_handler.answers.moments import Moment
from costwire_db_handler.answers.sheets import Form, Sheet
from costwire_db_handler.answers.versions import Versions
from costwire_db_handler.errors import NoRoom, QuestionTooLong, StoreBusy, SumTooLarge
from costwire_db_handler.handler import handler_of
from costwire_db_handler.rights import Reach
from costwire_db_handler.settings import MIB
from costwire_db_handler.stores import CostStore
from costwire_db_handler.users import Caller, Role
from costwire_runtime.bodies import read_body

_TRIES = 3
_LIST_BYTES = 16 * MIB
_EXPORT_SECONDS = 1_800.0
_EXPORT_WAIT_SECONDS = 45.0
_EXPORTING = threading.BoundedSemaphore(2)
T = TypeVar("T")
_FILES = {
    exporting.Form.CSV: "text/csv; charset=utf-8",
    exporting.Form.PARQUET: "application/vnd.apache.parquet",
}


def answer_routes() -> list[BaseRoute]:
    """What can be asked."""
    return [
        Route("/costs", get_costs, methods=["GET"]),
        Route("/changes", get_changes, methods=["GET"]),
        Route("/invoices", get_invoices, methods=["GET", "POST"]),
        Route("/export", get_export, methods=["GET"]),
        Route("/rates", list_rates, methods=["GET"]),
        Route("/rates", put_rates, methods=["POST"]),
    ]


@requires(Role.READER, Reach.ROWS)
async def get_costs(request: Request, caller: Caller) -> Response:
    """What costs were, grouped, as of any moment."""
    form = sheets.wanted_form(request.headers.get("Accept"))
    question = CostsQuestion.read(request.query_params.multi_items())
    answer = await run_in_threadpool(_costs, request, caller, question)
    following = _next(request, answer.next_offset, {"as_of": answer.moment})
    return _told(
        form,
        lambda: sheets.costs_document(answer, following),
        lambda: sheets.costs_sheet(answer),
        following,
    )


def _costs(request: Request, caller: Caller, question: CostsQuestion) -> CostsAnswer:
    """An answer whose rates, where it is given, are those that stay."""
    store, now = _store(request, caller), handler_of(request).clock()
    for _ in range(_TRIES):
        known = store.rates.list() if question.target is not None else ()
        answer = _asked(
            store, question.scope.table, partial(costs, question=question, now=now, rates=known)
        )
        if answer.converted is None:
            return answer
        used = exchange.to_freeze(answer.converted.rates, now)
        if not used:
            return answer
        if store.rates.freeze(used):
            kept = {rate.pair: rate for rate in store.rates.list()}
            told = [kept[rate.pair] for rate in answer.converted.rates]
            return replace(answer, converted=replace(answer.converted, rates=told))
    raise StoreBusy("convert: the rates change while they are used; try again")


def _asked(store: CostStore, table: str, ask: Callable[[Versions], T]) -> T:
    """An answer; sums that are too large for the fast way are taken the slow one."""
    try:
        with store.versions(table) as versions:
            return ask(versions)
    except SumTooLarge:
        with store.versions(table, wide=True) as versions:
            return ask(versions)


@requires(Role.READER, Reach.ROWS)
async def get_changes(request: Request, caller: Caller) -> Response:
    """What changed between two moments, and why."""
    form = sheets.wanted_form(request.headers.get("Accept"))
    question = ChangesQuestion.read(request.query_params.multi_items())
    store, now = _store(request, caller), handler_of(request).clock()
    ask = partial(changes, question=question, now=now)
    answer = await run_in_threadpool(_asked, store, question.scope.table, ask)
    pinned = {"from": answer.begin, "to": answer.end}
    following = _next(request, answer.next_offset, pinned)
    return _told(
        form,
        lambda: sheets.changes_document(answer, following),
        lambda: sheets.changes_sheet(answer),
        following,
    )


@requires(Role.READER, Reach.ROWS)
async def get_invoices(request: Request, caller: Caller) -> Response:
    """What each invoice adds up to; a POST brings a CSV list of totals that is put beside."""
    form = sheets.wanted_form(request.headers.get("Accept"))
    question = InvoicesQuestion.read(request.query_params.multi_items())
    listed = None
    if request.method == "POST":
        listed = read_list(await read_body(request, _LIST_BYTES))
    store, now = _store(request, caller), handler_of(request).clock()
    ask = partial(invoices, question=question, now=now, listed=listed)
    answer = await run_in_threadpool(_asked, store, question.scope.table, ask)
    following = _next(request, answer.next_offset, {"as_of": answer.moment})
    return _told(
        form,
        lambda: sheets.invoices_document(answer, following),
        lambda: sheets.invoices_sheet(answer),
        following,
    )


@requires(Role.READER, Reach.ROWS)
async def get_export(request: Request, caller: Caller) -> Response:
    """A table as of any moment as a FOCUS report; it is whole before its first byte is sent."""
    question = ExportQuestion.read(request.query_params.multi_items())
    handler, store = handler_of(request), _store(request, caller)
    file = tempfile.TemporaryFile(dir=str(handler.settings.data_dir))  # noqa: SIM115 -- see pieces
    try:
        export = await run_in_threadpool(_spooled, store, question, handler.clock(), file)
    except BaseException:
        file.close()
        raise

    about = {"table": question.scope.table, "state": export.moment.state, "rows": export.charges}
    await run_in_threadpool(partial(handler.audit.note, "exported", about=about))

    def pieces() -> Iterator[bytes]:
        with file:
            file.seek(0)
            while piece := file.read(MIB):
                yield piece

    name = f"{question.scope.table}-{export.moment.state}.{question.form}"
    return StreamingResponse(
        pieces(),
        media_type=_FILES[question.form],
        headers={
            "Content-Length": str(file.seek(0, os.SEEK_END)),
            "Content-Disposition": f'attachment; filename="{name}"',
            "Costwire-State": str(export.moment.state),
            "Costwire-Commit": str(export.moment.commit or ""),
            "Costwire-Charges": str(export.charges),
        },
    )


def _spooled(store: CostStore, question: ExportQuestion, now: datetime, file: IO[bytes]) -> Export:
    """Write a report to a file: whoever fetches it slowly keeps nobody from the store."""
    if not _EXPORTING.acquire(timeout=_EXPORT_WAIT_SECONDS):
        raise StoreBusy("export: others are being written; try again in a while")
    try:
        with store.versions(question.scope.table) as versions:
            deadline = time.monotonic() + _EXPORT_SECONDS
            export = prepared(versions, question, now)
            for piece in written(versions, export, question.form):
                if time.monotonic() > deadline:
                    raise QuestionTooLong(f"export: it takes more than {_EXPORT_SECONDS:g} seconds")
                file.write(piece)
            versions.require_kept(export.moment.state)
    except OSError as full:
        raise NoRoom(f"export: the handler's folder cannot take it: {full.strerror}") from full
    finally:
        _EXPORTING.release()
    return export


@requires(Role.READER, Reach.ROWS)
async def list_rates(request: Request, caller: Caller) -> Response:
    """Every rate, and since when it is frozen."""
    known = await run_in_threadpool(_store(request, caller).rates.list)
    return JSONResponse({"rates": [rate.told() for rate in known]})


@requires(Role.WRITER)
async def put_rates(request: Request, caller: Caller) -> Response:
    """Keep the rates of a CSV text: month, from, to, rate, source."""
    body = await read_body(request, MIB)
    brought = exchange.read_rates(body)
    changed = await run_in_threadpool(_store(request, caller).rates.put, brought)
    return JSONResponse({"rates": len(brought), "changed": changed})


def _store(request: Request, caller: Caller) -> CostStore:
    return handler_of(request).store.acting_for(caller)


def _next(request: Request, offset: int | None, pinned: Mapping[str, Moment]) -> str | None:
    """The address of the next page: of the very states that this one was told of."""
    if offset is None:
        return None
    states = {name: m.commit for name, m in pinned.items() if m.commit is not None}
    query = {**request.query_params, **states, "offset": offset}
    return f"{request.url.path}?{urlencode(query)}"


def _told(
    form: Form,
    document: Callable[[], sheets.Json],
    sheet: Callable[[], Sheet],
    following: str | None,
) -> Response:
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    headers["Vary"] = "Accept"
    if form is Form.CSV:
        return Response(sheet().to_csv(), media_type="text/csv; charset=utf-8", headers=headers)
    if form is Form.ARROW:
        return Response(sheet().to_arrow(), media_type=form.value, headers=headers)
    body = json.dumps(document(), ensure_ascii=False)
    return Response(body, media_type=form.value, headers=headers)

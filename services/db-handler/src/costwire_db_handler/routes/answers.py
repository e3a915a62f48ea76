"""Questions across time over HTTP: costs, changes, and the rates that sums are converted with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import requires
from costwire_db_handler.answers import export as exporting
from costwire_db_handler.answers import rates as exchange
from costwire_db_handler.answers import sheets
from costwire_db_handler.answers.changes import ChangesAnswer, ChangesQuestion, changes
from costwire_db_handler.answers.costs import CostsAnswer, CostsQuestion, costs
from costwire_db_handler.answers.export import Export, ExportQuestion, prepared, written
from costwire_db_handler.answers.invoices import (
    InvoicesAnswer,
    InvoicesQuestion,
    invoices,
    read_list,
)
from costwire_db_handler.answers.moments import Moment
from costwire_db_handler.answers.sheets import Form, Sheet
from costwire_db_handler.errors import QuestionTooLong, StoreBusy
from costwire_db_handler.handler import handler_of
from costwire_db_handler.settings import MIB
from costwire_db_handler.stores import CostStore
from costwire_db_handler.users import Caller, Role
from costwire_runtime.bodies import read_body

_TRIES = 3
_LIST_BYTES = 16 * MIB
_EXPORT_SECONDS = 3600.0
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


@requires(Role.READER)
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
        with store.versions(question.scope.table) as versions:
            answer = costs(versions, question, now, known)
        used = exchange.to_freeze(answer.converted.rates if answer.converted else (), now)
        if not used:
            return answer
        if store.rates.freeze(used):
            frozen = {rate.pair: rate for rate in used}
            assert answer.converted is not None  # noqa: S101 -- it used rates
            told = [frozen.get(rate.pair, rate) for rate in answer.converted.rates]
            return replace(answer, converted=replace(answer.converted, rates=told))
    raise StoreBusy("convert: the rates change while they are used; try again")


@requires(Role.READER)
async def get_changes(request: Request, caller: Caller) -> Response:
    """What changed between two moments, and why."""
    form = sheets.wanted_form(request.headers.get("Accept"))
    question = ChangesQuestion.read(request.query_params.multi_items())
    store, now = _store(request, caller), handler_of(request).clock()

    def ask() -> ChangesAnswer:
        with store.versions(question.scope.table) as versions:
            return changes(versions, question, now)

    answer = await run_in_threadpool(ask)
    pinned = {"from": answer.begin, "to": answer.end}
    following = _next(request, answer.next_offset, pinned)
    return _told(
        form,
        lambda: sheets.changes_document(answer, following),
        lambda: sheets.changes_sheet(answer),
        following,
    )


@requires(Role.READER)
async def get_invoices(request: Request, caller: Caller) -> Response:
    """What each invoice adds up to; a POST brings a CSV list of totals that is put beside."""
    form = sheets.wanted_form(request.headers.get("Accept"))
    question = InvoicesQuestion.read(request.query_params.multi_items())
    listed = None
    if request.method == "POST":
        listed = read_list(await read_body(request, _LIST_BYTES))
    store, now = _store(request, caller), handler_of(request).clock()

    def ask() -> InvoicesAnswer:
        with store.versions(question.scope.table) as versions:
            return invoices(versions, question, now, listed)

    answer = await run_in_threadpool(ask)
    following = _next(request, answer.next_offset, {"as_of": answer.moment})
    return _told(
        form,
        lambda: sheets.invoices_document(answer, following),
        lambda: sheets.invoices_sheet(answer),
        following,
    )


@requires(Role.READER)
async def get_export(request: Request, caller: Caller) -> Response:
    """A table as of any moment as a FOCUS report; what cannot be told whole is cut off."""
    question = ExportQuestion.read(request.query_params.multi_items())
    store, now = _store(request, caller), handler_of(request).clock()

    def prepare() -> Export:
        with store.versions(question.scope.table) as versions:
            return prepared(versions, question, now)

    export = await run_in_threadpool(prepare)

    def pieces() -> Iterator[bytes]:
        deadline = time.monotonic() + _EXPORT_SECONDS
        with store.versions(question.scope.table) as versions:
            charges = versions.charges(export.columns, export.relation, export.where)
            for piece in written(charges, export.columns, question.form):
                if time.monotonic() > deadline:
                    raise QuestionTooLong("export: it was fetched too slowly")
                yield piece

    name = f"{question.scope.table}-{export.moment.state}.{question.form}"
    return StreamingResponse(
        pieces(),
        media_type=_FILES[question.form],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Costwire-State": str(export.moment.state),
            "Costwire-Commit": str(export.moment.commit or ""),
            "Costwire-Charges": str(export.charges),
        },
    )


@requires(Role.READER)
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

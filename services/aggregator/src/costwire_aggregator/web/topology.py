"""The routes of the topology and of how complete it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import chain, islice

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_aggregator.aggregator import Aggregator, TopologyAnswer
from costwire_aggregator.costs.document import costs_block, unavailable_block
from costwire_aggregator.costs.errors import CostsError
from costwire_aggregator.costs.model import Period
from costwire_aggregator.errors import UpstreamError
from costwire_aggregator.shared_work import Made
from costwire_aggregator.topology.arrow import arrow
from costwire_aggregator.topology.document import topology_json
from costwire_aggregator.topology.model import Topology
from costwire_aggregator.topology.selection import BadSelection, Selection, read_selection, select
from costwire_aggregator.topology.tables import TABLES, ndjson
from costwire_aggregator.web.completeness import (
    Json,
    completeness_headers,
    completeness_json,
    summary_json,
)
from costwire_aggregator.web.leaving import while_wanted
from costwire_aggregator.web.paging import PARAMETERS as PAGING
from costwire_aggregator.web.paging import Page, link_to_next, wanted_page
from costwire_aggregator.web.periods import wanted_period
from costwire_aggregator.web.problems import problem_of_upstreams
from costwire_aggregator.web.snapshots import Snapshots
from costwire_runtime.accept import preferred
from costwire_runtime.problems import BadRequest, Problem

TOPOLOGY_PATH, COMPLETENESS_PATH = "/v1/topology", "/v1/completeness"
JSON, NDJSON = "application/json", "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
SELECTION = ("cluster", "namespace", "label", "depth", "fields")
COSTS = ("costs", "period")
PARAMETERS = (*SELECTION, "table", *PAGING, *COSTS)


class SnapshotGone(Problem):
    """The pages of a snapshot that is not there any more."""

    status = 412
    slug = "snapshot-gone"
    title = "The snapshot is not there any more"


class TopologyRoutes:
    """What the clusters are made of."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._snapshots = Snapshots()

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(TOPOLOGY_PATH, self._topology, methods=["GET"]),
            Route(COMPLETENESS_PATH, self._completeness, methods=["GET"]),
        ]

    async def _topology(self, request: Request) -> Response:
        selection, table, page = _selection(request), _table(request), wanted_page(request)
        forms = [JSON] if table is None else [JSON, NDJSON, ARROW]
        form = preferred(request.headers.get("Accept"), forms)
        period = wanted_period(request)
        told = await self._answer(request)
        headers = {
            "ETag": f'W/"{told.snapshot}"',
            "Vary": "Accept",
            "Cache-Control": "no-cache",
            **completeness_headers(told.completeness),
        }
        if period is None and headers["ETag"] in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        topology = await run_in_threadpool(select, told.topology, selection)
        if table is None:
            total = len(topology.clusters)
            costs = await self._costs(request, told, period)
            pieces = _document(told, topology, page, costs)
        else:
            total = 0 if page.limit is None else await run_in_threadpool(_rows, topology, table)
            pieces = _sheet(form, topology, table, page)
        if link := link_to_next(request, page, total, told.snapshot):
            headers |= link
            self._snapshots.keep(told)
        if request.method == "HEAD":
            return StreamingResponse(_nothing(), headers=headers, media_type=form)
        return StreamingResponse(iterate_in_threadpool(pieces), headers=headers, media_type=form)

    async def _answer(self, request: Request) -> TopologyAnswer:
        """The snapshot that the query names, or else the newest."""
        wanted = request.query_params.get("snapshot")
        if wanted is not None and (kept := self._snapshots.find(wanted)) is not None:
            return kept
        newest = (await self._made(request)).result
        if wanted not in (None, newest.snapshot):
            raise SnapshotGone("read the page: the snapshot is not kept any more; begin anew")
        return newest

    async def _costs(self, request: Request, answer: TopologyAnswer, period: Period | None) -> Json:
        """The block of costs, where it is wanted."""
        if period is None:
            return {}
        try:
            report = await while_wanted(request, self._aggregator.costs(answer, period))
        except CostsError as error:
            return {"costs": unavailable_block(error)}
        return {"costs": await run_in_threadpool(costs_block, report, self._aggregator.cost_rules)}

    async def _completeness(self, request: Request) -> Response:
        made = await self._made(request)
        return JSONResponse(
            completeness_json(made.result.completeness), headers={"Cache-Control": "no-cache"}
        )

    async def _made(self, request: Request) -> Made[TopologyAnswer]:
        try:
            return await while_wanted(request, self._aggregator.topology())
        except UpstreamError as error:
            raise problem_of_upstreams(error) from error


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _selection(request: Request) -> Selection:
    asked = request.query_params.multi_items()
    if unknown := {name for name, _ in asked} - {*PARAMETERS}:
        raise BadRequest(f"read the query: {min(unknown)!r} is none of {', '.join(PARAMETERS)}")
    try:
        return read_selection([pair for pair in asked if pair[0] in SELECTION])
    except BadSelection as error:
        raise BadRequest(str(error)) from error


def _table(request: Request) -> str | None:
    table = request.query_params.get("table")
    if table is not None and table not in TABLES:
        raise BadRequest(f"choose a table: {table!r} is none of {', '.join(TABLES)}")
    return table


def _document(
    answer: TopologyAnswer, topology: Topology, page: Page, costs: Json
) -> Iterator[bytes]:
    clusters = topology.clusters
    extra: Json = {
        **costs,
        "snapshot": answer.snapshot,
        "completeness": summary_json(answer.completeness),
        "clustersInAll": len(clusters),
        "notes": [
            {"metric": family, "reason": reason, "series": count}
            for (family, reason), count in sorted(topology.notes.items())
        ],
    }
    part = replace(topology, clusters=clusters[page.offset : page.end])
    return topology_json(part, extra)


def _rows(topology: Topology, table: str) -> int:
    rows = TABLES[table].rows
    return sum(1 for cluster in topology.clusters for _ in rows(cluster))


def _sheet(form: str, topology: Topology, table: str, page: Page) -> Iterator[bytes]:
    if form == ARROW:
        if page != Page():
            raise BadRequest("page the table: Arrow streams are whole; leave limit and offset out")
        return arrow(topology, table)
    lines = chain.from_iterable(piece.splitlines() for piece in ndjson(topology, table))
    wanted = islice(lines, page.offset, page.end)
    return (line + b"\n" for line in wanted) if form == NDJSON else _listed(wanted)


def _listed(lines: Iterator[bytes]) -> Iterator[bytes]:
    yield b"["
    yield next(lines, b"")
    yield from (b"," + line for line in lines)
    yield b"]"

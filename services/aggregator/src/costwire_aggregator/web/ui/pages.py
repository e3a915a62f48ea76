"""The routes of the pages: clusters, one cluster, one node, one pod."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from costwire_aggregator.aggregator import Aggregator, TopologyAnswer
from costwire_aggregator.costs.errors import BillComing, CostsError
from costwire_aggregator.costs.patience import Patience
from costwire_aggregator.errors import UpstreamError
from costwire_aggregator.topology.model import Amounts, Cluster, Pod
from costwire_aggregator.web.leaving import while_wanted
from costwire_aggregator.web.periods import read_period, this_month
from costwire_aggregator.web.problems import problem_of_upstreams
from costwire_aggregator.web.ui import formats
from costwire_aggregator.web.ui.costs import CostsView, costs_view
from costwire_runtime.problems import NotFound

UI_PATH = "/ui"
_PODS_ON_A_PAGE = 200
_COSTS_SECONDS = 3.0
"""How long a page waits for a bill; it is shown without one then."""
_STATIC = {"ui.css": "text/css; charset=utf-8", "ui.js": "text/javascript; charset=utf-8"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class ClusterCard:
    """What a card tells of a cluster."""

    cluster: Cluster
    ready_nodes: int | None
    running_pods: int
    capacity: Amounts
    usage: Amounts


class Pages:
    """What people see."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._patience = Patience(_COSTS_SECONDS)
        self._templates = Environment(
            loader=PackageLoader("costwire_aggregator.web.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["url"] = page_url
        self._templates.filters |= {
            name.removeprefix("of_"): getattr(formats, name)
            for name in dir(formats)
            if name.startswith("of_")
        }
        self._templates.globals["share"] = formats.of_share

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(UI_PATH, self._clusters, methods=["GET"]),
            Route(f"{UI_PATH}/", self._slashed, methods=["GET"]),
            Route(f"{UI_PATH}/cluster", self._cluster, methods=["GET"]),
            Route(f"{UI_PATH}/node", self._node, methods=["GET"]),
            Route(f"{UI_PATH}/pod", self._pod, methods=["GET"]),
            *(Route(f"{UI_PATH}/static/{name}", _static(name)) for name in _STATIC),
        ]

    async def _slashed(self, request: Request) -> Response:
        return RedirectResponse(UI_PATH, status_code=301)

    async def _clusters(self, request: Request) -> Response:
        return await self._page(
            request,
            "clusters.html",
            lambda answer: {"cards": [*map(card, answer.topology.clusters)]},
            with_costs=True,
        )

    async def _cluster(self, request: Request) -> Response:
        def of_cluster(answer: TopologyAnswer) -> dict[str, Any]:
            return _of_cluster(answer, request)

        return await self._page(request, "cluster.html", of_cluster, with_costs=True)

    async def _node(self, request: Request) -> Response:
        def of_node(answer: TopologyAnswer) -> dict[str, Any]:
            cluster = _named(answer.topology.clusters, lambda one: one.key, request, "cluster")
            uid = request.query_params.get("uid")
            nodes = [one for one in cluster.nodes if uid in (None, one.uid)]
            node = _named(nodes, lambda one: one.name, request, "name")
            pods = [pod for pod in cluster.pods if pod.node == node.name]
            return {"cluster": cluster, "node": node, "pods": pods}

        return await self._page(request, "node.html", of_node)

    async def _pod(self, request: Request) -> Response:
        def of_pod(answer: TopologyAnswer) -> dict[str, Any]:
            cluster = _named(answer.topology.clusters, lambda one: one.key, request, "cluster")
            namespace = request.query_params.get("namespace", "")
            pods = [pod for pod in cluster.pods if pod.namespace == namespace]
            return {"cluster": cluster, "pod": _named(pods, lambda one: one.name, request, "name")}

        return await self._page(request, "pod.html", of_pod)

    async def _page(
        self,
        request: Request,
        name: str,
        told: Callable[[TopologyAnswer], dict[str, Any]],
        *,
        with_costs: bool = False,
    ) -> Response:
        try:
            made = await while_wanted(request, self._aggregator.topology())
        except UpstreamError as error:
            problem = problem_of_upstreams(error)
            text = self._templates.get_template("silent.html").render(problem=problem)
            return HTMLResponse(text, problem.status, {**_HEADERS, **problem.headers})
        answer = made.result
        costs = await self._costs(request, answer) if with_costs else None

        def rendered() -> str:
            template = self._templates.get_template(name)
            return template.render(completeness=answer.completeness, costs=costs, **told(answer))

        return HTMLResponse(await run_in_threadpool(rendered), headers=_HEADERS)

    async def _costs(self, request: Request, answer: TopologyAnswer) -> CostsView | None:
        """Those of the month that the page is asked for; None where nobody has bills."""
        if not self._aggregator.has_bills:
            return None
        asked = request.query_params.get("period")
        period = read_period(asked) if asked else this_month()
        work = self._patience.report(period, partial(self._aggregator.costs, answer, period))
        try:
            report = await while_wanted(request, work)
        except BillComing as coming:
            return CostsView(period.month, problem=str(coming.earlier or ""), again=_here(request))
        except CostsError as error:
            return CostsView(period.month, problem=str(error))
        return await run_in_threadpool(costs_view, report)


def _here(request: Request) -> str:
    """The address of the page that is asked for, from the root."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def page_url(page: str = "", /, **parameters: object) -> str:
    """The address of a page, from the root; parameters without a value are left out."""
    told = {name: value for name, value in parameters.items() if value not in (None, "")}
    query = f"?{urlencode(told)}" if told else ""
    return f"{UI_PATH}{page and f'/{page}'}{query}"


def card(cluster: Cluster) -> ClusterCard:
    """What is to be told of a cluster at a glance."""
    ready = [node.conditions.get("Ready") for node in cluster.nodes]
    return ClusterCard(
        cluster,
        None if not any(ready) else ready.count("True"),
        sum(pod.phase == "Running" for pod in cluster.pods),
        _summed(node.capacity for node in cluster.nodes),
        _summed(node.usage for node in cluster.nodes),
    )


def _summed(amounts: Iterable[Amounts]) -> Amounts:
    total: Counter[str] = Counter()
    for of_one in amounts:
        total.update(of_one)
    return dict(total)


def _of_cluster(answer: TopologyAnswer, request: Request) -> dict[str, Any]:
    asked = request.query_params
    cluster = _named(answer.topology.clusters, lambda one: one.key, request, "key")
    namespace, search = asked.get("namespace", ""), asked.get("search", "").strip()
    pods = [pod for pod in cluster.pods if _is_found(pod, namespace, search)]
    number = int(text) if (text := asked.get("page", "1")[:6]).isdecimal() else 1
    pages = max(1, -(-len(pods) // _PODS_ON_A_PAGE))
    number = min(max(1, number), pages)
    first = (number - 1) * _PODS_ON_A_PAGE
    pods_by = Counter(pod.node for pod in cluster.pods)
    return {
        "card": card(cluster),
        "cluster": cluster,
        "nodes": [(node, pods_by[node.name]) for node in cluster.nodes],
        "namespaces": sorted(Counter(pod.namespace for pod in cluster.pods).items()),
        "namespace": namespace,
        "search": search,
        "pods": pods[first : first + _PODS_ON_A_PAGE],
        "found": len(pods),
        "page": number,
        "pages": pages,
    }


def _is_found(pod: Pod, namespace: str, search: str) -> bool:
    return namespace in ("", pod.namespace) and (
        search in pod.name or search in (pod.node or "") or not search
    )


def _named(
    things: Iterable[_Thing], name: Callable[[_Thing], str], request: Request, parameter: str
) -> _Thing:
    wanted = request.query_params.get(parameter, "")
    for thing in things:
        if name(thing) == wanted:
            return thing
    raise NotFound(f"show {request.url.path}: there is no {wanted!r}, or not any more")


def _static(name: str) -> Callable[[Request], Response]:
    body = files("costwire_aggregator.web.ui").joinpath("static", name).read_bytes()

    def static(request: Request) -> Response:
        return Response(body, media_type=_STATIC[name], headers=_HEADERS)

    return static

"""The routes of the original: the document at every path, and `/healthz`."""

from __future__ import annotations

import posixpath
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_aggregator.aggregator import Aggregator
from costwire_aggregator.errors import UpstreamError
from costwire_aggregator.web.completeness import completeness_headers, left_out_header
from costwire_aggregator.web.leaving import while_wanted
from costwire_aggregator.web.problems import problem_of_upstreams

HEALTH_PATH = "/healthz"
_HEALTHY = b'"Aggregator working properly!"\n'
_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"
_BLOCK_BYTES = 1 << 18


class IcosRoutes:
    """The document, for whoever expects the original."""

    def __init__(self, aggregator: Aggregator, *, as_text: bool, taken: Collection[str]) -> None:
        """`as_text`: the document's type is what the original tells without `KEY`.

        `taken`: paths of other routes, which have the document for no method: some are open.
        """
        self._aggregator = aggregator
        self._taken = frozenset(taken)
        self._media_type = _TEXT if as_text else _JSON

    def routes(self) -> list[BaseRoute]:
        """The first is for one path, the other, which has to be the last of all, for any."""
        return [
            _for_any_method(HEALTH_PATH, self._healthz),
            _for_any_method("/{path:path}", self._document),
        ]

    async def _healthz(self, request: Request) -> Response:
        return Response(_HEALTHY, media_type=_TEXT)

    async def _document(self, request: Request) -> Response:
        path = request.scope["path"]
        if path in self._taken:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        if (clean := _cleaned(path)) != path:
            query = request.url.query and f"?{request.url.query}"
            return RedirectResponse(f"{clean}{query}", status_code=301)
        try:
            made = await while_wanted(request, self._aggregator.icos())
        except UpstreamError as error:
            raise problem_of_upstreams(error) from error
        document = made.result.document
        head = document.at(time.time())
        headers = {
            "Content-Length": str(len(head) + len(document.rest)),
            "Age": str(max(0, int(time.time() - made.result.completeness.at))),
            "Cache-Control": "no-store",
            **completeness_headers(made.result.completeness),
            **left_out_header(made.result.left_out),
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type=self._media_type)
        return StreamingResponse(
            _blocks(head, document.rest), headers=headers, media_type=self._media_type
        )


async def _blocks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _BLOCK_BYTES):
            yield part[start : start + _BLOCK_BYTES]


def _cleaned(path: str) -> str:
    """Without empty parts, `.` and `..`, as Go's multiplexer cleans it; a last slash stays."""
    clean = "/" + posixpath.normpath(path).lstrip("/")
    return f"{clean}/" if path.endswith("/") and clean != "/" else clean


def _for_any_method(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    route = Route(path, endpoint)
    route.methods = None
    return route

"""What each path answers."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from anyio import move_on_after, sleep, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from costwire_exporter.aggregate import columns_by
from costwire_exporter.blocks import gzip_blocks, read_exposition, read_file
from costwire_exporter.download import Download
from costwire_exporter.errors import NoChanges, NothingPublished, OtherDelivery
from costwire_exporter.exporter import Exporter
from costwire_exporter.negotiate import Encoding, choose_encoding, is_known
from costwire_exporter.shelf import Delivery
from costwire_focus.exposition import CONTENT_TYPE
from costwire_focus.manifest import ChangeKind

_NDJSON = "application/x-ndjson"
_JSON = "application/json"
_GZIP_LEVEL = 1
_LOOK_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 30.0
_WITHOUT_ZSTD: tuple[Encoding, ...] = ("gzip", "identity")


class Endpoints:
    """The exporter's own paths; each answer belongs to one delivery from first to last byte."""

    def __init__(self, exporter: Exporter, *, send_seconds: float) -> None:
        self._exporter = exporter
        self._send_seconds = send_seconds

    async def metrics(self, request: Request) -> Response:
        """GET /metrics: the exposition, or with `by` its sums by some columns."""
        with ExitStack() as pin:
            delivery = self._borrowed(request, pin)
            if "by" in request.query_params:
                return await self._sums(request, delivery)
            encoding = choose_encoding(request.headers.get("Accept-Encoding"))
            return self._exposition(
                request,
                pin,
                lambda: delivery.text.read(encoding),
                delivery.manifest["exposition"],
                encoding=encoding,
                size=delivery.text.size(encoding),
            )

    async def added(self, request: Request) -> Response:
        """GET /changes/added: the charges that the delivery before has not."""
        return self._changes(request, "added")

    async def removed(self, request: Request) -> Response:
        """GET /changes/removed: the charges that the delivery before has beyond this one."""
        return self._changes(request, "removed")

    def _changes(self, request: Request, kind: ChangeKind) -> Response:
        with ExitStack() as pin:
            delivery = self._borrowed(request, pin)
            told = delivery.manifest.get("changes")
            if told is None:
                raise NoChanges(
                    f"serve {request.url.path}: the delivery being served is told as a whole only; "
                    "read /metrics"
                )
            path = delivery.changes(kind)
            encoding = choose_encoding(request.headers.get("Accept-Encoding"))
            return self._exposition(
                request,
                pin,
                lambda: read_exposition(path, encoding),
                told[kind],
                encoding=encoding,
                size=path.stat().st_size if encoding == "zstd" else None,
            )

    async def delivery(self, request: Request) -> Response:
        """GET /delivery: the manifest, and how the exporter stands.

        `Prefer: wait=<seconds>` (RFC 7240) holds the answer while the first report is being read.
        """
        with move_on_after(_wait_seconds(request.headers.get("Prefer", ""))):
            while self._exporter.is_reading_first() and not await request.is_disconnected():
                await sleep(_LOOK_SECONDS)
        with ExitStack() as pin:
            delivery = self._borrowed(request, pin)
            answer = {**delivery.manifest, "exporter": self._exporter.status.to_json()}
            return Response(json.dumps(answer), media_type=_JSON, headers=_UNCACHED)

    async def quarantine(self, request: Request) -> Response:
        """GET /quarantine: the rows that could not be used, a JSON object per line."""
        with ExitStack() as pin:
            delivery = self._borrowed(request, pin)
            path = delivery.quarantine
            encoding = choose_encoding(request.headers.get("Accept-Encoding"), _WITHOUT_ZSTD)
            return self._file(
                request,
                pin.pop_all(),
                lambda: gzip_blocks(read_file(path)) if encoding == "gzip" else read_file(path),
                media_type=_NDJSON,
                etag=f'"{delivery.id}-quarantine-{encoding}"',
                encoding=encoding,
                size=path.stat().st_size if encoding == "identity" else None,
            )

    def _exposition(
        self,
        request: Request,
        pin: ExitStack,
        blocks: Callable[[], Iterator[bytes]],
        told: Mapping[str, Any],
        *,
        encoding: Encoding,
        size: int | None,
    ) -> Response:
        """`told`: by the manifest. Equal charges may be rendered in another order."""
        return self._file(
            request,
            pin.pop_all(),
            blocks,
            media_type=CONTENT_TYPE,
            etag=f'"{told["sha256"]}-{encoding}"',
            encoding=encoding,
            size=told["bytes"] if encoding == "identity" else size,
        )

    def _borrowed(self, request: Request, pin: ExitStack) -> Delivery:
        """The delivery being served, kept until `pin` is closed."""
        serving = self._exporter.is_serving()
        delivery = pin.enter_context(self._exporter.shelf.borrow())
        if delivery is None or not serving:
            reason = self._exporter.why_not_ready() or "the first report is being read"
            raise NothingPublished(
                f"serve {request.url.path}: nothing published yet: {reason}",
                headers={"Retry-After": "1"},
                exporter=self._exporter.status.to_json(),
            )
        wanted = request.query_params.get("delivery")
        if wanted is not None and wanted != delivery.id:
            raise OtherDelivery(
                f"serve delivery {wanted}: it is not the one being served; read /delivery again",
                serving=delivery.id,
            )
        return delivery

    async def _sums(self, request: Request, delivery: Delivery) -> Response:
        columns = columns_by(request.query_params["by"], delivery.manifest)
        encoding = choose_encoding(request.headers.get("Accept-Encoding"), _WITHOUT_ZSTD)
        chosen = hashlib.sha256("\0".join(columns).encode()).hexdigest()[:16]
        etag = f'"{delivery.id}-{delivery.renderer}-by-{chosen}-{encoding}"'
        headers = _headers(CONTENT_TYPE, etag, encoding)
        if is_known(request.headers.get("If-None-Match"), etag):
            return Response(status_code=304, headers=headers)
        body = await to_thread.run_sync(self._exporter.aggregates.answer, delivery, columns)
        if encoding == "gzip":
            body = gzip.compress(body, _GZIP_LEVEL)
        return Response(body, headers=headers)

    def _file(
        self,
        request: Request,
        pin: ExitStack,
        blocks: Callable[[], Iterator[bytes]],
        *,
        media_type: str,
        etag: str,
        encoding: Encoding,
        size: int | None,
    ) -> Response:
        headers = _headers(media_type, etag, encoding)
        if size is not None:
            headers["Content-Length"] = str(size)
        if is_known(request.headers.get("If-None-Match"), etag):
            pin.close()
            headers.pop("Content-Length", None)
            return Response(status_code=304, headers=headers)
        if request.method == "HEAD":
            pin.close()
            return StreamingResponse(iter(()), headers=headers)
        return Download(blocks, pin, headers=headers, send_seconds=self._send_seconds)


_UNCACHED = {"Cache-Control": "no-cache"}


def _wait_seconds(prefer: str) -> float:
    wanted = re.search(r"(?:^|[,\s])wait=([0-9]{1,6})\b", prefer)
    return min(float(wanted[1]), _LONGEST_WAIT_SECONDS) if wanted else 0.0


def _headers(media_type: str, etag: str, encoding: Encoding) -> dict[str, str]:
    headers = {
        "Content-Type": media_type,
        "ETag": etag,
        "Vary": "Accept-Encoding",
        **_UNCACHED,
    }
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return headers

"""An exporter and a database handler that live in the test: real HTTP shapes, no sockets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from costwire_focus.amounts import CostSums
from costwire_focus.canonical import canonical_text
from costwire_focus.exposition.render import Renderer
from costwire_focus.manifest import (
    Changes,
    ColumnLabel,
    CostSum,
    Exposition,
    Manifest,
    ManifestTimes,
    RowCounts,
)
from costwire_focus.repeats import plain_table
from costwire_runtime.asgi import AsgiAdapter
from costwire_scraper.loop import Loop
from costwire_scraper.metrics import Metrics
from costwire_scraper.outcome import Outcome
from costwire_scraper.settings import Settings
from costwire_scraper.wiring import open_loop

READ = datetime(2024, 12, 11, 10, tzinfo=UTC)


def some_charges(rows: int = 500) -> pa.Table:
    """Charges of one month in two currencies, with an absent name here and there."""
    return pa.table(
        {
            "BilledCost": [f"{number}.{number:09d}" for number in range(rows)],
            "EffectiveCost": ["1E-20"] * rows,
            "BillingCurrency": ["USD" if number % 3 else "EUR" for number in range(rows)],
            "BillingPeriodStart": ["2024-09-01T00:00:00Z"] * rows,
            "BillingPeriodEnd": ["2024-10-01T00:00:00Z"] * rows,
            "ResourceName": [
                None if number % 7 == 0 else f'vm "{number}"\n' for number in range(rows)
            ],
            "Tags": ['{"team":"a\\\\b"}'] * rows,
        },
        schema=pa.schema(
            [
                (name, pa.string())
                for name in (
                    "BilledCost",
                    "EffectiveCost",
                    "BillingCurrency",
                    "BillingPeriodStart",
                    "BillingPeriodEnd",
                    "ResourceName",
                    "Tags",
                )
            ]
        ),
    )


def manifest_of(charges: pa.Table, text: bytes, quarantined: int = 0) -> Manifest:
    """What a true exporter would say of these charges."""
    sums = CostSums()
    sums.add(charges)
    return Manifest(
        id=hashlib.sha256(text).hexdigest(),
        table="charges",
        source="report.csv",
        generation=READ,
        focus_version="1.0",
        columns=[ColumnLabel(name=name, label=name) for name in charges.column_names],
        rows=RowCounts(
            read=charges.num_rows + quarantined,
            published=charges.num_rows,
            quarantined=quarantined,
        ),
        sums={
            currency: {
                column: None
                if (total := sums.get(currency, column)) is None
                else CostSum(
                    read=canonical_text(total), published=canonical_text(total), quarantined="0"
                )
                for column in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
            }
            for currency in sums.currencies()
        },
        exposition=Exposition(
            samples=charges.num_rows,
            bytes=len(text),
            sha256=hashlib.sha256(text).hexdigest(),
            renderer=1,
        ),
        times=ManifestTimes(read=READ),
    )


@dataclass
class FakeExporter:
    """Serves one delivery; `spoil` changes the text on its way, `spoil_packed` the frames of it.

    `before` may answer instead.
    """

    text: bytes = b""
    manifest: Manifest | None = None
    quarantine: bytes = b""
    changes: dict[str, bytes] = field(default_factory=dict)
    spoil: Callable[[bytes], bytes] = lambda body: body
    spoil_packed: Callable[[bytes], bytes] = lambda body: body
    before: Callable[[str], Response | None] = lambda path: None
    requests: list[str] = field(default_factory=list)

    def serve(self, charges: pa.Table, quarantine: bytes = b"") -> None:
        """Render and serve these charges from now on."""
        renderer = Renderer(charges.column_names)
        body = renderer.render(charges).to_pybytes()
        self.text = renderer.header() + body + renderer.footer()
        self.quarantine = quarantine
        self.manifest = manifest_of(charges, self.text, quarantine.count(b"\n"))

    def serve_changes(self, added: pa.Table, removed: pa.Table, charges: pa.Table) -> None:
        """Serve these charges as what became of those that are served."""
        assert self.manifest is not None
        since = self.manifest.id
        texts = {}
        for kind, found in (("added", added), ("removed", removed)):
            self.serve(found)
            texts[kind] = self.text, self.manifest.exposition
        self.serve(charges)
        self.changes = {kind: text for kind, (text, _) in texts.items()}
        told = {kind: exposition for kind, (_, exposition) in texts.items()}
        changes = Changes(since=since, **told)
        self.manifest = self.manifest.model_copy(update={"changes": changes})

    def app(self) -> Starlette:
        async def answer(request: Request) -> Response:
            path = request.url.path
            self.requests.append(path)
            return self.before(path) or self._answer(path, request)

        paths = ("/delivery", "/metrics", "/quarantine", "/changes/added", "/changes/removed")
        return Starlette(routes=[Route(path, answer) for path in paths])

    def _answer(self, path: str, request: Request) -> Response:
        if path == "/delivery":
            if self.manifest is None:
                return Response("404 page not found", 404)
            return Response(self.manifest.to_json(), media_type="application/json")
        asked = request.query_params.get("delivery")
        if asked and (self.manifest is None or asked != self.manifest.id):
            return JSONResponse({"title": "other delivery", "status": 412}, 412)
        if path == "/quarantine":
            return Response(self.quarantine)
        text = self.spoil(self.changes.get(path.removeprefix("/changes/"), self.text))
        if "zstd" not in request.headers["accept-encoding"]:
            return Response(text)
        half = len(text) // 2
        frames = self.spoil_packed(
            zstandard.compress(text[:half]) + zstandard.compress(text[half:])
        )
        pieces = [frames[at : at + 1000] for at in range(0, len(frames), 1000)]
        return StreamingResponse(iter(pieces), headers={"Content-Encoding": "zstd"})


@dataclass
class FakeHandler:
    """Keeps deliveries as the database handler would; counts and sums are verified at commit."""

    deliveries: dict[str, dict[str, Any]] = field(default_factory=dict)
    instead: dict[str, Response] = field(default_factory=dict)
    """Answers given once, for the first request of this kind (`POST parts 3`)."""
    log: list[str] = field(default_factory=list)
    current: str | None = None
    copies: int = 0
    """How often its store was put back."""

    @property
    def visible(self) -> pa.Table | None:
        """The charges that a reader sees."""
        return None if self.current is None else self._charges(self.deliveries[self.current])

    def app(self) -> Starlette:
        routes = [
            Route("/deliveries", self._guarded(self._open), methods=["POST"]),
            Route("/deliveries/{commit}/parts", self._guarded(self._part), methods=["POST"]),
            Route(
                "/deliveries/{commit}/changes/{kind}", self._guarded(self._change), methods=["POST"]
            ),
            Route("/deliveries/{commit}/quarantine", self._guarded(self._rows), methods=["POST"]),
            Route("/deliveries/{commit}/commit", self._guarded(self._commit), methods=["POST"]),
            Route("/deliveries/{commit}", self._guarded(self._abort), methods=["DELETE"]),
            Route("/deliveries/{commit}", self._guarded(self._show), methods=["GET"]),
        ]
        return Starlette(routes=routes)

    def _guarded(self, endpoint: Callable[[Request, bytes], Response]) -> Callable[..., Any]:
        async def answer(request: Request) -> Response:
            act = f"{request.method} {request.url.path.rpartition('/')[2]}"
            if seq := request.query_params.get("seq"):
                act += f" {seq}"
            self.log.append(act)
            body = await request.body()
            return self.instead.pop(act, None) or endpoint(request, body)

        return answer

    def _open(self, request: Request, body: bytes) -> Response:
        manifest = Manifest.model_validate_json(body)
        for known in self.deliveries.values():
            if known["manifest"].id == manifest.id and known["state"] != "aborted":
                if known["state"] == "open":
                    return JSONResponse(self._opened(known), 201)
                return JSONResponse(
                    {"entry": {**self._entry(known), "state": "unchanged"}, "parts": []}
                )
        commit = str(len(self.deliveries) + 1)
        self.deliveries[commit] = {
            "commit": commit,
            "manifest": manifest,
            "state": "open",
            "parts": {},
            "changes": {"added": {}, "removed": {}},
            "quarantine": b"",
            "copy": self.copies,
        }
        return JSONResponse(self._opened(self.deliveries[commit]), 201)

    def _opened(self, delivery: dict[str, Any]) -> dict[str, Any]:
        changes, shown = delivery["manifest"].changes, self.deliveries.get(self.current or "")
        takes = changes is not None and shown and shown["manifest"].id == changes.since
        return {
            "entry": self._entry(delivery),
            "parts": sorted(delivery["parts"]),
            "changes": bool(takes),
        }

    def _part(self, request: Request, body: bytes) -> Response:
        parts = self._of(request)["parts"]
        seq = int(request.query_params["seq"])
        if parts.setdefault(seq, body) != body:
            return JSONResponse({"detail": f"part {seq} holds other bytes"}, 409)
        return Response(status_code=204)

    def _change(self, request: Request, body: bytes) -> Response:
        kind, seq = request.path_params["kind"], int(request.query_params["seq"])
        self._of(request)["changes"][kind][seq] = body
        return Response(status_code=204)

    def _rows(self, request: Request, body: bytes) -> Response:
        self._of(request)["quarantine"] = body
        return Response(status_code=204)

    def _commit(self, request: Request, body: bytes) -> Response:
        delivery = self._of(request)
        if request.query_params.get("changes") == "true":
            delivery["parts"] = {0: self._changed(delivery)}
        charges, manifest = self._charges(delivery), delivery["manifest"]
        sums = CostSums()
        sums.add(charges)
        told = {
            currency: {
                column: figures.published if figures else None
                for column, figures in columns.items()
            }
            for currency, columns in manifest.sums.items()
        }
        quarantined = delivery["quarantine"].count(b"\n")
        if (charges.num_rows, quarantined) != (
            manifest.rows.published,
            manifest.rows.quarantined,
        ) or sums.to_json() != told:
            return JSONResponse({"detail": "counts or sums differ from the manifest"}, 422)
        if request.query_params.get("dryRun") != "true":
            delivery["state"] = "committed"
            self.current = delivery["commit"]
        return JSONResponse({**self._entry(delivery), "state": "committed"})

    def _abort(self, request: Request, body: bytes) -> Response:
        self._of(request)["state"] = "aborted"
        return Response(status_code=204)

    def _show(self, request: Request, body: bytes) -> Response:
        known = self.deliveries.get(request.path_params["commit"])
        if known is None:
            problem = {"type": "urn:costwire:problem:unknown-delivery", "detail": "no such number"}
            return JSONResponse(problem, 404)
        return JSONResponse(self._entry(known))

    def put_back(self) -> None:
        """Put the store back to a copy of before the first delivery."""
        self.deliveries.clear()
        self.current = None
        self.copies += 1

    def _of(self, request: Request) -> dict[str, Any]:
        return self.deliveries[request.path_params["commit"]]

    def _changed(self, delivery: dict[str, Any]) -> bytes:
        """The charges that are seen, without those removed, with those added."""
        assert self.visible is not None
        added, removed = (
            [self._charges({"parts": parts})] if parts else []
            for parts in (delivery["changes"][kind] for kind in ("added", "removed"))
        )
        gone = [row for part in removed for row in part.to_pylist()]
        kept = [row for row in self.visible.to_pylist() if row not in gone]
        table = pa.concat_tables([pa.Table.from_pylist(kept, self.visible.schema), *added])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    @staticmethod
    def _charges(delivery: dict[str, Any]) -> pa.Table:
        parts = [
            plain_table(pa.ipc.open_stream(body).read_all())
            for _, body in sorted(delivery["parts"].items())
        ]
        return pa.concat_tables(parts)

    @staticmethod
    def _entry(delivery: dict[str, Any]) -> dict[str, Any]:
        manifest = delivery["manifest"]
        return {
            "commit": int(delivery["commit"]),
            "id": manifest.id,
            "table": manifest.table,
            "source": manifest.source,
            "state": delivery["state"],
            "rows": json.loads(manifest.to_json())["rows"],
            "balanced": True,
            "times": {"opened": f"2024-12-11T10:00:0{delivery['copy']}Z"},
        }


@dataclass
class Bench:
    """The scraper between the two."""

    exporter: FakeExporter
    handler: FakeHandler
    folder: Path
    exporter_app: AsgiAdapter
    handler_app: AsgiAdapter
    stack: ExitStack

    def loop(self, **settings: Any) -> Loop:
        """A scraper; blocks are small, so that there are many parts, and pauses short."""
        chosen = {
            "exporter_url": "http://exporter.test",
            "handler_url": "http://handler.test",
            "block_bytes": 8_192,
            "once": True,
            "patience_seconds": 20,
            "compatible_settle_seconds": 0,
            "outcome_file": self.folder / "outcome.json",
            "spool_dir": self.folder,
            **settings,
        }
        return self.stack.enter_context(
            open_loop(
                Settings(**chosen),
                Metrics(),
                exporter_transport=self.exporter_app,
                handler_transport=self.handler_app,
            )
        )

    def run(self, **settings: Any) -> Outcome:
        """One delivery, as `--once` makes it."""
        return self.loop(**settings).run_once()

    def told(self) -> dict[str, Any]:
        """What the outcome file says."""
        outcome: dict[str, Any] = json.loads((self.folder / "outcome.json").read_text())
        return outcome


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    exporter, handler = FakeExporter(), FakeHandler()
    with (
        AsgiAdapter(exporter.app()) as exporter_app,
        AsgiAdapter(handler.app()) as handler_app,
        ExitStack() as stack,
    ):
        yield Bench(exporter, handler, tmp_path, exporter_app, handler_app, stack)


@pytest.fixture
def charges() -> pa.Table:
    return some_charges()

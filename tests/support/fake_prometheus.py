"""A Prometheus for tests: it answers selectors of made-up series, and can misbehave."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from costwire_aggregator.questions import TIMES
from costwire_aggregator.samples import Sample
from tests.support.local_server import LocalServer

Series = Mapping[str, Sequence[Sample]]
NOW = 1_753_000_060
_SELECTOR = re.compile(r"(?P<name>\w+)?(\{(?P<matchers>[^}]*)\})?(?P<holding> == 1)?")
_MATCHER = re.compile(r'\s*(?P<label>\w+)\s*(?P<how>=~|!=|!~|=)\s*(["\'])(?P<text>.*?)\3\s*(,|$)')
_SPECIAL = {math.inf: "+Inf", -math.inf: "-Inf"}


class BadQuery(Exception):
    """What it cannot answer."""


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, list[str]]

    @property
    def query(self) -> str:
        return self.form["query"][0]


@dataclass
class Fault:
    """How it misbehaves."""

    hang: threading.Event | None = None
    """It answers once this is set."""
    status: int = 200
    body: bytes | None = None
    """Instead of an answer."""
    more: dict[str, Any] = field(default_factory=dict)
    """Fields of the answer, such as `warnings`."""
    only: str = ""
    """Questions that hold this text; others are answered."""
    times: int = 1 << 30
    """How often; then all is well."""


class FakePrometheus(LocalServer):
    """Serves `series`, by family; of `up` the values are times, negative of what is down."""

    def __init__(self, series: Series | None = None, port: int = 0) -> None:
        super().__init__(FakeHandler, port)
        self.series: Series = series or {}
        self.fault = Fault()
        self.asked: list[Asked] = []
        self.takes_posts = True
        self.stores: Mapping[str, Any] | None = None
        """What it tells of its stores; none where it is no Thanos."""

    def vector(self, query: str) -> Iterable[tuple[str, Sample]]:
        """Names and samples of an instant query; raises `BadQuery`."""
        if query == "vector(1)":
            return [("", Sample({}, 1.0))]
        if query == TIMES.promql:
            return (("", sample) for sample in self.series.get("up", ()))
        if query == "timestamp(up)":  # the original's question
            return (("", Sample(labels, abs(at))) for labels, at in self.series.get("up", ()))
        found = _SELECTOR.fullmatch(query)
        if found is None:
            raise BadQuery(f"parse error: {query}")
        return _selected(
            self.series, found["name"], found["matchers"] or "", bool(found["holding"])
        )


def _selected(
    series: Series, name: str | None, text: str, holding: bool
) -> Iterator[tuple[str, Sample]]:
    matchers = [(one["label"], one["how"], one["text"]) for one in _MATCHER.finditer(text)]
    if name is not None:
        matchers.append(("__name__", "=", name))
    names = [matcher for matcher in matchers if matcher[0] == "__name__"]
    others = [matcher for matcher in matchers if matcher[0] != "__name__"]
    for family, samples in series.items():
        if not all(_matches(family, how, text) for _, how, text in names):
            continue
        for sample in samples:
            if (not holding or sample.value == 1) and all(
                _matches(sample.labels.get(label, ""), how, text) for label, how, text in others
            ):
                yield family, sample


def _matches(value: str, how: str, text: str) -> bool:
    same = value == text if how in ("=", "!=") else re.fullmatch(text, value) is not None
    return same is not how.startswith("!")


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else _SPECIAL.get(value, repr(value))


class FakeHandler(BaseHTTPRequestHandler):
    """Prometheus' HTTP API, as far as the aggregators ask it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._asked(form)

    def do_GET(self) -> None:
        stores = self.server.owner.stores  # type: ignore[attr-defined]
        if urlsplit(self.path).path.endswith("/api/v1/stores"):
            self._tell(404 if stores is None else 200, {"status": "success", "data": stores or {}})
            return
        self._asked(urlsplit(self.path).query)

    def _asked(self, form: str) -> None:
        server: FakePrometheus = self.server.owner  # type: ignore[attr-defined]
        asked = Asked(self.command, self.path, self.headers, parse_qs(form, True))
        server.asked.append(asked)
        if self.command == "POST" and not server.takes_posts:
            self._answer(405, b"GET only")
            return
        fault = server.fault
        if fault.only not in asked.query or fault.times < 1:
            fault = Fault()
        fault.times -= 1
        if fault.hang is not None:
            fault.hang.wait(60)
        if fault.body is not None:
            self._answer(fault.status, fault.body)
            return
        try:
            vector = server.vector(asked.query)
            result = [
                {
                    "metric": {**({"__name__": name} if name else {}), **sample.labels},
                    "value": [NOW, _text(sample.value)],
                }
                for name, sample in vector
            ]
            told: dict[str, Any] = {"resultType": "vector", "result": result}
            self._tell(fault.status, {"status": "success", "data": told, **fault.more})
        except BadQuery as error:
            told = {"errorType": "execution", "error": str(error)}
            self._tell(422, {"status": "error", **told})

    def _tell(self, status: int, told: Mapping[str, Any]) -> None:
        self._answer(status, json.dumps(told).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass

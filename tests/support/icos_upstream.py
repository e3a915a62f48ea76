"""A Prometheus for the original aggregator: it answers its 21 questions of made-up series."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from costwire_aggregator.samples import Labels, Sample
from tests.support.local_server import LocalServer

_JOIN = re.compile(
    r"(?P<left>\w+)(\{resource='(?P<resource>\w+)'\})? \* on\(icos_agent_id, icos_host_name\) "
    r"group_left\(icos_host_id\) node_uname_info"
)
_NOW = 1_753_000_060
_SPECIAL = {math.inf: "+Inf", -math.inf: "-Inf"}


class ManyToMany(Exception):
    """A join whose one side has several series for a pair."""


class IcosUpstream(LocalServer):
    """Serves `series`, which may be exchanged between questions."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.series: Mapping[str, Sequence[Sample]] = {}

    def vector(self, query: str) -> Iterable[Sample]:
        """What an instant query gives; raises `ManyToMany`."""
        if query == "timestamp(up)":
            return self.series.get("up", ())
        if query == "kube_pod_status_phase == 1":
            return holding_phases(self.series)
        if found := _JOIN.fullmatch(query):
            left = self.series.get(found["left"], ())
            resource = found["resource"]
            return self._joined(
                [one for one in left if resource in (None, one.labels.get("resource"))]
            )
        return self.series.get(query, ())

    def _joined(self, left: Sequence[Sample]) -> list[Sample]:
        asked = {_pair(sample.labels) for sample in left}
        nodes = [node for node in self.series.get("node_uname_info", ())]
        right = {_pair(node.labels): node for node in nodes}
        if sum(_pair(node.labels) in asked for node in nodes) > len(asked & right.keys()):
            raise ManyToMany
        joined = []
        for sample in left:
            if (node := right.get(_pair(sample.labels))) is not None:
                told = {k: v for k, v in sample.labels.items() if k != "icos_host_id"}
                if host := node.labels.get("icos_host_id"):
                    told["icos_host_id"] = host
                joined.append(Sample(told, sample.value * node.value))
        if len({frozenset(one.labels.items()) for one in joined}) < len(joined):
            raise ManyToMany
        return joined


def holding_phases(series: Mapping[str, Sequence[Sample]]) -> list[Sample]:
    """The phases in which pods are."""
    return [sample for sample in series.get("kube_pod_status_phase", ()) if sample.value == 1]


def _pair(labels: Labels) -> tuple[str, str]:
    return labels.get("icos_agent_id", ""), labels.get("icos_host_name", "")


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else _SPECIAL.get(value, repr(value))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        upstream: IcosUpstream = self.server.owner  # type: ignore[attr-defined]
        try:
            vector = upstream.vector(parse_qs(form)["query"][0])
            result = [{"metric": s.labels, "value": [_NOW, _text(s.value)]} for s in vector]
            told: dict[str, Any] = {"resultType": "vector", "result": result}
            self._answer(200, {"status": "success", "data": told})
        except ManyToMany:
            told = {"errorType": "execution", "error": "many-to-many matching not allowed"}
            self._answer(422, {"status": "error", **told})

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass

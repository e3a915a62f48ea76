"""Exporters of made-up clusters in this process, whose values stand still."""

from __future__ import annotations

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

from costwire_simulator.exporters.targets import JOBS
from costwire_simulator.targets import Target
from costwire_simulator.web.discovery import discovered
from tests.support.local_server import LocalServer


class SimulatedExporters(LocalServer):
    """Serves the texts of targets as of one time: whoever scrapes them, and when, sees the same."""

    def __init__(self, targets: Sequence[Target], at: float) -> None:
        super().__init__(_Handler)
        self._targets = targets
        self.texts = {target.path: target.render(at) for target in targets}
        """By path; they may be exchanged."""

    def scrape_configs(self, *clusters: str) -> list[dict[str, Any]]:
        """Those of Prometheus that find the targets of these clusters."""
        address = f"127.0.0.1:{self.port}"
        return [
            {
                "job_name": job,
                "honor_labels": honor,
                "honor_timestamps": False,
                "static_configs": discovered(found, address),
            }
            for job, honor in JOBS.items()
            if (
                found := [
                    one for one in self._targets if one.job == job and one.cluster in clusters
                ]
            )
        ]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.server.owner.texts.get(self.path)  # type: ignore[attr-defined]
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass

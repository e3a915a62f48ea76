"""The scraper at an interval: probes and its own metrics."""

from __future__ import annotations

import time
from typing import Any

import pyarrow as pa
import requests

from costwire_runtime.asgi import AsgiAdapter
from costwire_scraper.app import create_app
from costwire_scraper.metrics import Metrics
from costwire_scraper.settings import Settings
from costwire_scraper.wiring import open_loop

PATIENCE_SECONDS = 20.0
SETTINGS = Settings(
    exporter_url="http://exporter.test",
    handler_url="http://handler.test",
    polling_interval_seconds=0.05,
)


def until_ready(session: requests.Session, status: int) -> requests.Response:
    """The answer of the probe once it has this status."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := session.get("http://scraper.test/-/ready")).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return answer


def test_probes_and_metrics_follow_the_cycles(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    metrics = Metrics()
    with (
        open_loop(
            SETTINGS,
            metrics,
            exporter_transport=bench.exporter_app,
            handler_transport=bench.handler_app,
        ) as loop,
        AsgiAdapter(create_app(SETTINGS, loop, metrics)) as transport,
        requests.Session() as session,
    ):
        session.mount("http://", transport)
        assert session.get("http://scraper.test/-/healthy").ok
        until_ready(session, 200)
        assert bench.handler.visible == charges
        told = session.get("http://scraper.test/-/metrics").text
        assert 'costwire_scraper_cycles_total{result="settled"} 1.0' in told
        assert f"costwire_scraper_samples_total {charges.num_rows}.0" in told
        bench.exporter.spoil = lambda text: text.replace(b"USD", b"EUR", 1)
        bench.exporter.serve(charges.slice(0, 50))
        problem = until_ready(session, 503).json()
        assert "not what the manifest promises" in problem["detail"]
        bench.exporter.spoil = lambda text: text
        until_ready(session, 200)
        assert bench.handler.visible.num_rows == 50

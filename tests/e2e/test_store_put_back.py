"""The handler's store is put back to an older copy while the scraper runs on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import BaseAdapter
from tests.support.in_process import Pipeline, pipeline
from tests.support.reports import charges, sums, write_report
from tests.support.store import ADMIN, ON_CRATEDB

from costwire_scraper.loop import Loop
from costwire_scraper.metrics import Metrics
from costwire_scraper.settings import Settings
from costwire_scraper.wiring import open_loop

REPORT = charges(*({"ResourceId": f"disk-{number}"} for number in range(5)))


class Whichever(BaseAdapter):
    """The handler that runs at the moment, behind one address."""

    def __init__(self) -> None:
        super().__init__()
        self.pipeline: Pipeline | None = None

    def send(self, request: Any, *how: Any, **more: Any) -> Any:
        assert self.pipeline is not None
        assert self.pipeline._handler is not None
        return self.pipeline._handler.send(request, *how, **more)

    def close(self) -> None:
        """Whoever runs a handler ends it."""


@contextmanager
def scraper(services: Pipeline, exporter: BaseAdapter, handler: BaseAdapter) -> Iterator[Loop]:
    settings = Settings.model_validate(
        {
            "exporter_url": "http://exporter.test",
            "handler_url": services.store.url,
            "handler_user": ADMIN,
            "handler_password": services.store.password,
            "patience_seconds": 60.0,
        }
    )
    with open_loop(
        settings, Metrics(), exporter_transport=exporter, handler_transport=handler
    ) as loop:
        yield loop


@pytest.mark.skipif(ON_CRATEDB, reason="a copy of the embedded store's folder")
def test_a_running_scraper_delivers_again_what_an_older_copy_lacks(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    handler = Whichever()
    with pipeline(tmp_path):
        pass
    shutil.copytree(data, copy)
    report = write_report(tmp_path / "bill.csv", REPORT)
    with ExitStack() as running:
        with pipeline(tmp_path) as services:
            handler.pipeline = services
            exporter = running.enter_context(services.exporter(report))
            loop = running.enter_context(scraper(services, exporter, handler))
            assert loop.run_once().exit_status == 0
            assert loop.run_once().repeated
            assert services.store.shown("charges") == (5, sums(REPORT)["USD"])
        shutil.rmtree(data)
        shutil.copytree(copy, data)
        with pipeline(tmp_path) as services:
            handler.pipeline = services
            assert services.store.ledger("charges") == []
            outcome = loop.run_once()
            assert (outcome.exit_status, outcome.repeated) == (0, False)
            assert loop.run_once().repeated
            (entry,) = services.store.ledger("charges")
            assert (entry["state"], entry["balanced"]) == ("committed", True)
            assert services.store.shown("charges") == (5, sums(REPORT)["USD"])

"""The three services in this process, joined without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

from costwire_db_handler.app import create_app as create_handler
from costwire_db_handler.settings import Settings as HandlerSettings
from costwire_exporter.app import create_app as create_exporter
from costwire_exporter.settings import Settings as ExporterSettings
from costwire_runtime.asgi import AsgiAdapter
from costwire_scraper.metrics import Metrics
from costwire_scraper.outcome import Outcome
from costwire_scraper.settings import Settings as ScraperSettings
from costwire_scraper.wiring import open_loop
from tests.support.store import ADMIN, Store
from tests.support.waiting import until

_EXPORTER = "http://exporter.test"
_HANDLER = "http://db-handler.test"
_READING = "the first report is being read"


class Pipeline:
    """Delivers reports to a store, whose handler may be in this process or another."""

    def __init__(self, store: Store, folder: Path, handler: BaseAdapter | None = None) -> None:
        self.store = store
        self._folder = folder
        self._handler = handler
        self._exporters = 0

    @contextmanager
    def exporter(self, source: Path | str, **settings: Any) -> Iterator[AsgiAdapter]:
        """An exporter over a source that has published it."""
        self._exporters += 1
        told = {
            "source": str(source),
            "data_dir": self._folder / f"exporter-{self._exporters}",
            "polling_interval_seconds": 0.1,
            "retry_base_seconds": 0.1,
        }
        app = create_exporter(ExporterSettings.model_validate(told | settings))
        with AsgiAdapter(app) as transport, requests.Session() as session:
            session.mount(_EXPORTER, transport)
            until("the report is published", lambda: _is_ready(session))
            yield transport

    def scrape(
        self, exporter: AsgiAdapter | None = None, url: str = _EXPORTER, **settings: Any
    ) -> Outcome:
        """One delivery from an exporter, as `--once` makes it."""
        told = {
            "exporter_url": url,
            "handler_url": self.store.url,
            "handler_user": ADMIN,
            "handler_password": self.store.password,
            "once": True,
            "patience_seconds": 60.0,
            "spool_dir": self._folder,
        }
        with open_loop(
            ScraperSettings.model_validate(told | settings),
            Metrics(),
            exporter_transport=exporter,
            handler_transport=self._handler,
        ) as loop:
            return loop.run_once()

    def deliver(self, source: Path | str, table: str = "charges", **settings: Any) -> Outcome:
        """One delivery of a report."""
        with self.exporter(source, table=table, **settings) as exporter:
            return self.scrape(exporter)


def _is_ready(session: requests.Session) -> bool:
    answer = session.get(f"{_EXPORTER}/-/ready", timeout=10)
    assert answer.ok or answer.json()["detail"] == _READING, answer.json()
    return answer.ok


@contextmanager
def pipeline(folder: Path, **handler_settings: Any) -> Iterator[Pipeline]:
    """All three services in this process, over an empty store."""
    data = folder / "data"
    settings = HandlerSettings.model_validate({"data_dir": data} | handler_settings)
    with AsgiAdapter(create_handler(settings)) as handler:
        yield Pipeline(Store(_HANDLER, data, transport=handler), folder, handler)

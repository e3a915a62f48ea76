"""Reports on disk and exporters over them."""

import csv
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.reports import CHARGE, LONG_AGO

from costwire_exporter.app import create_app
from costwire_exporter.identity import Meaning
from costwire_exporter.publish import Publisher
from costwire_exporter.settings import Settings
from costwire_exporter.shelf import Delivery, Shelf
from costwire_exporter.status import Progress
from costwire_runtime.asgi import AsgiAdapter
from costwire_runtime.client import HttpClient, HttpFailure
from costwire_runtime.clocks import utc_now
from costwire_runtime.web_config import WebConfig
from costwire_sources import Wanted, open_source

Row = Mapping[str, str]
WriteReport = Callable[..., Path]
Publish = Callable[..., Delivery | None]
Serve = Callable[..., AbstractContextManager[HttpClient]]


@pytest.fixture
def write_report(tmp_path: Path) -> WriteReport:
    """Write charges (each told by how it differs from a whole one) to a file of an older time."""

    def write(*changes: Row, file: str = "bill.csv", at: float = LONG_AGO) -> Path:
        path = tmp_path / "reports" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{**CHARGE, **change} for change in changes]
        names = list(dict.fromkeys(name for row in [CHARGE, *rows] for name in row))
        draft = path.with_name(".draft")
        with draft.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows(rows)
        os.utime(draft, (at, at))
        return draft.replace(path)

    return write


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with Shelf(tmp_path / "data", "key") as shelf:
        yield shelf


@pytest.fixture
def publish(shelf: Shelf) -> Publish:
    """Publish what a path holds; the meaning may be told otherwise."""

    def run(
        path: Path,
        *,
        on_progress: Callable[[Progress], None] = lambda _: None,
        is_stopping: Callable[[], bool] = lambda: False,
        name: str = "bills",
        wanted: Wanted | None = None,
        clock: Callable[[], datetime] = utc_now,
        **told: Any,
    ) -> Delivery | None:
        meaning = {
            "table": "charges",
            "mode": "replace",
            "period": (),
            "currency": None,
            "dates": None,
            "focus_version": None,
        }
        publisher = Publisher(
            Meaning(**(meaning | told)),
            shelf,
            level=1,
            on_progress=on_progress,
            is_stopping=is_stopping,
            clock=clock,
        )
        reading = open_source(str(path), name=name, wanted=wanted).poll(None)
        assert reading is not None
        with reading:
            return publisher(reading)

    return run


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of an exporter over a source; what it publishes goes to one folder per test."""

    def settings(source: Path | str, **others: Any) -> Settings:
        quick = {"polling_interval_seconds": 0.05, "retry_base_seconds": 0.05}
        told = {"source": str(source), "data_dir": tmp_path / "data"} | quick | others
        return Settings.model_validate(told)

    return settings


@pytest.fixture
def serve(settings_for: Callable[..., Settings]) -> Serve:
    """Run an exporter in this process; the client is ready when it has something to serve."""

    @contextmanager
    def run(
        source: Path | str,
        *,
        web_config: WebConfig | None = None,
        auth: tuple[str, str] | None = None,
        wait: bool = True,
        **others: Any,
    ) -> Iterator[HttpClient]:
        app = create_app(settings_for(source, **others), web_config)
        with AsgiAdapter(app) as transport:
            client = HttpClient("http://exporter:2112", auth=auth, transport=transport, retries=0)
            if wait:
                until(lambda: is_ready(client))
            yield client

    return run


def is_ready(client: HttpClient) -> bool:
    try:
        return client.get("/-/ready").ok
    except HttpFailure:
        return False


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds."""
    return until


@pytest.fixture
def samples() -> Callable[[str], Sequence[str]]:
    """The sample lines of an exposition."""
    return lambda text: [line for line in text.splitlines() if not line.startswith("#")]

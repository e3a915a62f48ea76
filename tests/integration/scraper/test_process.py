"""The scraper as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from socketserver import BaseRequestHandler

from tests.support.local_server import LocalServer
from tests.support.processes import ServiceProcess


def a_scraper(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "costwire_scraper", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_wrong_settings_are_told_one_by_one() -> None:
    ended = a_scraper(SCRAPER_EXPORTER_URL="exporter:2112")
    assert ended.returncode == 2
    assert "SCRAPER_EXPORTER_URL: give an address that starts with http" in ended.stderr
    assert "SCRAPER_HANDLER_URL: is not set" in ended.stderr


def test_silent_exporter_fails_when_patience_ends() -> None:
    ended = a_scraper(
        "--once",
        SCRAPER_EXPORTER_URL="http://127.0.0.1:9",
        SCRAPER_HANDLER_URL="http://127.0.0.1:9",
        SCRAPER_HANDLER_PASSWORD="hush",
        SCRAPER_PATIENCE_SECONDS="0",
    )
    assert ended.returncode == 1
    assert "connection refused" in ended.stderr
    assert "hush" not in ended.stderr


def test_scraper_that_waits_for_a_silent_exporter_ends_in_time_when_told(tmp_path: Path) -> None:
    asked, released = threading.Event(), threading.Event()

    class Silent(BaseRequestHandler):
        def handle(self) -> None:
            asked.set()
            released.wait(60)

    with LocalServer(Silent) as exporter:
        scraper = ServiceProcess(
            "scraper", tmp_path, exporter_url=exporter.url, handler_url="http://127.0.0.1:9"
        )
        with scraper.start():
            try:
                assert asked.wait(60)
                scraper.end_gracefully(10)
                assert "the next start goes on with it" in scraper.log.read_text()
            finally:
                released.set()

"""The scraper as a process."""

from __future__ import annotations

import os
import subprocess
import sys


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

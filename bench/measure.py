"""How the time of a stage is taken, and where its files are."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

Figures = dict[str, Any]
SAMPLE_ROWS = 20_000
"""What the slow ways of others are measured on."""
NEWEST_ROWS = 200_000
"""At most so many charges of the newest version are validated."""


class Stopwatch:
    """Adds up the wall and CPU seconds of the blocks that it is put around."""

    def __init__(self) -> None:
        self.figures: Figures = {"seconds": 0.0, "cpu": 0.0}

    def __enter__(self) -> Self:
        self._cpu, self._start = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.figures["seconds"] += time.perf_counter() - self._start
        self.figures["cpu"] += time.process_time() - self._cpu


def timed(work: Callable[[], Any]) -> Figures:
    """Wall and CPU seconds of a piece of work."""
    with Stopwatch() as watch:
        work()
    return watch.figures


def report(folder: Path) -> Path:
    """The report that all stages work on."""
    return folder / "report.csv"


def emptied(folder: Path) -> Path:
    """A folder without what an earlier round left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def store_bytes(data: Path) -> int:
    """Of the embedded store's file and its log."""
    return sum(path.stat().st_size for path in data.glob("store.duckdb*"))

"""The whole pipeline, as a user calls it: four processes, the real wire."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from measure import Figures, emptied, report, store_bytes
from processes import loopback_bytes, spent, watched


def run_pipeline(folder: Path, source: Path, name: str) -> Figures:
    """`costwire run --once` as a user calls it, and what its processes took."""
    command = [sys.executable, "-m", "costwire_cli", "run", str(source), "--once"]
    options = ["--data", str(folder / "data"), "--source", "bench"]
    start, wire, cpu = time.perf_counter(), loopback_bytes(), spent()
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with watched(process.pid) as figures:
        _, said = process.communicate()
        seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"costwire run ended with status {process.returncode}: {said}")
    whole = {
        "seconds": seconds,
        "cpu": spent() - cpu,
        "rss": max(process["rss"] for process in figures.seen.values()),
        "wire_bytes": loopback_bytes() - wire,
        "store_bytes": store_bytes(folder / "data"),
    }
    inside = {"seconds": seconds_inside(folder / "data" / "logs")}
    parts = {f"{name}: {service}": told for service, told in figures.seen.items()}
    return {name: whole, f"{name}_inside": inside, **parts}


def seconds_inside(logs: Path) -> float:
    """From the moment the exporter can read to the moment readers see its charges."""
    begun, shown = logged(logs / "exporter.log", "serving"), logged(logs / "scraper.log", "settled")
    return (shown - begun).total_seconds()


def logged(log: Path, word: str) -> datetime:
    """When a log's last line with this word in its message was written."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    times = [line["time"] for line in lines if word in line["message"]]
    return datetime.fromisoformat(times[-1])


def stage_pipeline_first(folder: Path, _rows: int) -> Figures:
    """CSV on disk to queryable, the first time."""
    emptied(folder / "data")
    return run_pipeline(folder, report(folder), "pipeline_first")


def stage_pipeline_unchanged(folder: Path, _rows: int) -> Figures:
    """The same report again."""
    return run_pipeline(folder, report(folder), "pipeline_unchanged")


def stage_pipeline_changed(folder: Path, _rows: int) -> Figures:
    """The same a day later, one charge in a hundred changed."""
    return run_pipeline(folder, folder / "changed.csv", "pipeline_changed")

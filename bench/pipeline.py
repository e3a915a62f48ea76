"""The whole pipeline, as a user calls it: four processes, the real wire."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from measure import Figures, emptied, report, store_bytes
from processes import LOOK_SECONDS, loopback_bytes, spent, watched
from reports import made_up, write_csv
from services import FEW, NAMES, Services, looked

_LONGEST_SECONDS = 3_600


def run_pipeline(folder: Path, source: Path, name: str) -> Figures:
    """`costwire run --once` as a user calls it, and what its processes took.

    The reports come under one name, as a provider writes the next one in the place of the last.
    """
    bill = folder / "bill.csv"
    if not bill.exists() or not bill.samefile(source):
        arrive(source, bill)
    command = [sys.executable, "-m", "costwire_cli", "run", str(bill), "--once"]
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
    return (shown[-1] - begun[-1]).total_seconds()


def logged(log: Path, word: str) -> list[datetime]:
    """When the lines of a log with this word in their message were written."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [datetime.fromisoformat(line["time"]) for line in lines if word in line["message"]]


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


def stage_running(folder: Path, _rows: int) -> Figures:
    """A report comes to services that run, and a day later the next one, 1 % of it changed.

    They have delivered a few charges of the month before, so nothing waits for its first time.
    """
    live = folder / "live.csv"
    live.unlink(missing_ok=True)  # it may be another name of a report
    write_csv(live, made_up(FEW, month="2024-08"))
    figures: Figures = {}
    often = {"POLLING_INTERVAL_SECONDS": str(LOOK_SECONDS)}
    with Services(folder / "running", live, **often) as services:
        for name in NAMES:
            services.start(name)
        awaited(services.log("scraper"), 1)
        for which, source in (("first", report(folder)), ("changed", folder / "changed.csv")):
            before = looked()
            arrived = arrive(source, live)
            shown = awaited(services.log("scraper"), 2 + len(figures))
            cpu = sum(told["cpu"] - before[name]["cpu"] for name, told in looked().items())
            figures[f"running_{which}"] = {"seconds": shown - arrived, "cpu": cpu}
    return figures


def arrive(source: Path, live: Path) -> float:
    """Put a report in place, whole from its first moment; gives that moment."""
    draft = live.with_suffix(".part")
    draft.unlink(missing_ok=True)
    draft.hardlink_to(source)
    arrived = time.time()
    draft.replace(live)
    return arrived


def awaited(log: Path, number: int) -> float:
    """The moment in which a scraper's delivery of this number was settled."""
    for _ in range(int(_LONGEST_SECONDS / LOOK_SECONDS)):
        settled = logged(log, "settled")
        if len(settled) >= number:
            return settled[number - 1].timestamp()
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"{log}: delivery {number} does not settle")

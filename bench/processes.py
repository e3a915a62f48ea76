"""CPU time and peak memory of the processes below a running one, by the service they are."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

LOOK_SECONDS = 0.1
"""From one look at processes, or at what they wrote, to the next."""
SERVICES = {
    "costwire_exporter": "exporter",
    "costwire_scraper": "scraper",
    "costwire_db_handler": "db-handler",
}


class ProcessFigures:
    """What was seen of each service: the last CPU time, the highest water mark of memory."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, float]] = {}

    def look(self, parent: psutil.Process) -> None:
        """Look at every process below."""
        for process in [parent, *parent.children(recursive=True)]:
            try:
                name = _name(process)
                times = process.cpu_times()
                peak = peak_rss(process.pid)
            except (psutil.Error, OSError):
                continue
            known = self.seen.setdefault(name, {"cpu": 0.0, "rss": 0.0})
            known["cpu"] = max(known["cpu"], times.user + times.system)
            known["rss"] = max(known["rss"], peak)


@contextmanager
def watched(pid: int) -> Iterator[ProcessFigures]:
    """Look at a process and those below it until the block ends."""
    figures = ProcessFigures()
    parent = psutil.Process(pid)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                figures.look(parent)
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield figures
    finally:
        time.sleep(LOOK_SECONDS)
        stop.set()
        thread.join()


def spent() -> float:
    """CPU seconds of the processes that this one started, and of theirs, that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def loopback_bytes() -> int:
    """What this machine has sent to itself since its start, whoever sent it."""
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    return next((name for module, name in SERVICES.items() if module in words), "costwire")


def peak_rss(pid: int) -> float:
    """The most memory that a process ever had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0.0

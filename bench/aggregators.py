"""The aggregator and the original as processes, asked again and again, also where all is broken."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import requests
from estates import free_port, read, running
from faulty_upstreams import FAULTS, faulty
from processes import loopback_bytes, peak_rss

ORIGINAL = "COSTWIRE_BENCH_ICOS_AGGREGATOR"
"""Names the original's program."""
Figures = dict[str, float | None]
_OURS = (sys.executable, "-m", "costwire_aggregator")
_SETTLING = 3
"""Answers after which a process has the memory that it needs."""
_BROKEN_SECONDS = 60.0
_NO_ANSWER = 0
"""In the place of a status."""


@dataclass(frozen=True)
class Load:
    """What a program is asked, and how often."""

    upstream: str
    requests: int
    questions: Callable[[], float] | None = None
    """How many its upstream was asked until now, where that is known."""


def original(load: Load) -> Figures:
    """The original's document; it asks its upstream anew each time."""
    return _measured([os.environ[ORIGINAL]], {}, load, "/")


def ours(load: Load, path: str = "/", fresh_seconds: float = 0) -> Figures:
    """Ours, asked for anew each time, or kept for a while."""
    return _measured(_OURS, _settings(fresh_seconds), load, path)


def broken(upstream: str) -> dict[str, Figures]:
    """What both answer, and when, while their only upstream fails in one way."""
    told: dict[str, Figures] = {}
    programs: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
        "icos": (_OURS, _settings(0, deadline_seconds=8))
    }
    if ORIGINAL in os.environ:
        programs["original"] = ([os.environ[ORIGINAL]], {})
    for fault in FAULTS:
        with faulty(fault, upstream) as failing:
            for name, (command, settings) in programs.items():
                with _serving(command, settings, failing) as (url, _):
                    told[f"broken: {fault}: {name}"] = _asked_once(url)
    return told


def _settings(fresh_seconds: float, deadline_seconds: float = 120) -> dict[str, str]:
    return {
        "AGGREGATOR_FRESH_SECONDS": str(fresh_seconds),
        "AGGREGATOR_STALE_SECONDS": "0",
        "AGGREGATOR_SAMPLES_STALE_SECONDS": "100000",
        "AGGREGATOR_DEADLINE_SECONDS": str(deadline_seconds),
        "AGGREGATOR_ANSWERS_MIB": "2048",
        "AGGREGATOR_LOG_LEVEL": "ERROR",
    }


def _measured(
    command: Sequence[str], settings: Mapping[str, str], load: Load, path: str
) -> Figures:
    with _serving(command, settings, load.upstream) as (url, pid):
        process = psutil.Process(pid)
        first, _ = _timed(url + path)
        for _ in range(_SETTLING - 1):
            _timed(url + path)
        settled, cpu = process.memory_info().rss, _cpu(process)
        questions = load.questions() if load.questions else 0.0
        wire = loopback_bytes()
        answers = [_timed(url + path) for _ in range(load.requests)]
        wire = loopback_bytes() - wire
        seconds, sizes = zip(*answers, strict=True)
        asked = load.questions() - questions if load.questions else None
        return {
            "seconds": statistics.median(seconds),
            "p95": statistics.quantiles(seconds, n=20, method="inclusive")[-1],
            "first": first,
            "cpu": (_cpu(process) - cpu) / load.requests,
            "rss": peak_rss(pid),
            "grown": process.memory_info().rss / settled,
            "questions": None if asked is None else asked / load.requests,
            "bytes": statistics.median(sizes),
            "wire_bytes": wire / load.requests - statistics.median(sizes),
        }


@contextmanager
def _serving(
    command: Sequence[str], settings: Mapping[str, str], upstream: str
) -> Iterator[tuple[str, int]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told = {"PROMETHEUS_ADDRESS": upstream, "HTTP_PORT": str(port), **settings}
    with running(command, f"{url}/healthz", told) as pid:
        yield url, pid


def _timed(url: str) -> tuple[float, int]:
    start = time.perf_counter()
    body = read(url)
    return time.perf_counter() - start, len(body)


def _asked_once(url: str) -> Figures:
    """Status (none for a connection that was closed, 0 for no answer), seconds and bytes."""
    start, status, body = time.perf_counter(), None, b""
    try:
        answer = requests.get(url, timeout=_BROKEN_SECONDS)
        status, body = answer.status_code, answer.content
    except requests.Timeout:
        status = _NO_ANSWER
    except requests.RequestException:
        status = None
    return {"seconds": time.perf_counter() - start, "status": status, "bytes": len(body)}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system

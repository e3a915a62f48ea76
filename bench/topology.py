"""The aggregator's speed beside the original's, on one upstream of 1, 10 and 50 made-up clusters.

A cluster has 100 nodes, 2,000 pods and 4,000 containers; the upstream is the simulator, whose
answers are made before. `COSTWIRE_BENCH_ICOS_AGGREGATOR` names the original's program, built from
its public repository; without it there is nothing beside, and nothing is written. With `--out
FOLDER` the results are put beside those that are there, in `topology.json` and `TOPOLOGY.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aggregators import ORIGINAL, Figures, Load, broken, original, ours
from bench import commit, machine
from estates import CONTAINERS, NODES, PODS, Simulator, prometheus, simulator
from results import Run, load, save
from topology_page import page

HERE = Path(__file__).parent
RESULTS, PAGE = "topology.json", "TOPOLOGY.md"
PHASES_SECONDS = 600
LEAST_REQUESTS = 2
OVER_PROMETHEUS = 10
"""Clusters that a real Prometheus is asked for too, and that break in turn."""


def main() -> int:
    """Measure each number of clusters, and tell it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument(
        "--rounds", type=int, nargs="+", default=[3, 3, 1], help="of each number, or of all"
    )
    parser.add_argument(
        "--requests", type=int, nargs="+", default=[20, 10, 5], help="of each program, in a round"
    )
    parser.add_argument("--out", type=Path, help="folder of topology.json and TOPOLOGY.md")
    args = parser.parse_args()
    if min(args.requests) < LEAST_REQUESTS:
        parser.error(f"--requests: {LEAST_REQUESTS} are the least that have a p95")
    # As by Ctrl-C: what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if ORIGINAL not in os.environ:
        sys.stderr.write(f"{ORIGINAL} is not set: nothing is measured beside, or written\n")
        args.out = None
    results = load(args.out / RESULTS) if args.out else {}
    counts = len(args.clusters)
    rounds, requests = (
        told * counts if len(told) == 1 else told for told in (args.rounds, args.requests)
    )
    for clusters, times, asked in zip(args.clusters, rounds, requests, strict=True):
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        results[clusters] = run = Run(clusters, times, commit(), now, machine())
        measure(run, asked)
        if args.out:
            save(args.out / RESULTS, results)
            (args.out / PAGE).write_text(page(results), encoding="utf-8")
    print(page(results))
    return 0


def measure(run: Run, requests: int) -> None:
    """All rounds of a number of clusters, one program after the other in each."""
    with simulator(run.rows, "icos") as icos:
        for number in range(run.rounds):
            both(run, number, icos, requests)
            tell(run, number, "phases", partial(phases, "icos", icos.upstream))
        if run.rows == OVER_PROMETHEUS:
            over_prometheus(run, icos, requests)
            tell(run, 0, "broken", partial(broken, icos.upstream))
    with simulator(run.rows, "kubernetes") as kubernetes:
        for number in range(run.rounds):
            tell(run, number, "topology", partial(topology, kubernetes, requests))
            tell(run, number, "phases", partial(phases, "kubernetes", kubernetes.upstream))


def both(run: Run, number: int, icos: Simulator, requests: int) -> None:
    """The ICOS document from the original and from ours, asked for anew, and kept."""
    load = Load(icos.upstream, requests, icos.asked)
    if ORIGINAL in os.environ:
        tell(run, number, "original", lambda: {"original": original(load)})
    tell(run, number, "icos", lambda: {"icos": ours(load)})
    tell(run, number, "icos_kept", lambda: {"icos_kept": ours(load, fresh_seconds=3_600)})


def topology(kubernetes: Simulator, requests: int) -> dict[str, Figures]:
    """The topology of clusters that have no ICOS agent."""
    load = Load(kubernetes.upstream, requests, kubernetes.asked)
    return {"topology": ours(load, path="/v1/topology")}


def over_prometheus(run: Run, icos: Simulator, requests: int) -> None:
    """The same once, over a real Prometheus that has scraped the simulator."""
    with prometheus(icos, run.rows * NODES * PODS * CONTAINERS) as url:
        if url is None:
            sys.stderr.write("Prometheus is not installed: it is left out\n")
            return
        load = Load(url, requests)
        if ORIGINAL in os.environ:
            tell(run, 0, "Prometheus", lambda: {"original_over_prometheus": original(load)})
        tell(run, 0, "Prometheus", lambda: {"icos_over_prometheus": ours(load)})


def phases(dialect: str, upstream: str) -> dict[str, Figures]:
    """Where the time goes, in a process of its own."""
    command = [sys.executable, str(HERE / "topology_phases.py"), dialect, upstream]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=PHASES_SECONDS, check=True)
    told: dict[str, Figures] = json.loads(done.stdout)
    return told


def tell(run: Run, number: int, what: str, measured: Callable[[], dict[str, Figures]]) -> None:
    """Take figures in, and say so."""
    run.add(number, measured())
    sys.stderr.write(f"{run.rows} clusters, round {number + 1}: {what}\n")


if __name__ == "__main__":
    sys.exit(main())

"""The speed of every stage and of the whole, beside what others take for the same work.

Every stage runs in a fresh process, all stages in turn, several rounds; medians are told. With
`--out FOLDER` the results are put beside those that are there, in `results.json` and `RESULTS.md`;
those that they replace go to `earlier.json`.
What got worse since the last commit is printed, and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from others import GO
from report import committed, gate, page
from results import EARLIER, RESULTS, Run, load, save

HERE = Path(__file__).parent
ROUND = (
    *("duckdb_read_csv", "polars_read_csv", "validate", "validate_newest"),
    *("go_render", "publish", "python_render", "go_parse", "parse", "python_parse", "sums_by"),
    *("store_first", "store_unchanged", "store_changed"),
    *("pipeline_first", "pipeline_unchanged", "pipeline_changed", "queries"),
    *("running", "services"),
)
WITH_THE_FEWEST = (
    *("validate_newest", "python_render", "python_parse"),
    *("store_unchanged", "running", "services"),
)
"""Measured at the smallest size: more charges would tell no more, or take too long."""
LONGEST_SECONDS = 7_200
LIBRARIES = ("duckdb", "polars", "pyarrow", "numpy", "prometheus-client", "zstandard")


def main() -> int:
    """Measure each size and tell it; 1 when a stage could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000])
    parser.add_argument(
        "--rounds", type=int, nargs="+", default=[5], help="of each size, or of all"
    )
    parser.add_argument(
        "--stages", nargs="+", help="only these, which may need one another's files"
    )
    parser.add_argument("--history", action="store_true", help="100 deliveries too, of the fewest")
    parser.add_argument("--out", type=Path, help="folder of results.json and RESULTS.md")
    args = parser.parse_args()
    rounds = args.rounds * len(args.rows) if len(args.rounds) == 1 else args.rounds
    before, measured_commit = committed(), commit()
    results = load(args.out / RESULTS) if args.out else {}
    earlier = load(args.out / EARLIER) if args.out else {}
    measured, failed = {}, 0
    with tempfile.TemporaryDirectory(prefix="costwire-bench-") as folder:
        build_go(Path(folder))
        for rows, times in zip(args.rows, rounds, strict=True):
            once = rows == min(args.rows)
            stages = args.stages or [one for one in ROUND if once or one not in WITH_THE_FEWEST]
            now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            run = Run(rows, times, measured_commit, now, machine())
            failed += measure(run, Path(folder), stages)
            if args.history and once:
                failed += not told(run, 0, "history", Path(folder))
            if rows in results and not args.stages:
                earlier[rows] = results[rows]
            measured[rows] = results[rows] = run
            if args.out:
                save(args.out / RESULTS, results)
                save(args.out / EARLIER, earlier)
                (args.out / "RESULTS.md").write_text(page(results, earlier), encoding="utf-8")
    print(page(measured, earlier))
    print(gate(measured, before))
    return int(failed > 0)


def measure(run: Run, folder: Path, stages: list[str]) -> int:
    """All rounds of a size; gives how many stages failed."""
    place = folder / str(run.rows)
    place.mkdir()
    failed = int(not told(run, 0, "generate", place))
    for number in range(run.rounds):
        failed += sum(not told(run, number, stage, place) for stage in stages)
    shutil.rmtree(place)
    return failed


def told(run: Run, number: int, stage: str, folder: Path) -> bool:
    """Run a stage in a process of its own, and take its figures in; False when it failed."""
    command = [sys.executable, str(HERE / "stages.py"), stage, str(folder), str(run.rows)]
    start = time.monotonic()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LONGEST_SECONDS, check=True)
        run.add(number, json.loads(done.stdout.splitlines()[-1]))
        how = "took"
    except subprocess.SubprocessError as error:
        how = f"FAILED ({error}) after"
    seconds = time.monotonic() - start
    sys.stderr.write(f"{run.rows:,}, round {number + 1}: {stage} {how} {seconds:.1f} s in all\n")
    return how == "took"


def build_go(folder: Path) -> None:
    """Compile Go's baselines where Go is."""
    program = folder / "baselines"
    if shutil.which("go") is None:
        sys.stderr.write("Go is not installed: its baselines are left out\n")
    elif subprocess.run(["go", "build", "-o", program, "."], cwd=HERE / "baselines").returncode:
        sys.stderr.write("Go's baselines were not built: they are left out\n")
    else:
        os.environ[GO] = str(program)


def commit() -> str:
    """What is measured; with a mark where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True).stdout.strip()


def machine() -> dict[str, str]:
    """What the figures depend on, beside the code."""
    facts = {
        "CPU": cpu_model(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
    }
    if GO in os.environ:
        words = subprocess.run(["go", "version"], capture_output=True, text=True).stdout.split()
        facts["Go"] = words[2].removeprefix("go")
    return facts | {name: version(name) for name in LIBRARIES}


def cpu_model() -> str:
    """As the kernel names it, where it does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())

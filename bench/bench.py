"""The pipeline's speed, stage by stage and as a whole, beside DuckDB's own CSV load.

Every stage runs in a fresh process, all stages in turn, several rounds; medians are told. The whole
pipeline runs as `costwire run --once` does for a user: four processes, the real wire.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STAGES = (
    "generate",
    "duckdb_read_csv",
    "polars_read_csv",
    "read",
    "validate",
    "publish",
    "parse",
    "store_first",
    "store_unchanged",
    "store_changed",
    "pipeline_first",
    "pipeline_changed",
)
Figures = dict[str, Any]


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every figure of every round here")
    args = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory(prefix="costwire-bench-") as folder:
        for number in range(args.rounds):
            rounds.append(one_round(Path(folder) / str(number), args.rows))
    if args.json:
        args.json.write_text(json.dumps(rounds, indent=1))
    print_table(rounds, args.rows)


def one_round(folder: Path, rows: int) -> dict[str, Figures]:
    """Every stage once, each in a process of its own; a stage finds what earlier ones left."""
    folder.mkdir()
    figures = {}
    for stage in STAGES:
        done = subprocess.run(
            [sys.executable, str(HERE / "stages.py"), stage, str(folder), str(rows)],
            stdout=subprocess.PIPE,
            check=True,
            timeout=3_600,
        )
        figures[stage] = json.loads(done.stdout.splitlines()[-1])
        sys.stderr.write(f"{stage}: {figures[stage]['seconds']:.2f} s\n")
    return figures


def print_table(rounds: list[dict[str, Figures]], rows: int) -> None:
    """Medians, with the fastest and the slowest round, and the ratio to the baseline."""
    processor = platform.processor() or platform.machine()
    print(f"{rows:,} rows, {len(rounds)} rounds, Python {platform.python_version()}, {processor}\n")
    print("| stage | s (median) | min - max | rows/s | CPU s | peak RSS MiB | of read_csv |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    baseline = median(rounds, "duckdb_read_csv", "seconds")
    for stage in STAGES:
        seconds = [figures[stage]["seconds"] for figures in rounds]
        middle = statistics.median(seconds)
        print(
            f"| {stage} | {middle:.2f} | {min(seconds):.2f} - {max(seconds):.2f} "
            f"| {rows / middle:,.0f} | {median(rounds, stage, 'cpu'):.2f} "
            f"| {median(rounds, stage, 'rss') / 2**20:.0f} | {baseline / middle:.2f} |"
        )
    print_processes(rounds)


def print_processes(rounds: list[dict[str, Figures]]) -> None:
    """CPU seconds and memory of each process of the whole pipeline."""
    print("\n| process of pipeline_first | CPU s | peak RSS MiB |")
    print("| --- | --- | --- |")
    for name in rounds[0]["pipeline_first"]["processes"]:
        told = [figures["pipeline_first"]["processes"][name] for figures in rounds]
        cpu = statistics.median(process["cpu"] for process in told)
        rss = statistics.median(process["rss"] for process in told)
        print(f"| {name} | {cpu:.2f} | {rss / 2**20:.0f} |")


def median(rounds: list[dict[str, Figures]], stage: str, figure: str) -> float:
    """The median of one figure of a stage."""
    return statistics.median(figures[stage][figure] for figures in rounds)


if __name__ == "__main__":
    main()

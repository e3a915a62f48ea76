"""Instructions that a charge takes in each step, counted by Valgrind's callgrind.

Unlike seconds they are much the same whatever else the machine does, so a drift is the code's. Each
step runs at two sizes, a batch more of charges in the larger one: the difference is what charges
take, without start and end. `--out FILE` keeps the counts; they are compared with those committed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import HERE, commit
from report import committed_text

STEPS = {
    "validate": "CSV to columns, the second count, all rules of FOCUS 1.0",
    "publish": "CSV to a delivery on the exporter's shelf",
    "parse": "text to columns",
    "store_first": "columns to charges in the embedded store",
}
ROWS = 6_000
"""About a batch of the exporter, and a part of the scraper."""
MARGIN = 0.05
FILE = "instructions.json"
_COLLECTED = re.compile(r"Collected : (\d+)")
_LONGEST_SECONDS = 1_800


def main() -> None:
    """Count, print, and compare."""
    if shutil.which("valgrind") is None:
        raise SystemExit("count instructions: Valgrind is not installed; install it (valgrind)")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--out", type=Path, help="where to keep the counts, as JSON")
    args = parser.parse_args()
    counts = {step: counted(step) for step in args.steps}
    for step, count in counts.items():
        print(f"{step:12} {count:10,} instructions a charge: {STEPS[step]}")
    for line in drifted(counts, committed()):
        print(line)
    if args.out:
        before = json.loads(args.out.read_text())["instructions"] if args.out.exists() else {}
        told = {"commit": commit(), "rows": ROWS, "instructions": before | counts}
        args.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def counted(step: str) -> int:
    """Instructions a charge."""
    small, large = (run(step, rows) for rows in (ROWS, 2 * ROWS))
    return round((large - small) / ROWS)


def run(step: str, rows: int) -> int:
    """All instructions of a step's process, over a report of its own."""
    with tempfile.TemporaryDirectory(prefix="costwire-bench-") as folder:
        stage = [sys.executable, str(HERE / "stages.py")]
        for before in ("generate", "publish"):
            subprocess.run(
                [*stage, before, folder, str(rows)], check=True, stdout=subprocess.DEVNULL
            )
        done = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
                *(*stage, step, folder, str(rows)),
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            env=os.environ | {"PYTHONHASHSEED": "0"},
        )
    found = _COLLECTED.search(done.stderr)
    if found is None:
        raise SystemExit(f"count {step}: valgrind tells nothing: {done.stderr[-500:]}")
    return int(found[1])


def committed() -> dict[str, int]:
    """The counts that were committed last."""
    told = committed_text(FILE)
    counts: dict[str, int] = json.loads(told)["instructions"] if told else {}
    return counts


def drifted(now: dict[str, int], before: dict[str, int]) -> list[str]:
    """What takes more, or less, than it did, by more than the margin."""
    return [
        f"{step}: {count / before[step] - 1:+.0%} instructions since the committed count"
        for step, count in now.items()
        if step in before and abs(count / before[step] - 1) > MARGIN
    ]


if __name__ == "__main__":
    main()

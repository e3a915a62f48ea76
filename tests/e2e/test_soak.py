"""For minutes or hours: the books say what the files say, and no process grows."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from tests.support import recompute
from tests.support.faults import RecordFault, RecordFigures, times
from tests.support.processes import CEILING_MIB
from tests.support.soak import Soak

SECONDS = float(os.environ.get("COSTWIRE_TEST_SOAK_SECONDS", times(sampled=30, full=7_200)))
SEED = int(os.environ.get("COSTWIRE_TEST_SEED", "20240901"))
GROWTH_MIB = 64
MORE_HANDLES = 16


@pytest.mark.faults
@pytest.mark.timeout(SECONDS + 600)
def test_books_equal_the_files_and_no_process_grows(
    tmp_path: Path, record_fault: RecordFault, record_figures: RecordFigures
) -> None:
    soak = Soak(tmp_path, ("one", "two"), random.Random(SEED))  # noqa: S311 (no secret)
    soak.run(SECONDS)
    record_figures(f"soak of {SECONDS:g} seconds", figures(soak))
    record_fault(
        "soak: deliveries, decisions, queries, SIGKILL and SIGTERM",
        times=soak.counted["SIGKILL"] + soak.counted["SIGTERM"],
        outcome=f"{soak.counted['comparisons with the files']} comparisons with the files, "
        f"{len(soak.contradictions)} contradictions",
        lost=soak.lost,
        doubled=soak.doubled,
    )
    assert not soak.contradictions, "\n".join(soak.contradictions)
    for name, rss in soak.memory.items():
        assert max(rss) < CEILING_MIB, name
        assert growth(rss) <= GROWTH_MIB, f"{name}: {rss}"
    for name, handles in soak.handles.items():
        assert growth(handles) <= MORE_HANDLES, f"{name}: {handles}"
    check_by_command(soak)


def growth(measured: list[int]) -> float:
    """From the third quarter to the last: by then caches are warm, and what still grows is lost."""
    quarter = max(1, len(measured) // 4)
    before = measured[-2 * quarter : -quarter] or measured[:1]
    return median(measured[-quarter:]) - median(before)


def figures(soak: Soak) -> list[str]:
    """What was counted and measured, a line each."""
    counted = [f"{what}: {count}" for what, count in sorted(soak.counted.items())]
    measured = [
        f"{name}: {rss[0]} to {rss[-1]} MiB (most {max(rss)}), "
        f"{soak.handles[name][0]} to {soak.handles[name][-1]} handles, {len(rss)} times"
        for name, rss in soak.memory.items()
    ]
    return [*counted, *measured, f"contradictions: {len(soak.contradictions)}"]


def check_by_command(soak: Soak) -> None:
    """The script, run by hand on the journal, says the same as it said all along."""
    told = subprocess.run(
        [sys.executable, recompute.__file__, soak.journal.path],
        capture_output=True,
        check=True,
        timeout=600,
    )
    again = json.loads(told.stdout)["costs"]
    assert {tuple(row["by"]): (row["charges"], row["sums"]) for row in again} == (
        soak.journal.books.costs()
    )

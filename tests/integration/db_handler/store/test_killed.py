"""A process that is killed at any moment leaves whole states."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.factories import NOW

from costwire_db_handler.ledger import State

Shop = Any
PROGRAM = Path(__file__).with_name("killed_process.py")
ROOT = Path(__file__).parents[4]
ROWS = 60


def deliver_and_kill(folder: Path, seconds: float) -> int:
    """Let the process commit something, kill it a while after; gives the last state it told."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, PROGRAM, folder], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
    complete = (first + rest).rpartition("\n")[0].split()
    return int(complete[-1])


def test_kill_leaves_a_whole_state(duckdb_shop: Shop, tmp_path: Path) -> None:
    dice = random.Random()  # noqa: S311 -- no secret
    for _ in range(5):
        duckdb_shop.close()
        told = deliver_and_kill(tmp_path / "data", dice.uniform(0, 0.4))
        duckdb_shop.reopen()
        ((rows, lowest, highest),) = duckdb_shop.ask(
            "SELECT count(*), min(BilledCost), max(BilledCost) FROM charges"
        )
        assert (rows, lowest) == (ROWS, highest)
        assert lowest >= told
        entries = duckdb_shop.store.deliveries()
        settled = [entry for entry in entries if entry.state is not State.OPEN]
        assert all(entry.balanced for entry in settled)
        assert (settled[-1].generation - NOW).total_seconds() == lowest
        assert len({entry.commit for entry in entries}) == len(entries)
        assert len(entries) - len(settled) <= 1

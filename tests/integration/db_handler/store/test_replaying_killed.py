"""A handler that is killed in the middle of a replay has taken all of the sheet, or none of it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.db_handler.store.replaying_process import AT_ONCE, REPORT, ROWS

from costwire_db_handler.ledger import State

Shop = Any
PROGRAM = Path(__file__).with_name("replaying_process.py")
ROOT = Path(__file__).parents[4]
KILLS = 3


def replay_and_kill(arguments: list[str], seconds: float) -> int:
    """Let the process replay something, kill it a while after; gives how many rows it told."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
    complete = (first + rest).rpartition("\n")[0].split()
    return int(complete[-1])


def test_kill_leaves_whole_replays(
    open_shop: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "data"
    shop = open_shop(folder)
    more = [os.environ["COSTWIRE_TEST_CRATEDB_URL"]] if "cratedb" in request.node.name else []
    dice = random.Random()  # noqa: S311 -- no secret
    for _ in range(KILLS):
        shop.close()
        told = replay_and_kill([str(folder), *more], dice.uniform(0, 0.5))
        shop.reopen()
        last = shop.store.deliveries()[-1]
        repaired = last.rows.repaired
        assert told <= repaired < ROWS
        assert repaired % AT_ONCE == 0
        assert shop.ask("SELECT count(*) FROM charges") == [(3 + repaired,)]
        assert len(list(shop.store.quarantine(last.commit))) == ROWS - repaired
        (found,) = shop.store.quarantines()
        assert (found.entry.commit, found.rules[0].rows) == (last.commit, ROWS - repaired)
        entries = shop.store.deliveries()
        assert all(entry.balanced for entry in entries)
        assert len({entry.commit for entry in entries}) == len(entries)
    assert shop.deliver(REPORT.generated(hours=1)).state is State.UNCHANGED
    shop.close()

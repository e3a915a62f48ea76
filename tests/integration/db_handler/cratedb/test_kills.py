"""Kills at any moment, of a handler and of CrateDB, leave whole states and an exact ledger."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.factories import NOW

from costwire_db_handler.ledger import State
from costwire_db_handler.stores.cratedb.cluster import Session

OpenReplica = Any
PROGRAM = Path(__file__).parents[1] / "store" / "killed_process.py"
ROOT = Path(__file__).parents[4]
KILLS = int(os.environ.get("COSTWIRE_TEST_KILLS", "3"))
RESTART = "COSTWIRE_TEST_CRATEDB_RESTART"
ROWS = 60
DICE = random.Random()  # noqa: S311 -- no secret


@contextmanager
def delivering(folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that delivers state after state, and tells each."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, PROGRAM, folder, f"cratedb={url}"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_state(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def last_state(process: subprocess.Popen[str], first: str) -> int:
    """The last state that a process told before its end."""
    assert process.stdout is not None
    return int((first + process.stdout.read()).rpartition("\n")[0].split()[-1])


def check(store: Any, session: Session, told: int) -> None:
    """Readers see one whole state, no older than what was told; the ledger is exact."""
    ((rows, least, most),) = session.execute(
        "SELECT count(*), min(billedcost)::text, max(billedcost)::text FROM charges"
    ).rows
    assert (rows, least) == (ROWS, most)
    seen = int(float(least))
    assert seen >= told
    entries = store.deliveries()
    settled = [entry for entry in entries if entry.state is not State.OPEN]
    assert all(entry.balanced for entry in settled)
    assert (settled[-1].generation - NOW).total_seconds() == seen
    assert len(entries) - len(settled) <= 1
    ((strays,),) = session.execute(
        'SELECT count(*) FROM doc."charges__versions" v WHERE v."_commit" > '
        "(SELECT head FROM costwire.tables WHERE name = 'charges')"
    ).rows
    assert strays == 0


@pytest.fixture
def kill_and_check(
    replica: OpenReplica, url: str, session: Session, tmp_path: Path
) -> Callable[[Callable[[], None]], None]:
    """Has states delivered, does harm a while after the first, kills the handler, and looks."""

    def run(harm: Callable[[], None]) -> None:
        for _ in range(KILLS):
            with delivering(tmp_path / "one", url) as process:
                first = first_state(process)
                time.sleep(DICE.uniform(0, 3.0))
                harm()
                process.kill()
                told = last_state(process, first)
            store = replica("one")
            check(store.own, session, told)
            store.close()

    return run


@pytest.mark.timeout(60 + 30 * KILLS)
def test_handler_killed_at_any_moment_leaves_a_whole_state(kill_and_check: Any) -> None:
    kill_and_check(lambda: None)


@pytest.mark.timeout(60 + 60 * KILLS)
@pytest.mark.skipif(
    not os.environ.get(RESTART),
    reason=f"{RESTART} is not set: a command that kills CrateDB with -9 and starts it again",
)
def test_cratedb_killed_at_any_moment_leaves_a_whole_state(kill_and_check: Any) -> None:
    def restart() -> None:
        subprocess.run(os.environ[RESTART], shell=True, check=True, timeout=120)  # noqa: S602
        time.sleep(DICE.uniform(0, 2.0))

    kill_and_check(restart)

"""Copies of the store's files from the middle of commits, and files whose bytes are not all there.

What a copy shows is a whole state whose ledger adds up, or DuckDB refuses it, and the handler says
what to do. Nobody is shown anything else.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.factories import NOW, a_charge, a_report, clock
from tests.support.faults import RecordFault, times

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.errors import CannotOpen, StoreDamaged
from costwire_db_handler.ledger import State
from costwire_db_handler.sql.answers import SqlAnswer, SqlCall
from costwire_db_handler.sql.errors import EngineFailed
from costwire_db_handler.stores import Store, StoreLimits, open_store
from costwire_db_handler.stores.duckdb.database import FILE_NAME

PROGRAM = Path(__file__).with_name("killed_process.py")
ROOT = Path(__file__).parents[4]
LOG_NAME = f"{FILE_NAME}.wal"
CHARGES = 1_200
"""Enough of them that DuckDB writes its log into its file every twenty commits or so."""
SEED = int(os.environ.get("COSTWIRE_TEST_SEED", "20240901"))
SECTOR = 512
Spoil = Callable[[bytes, random.Random], bytes]


@dataclass
class Shown:
    """What a copy shows: the last state, -1 for none; or why it cannot be opened."""

    state: int = -1
    refused: str | None = None
    lost: int = 0
    doubled: int = 0


class Delivering:
    """A process that commits one state after the other; it can be stopped in the middle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.confirmed = -1
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, folder, f"charges={CHARGES}"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.confirmed = int(line)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within, nothing moves."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait(30)
        self._listener.join(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def delivering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivering]:
    process = Delivering(tmp_path_factory.mktemp("delivering") / "data")
    deadline = time.monotonic() + 60
    while process.confirmed < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process
    process.end()


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    store = open_store(folder, thresholds=Thresholds(), limits=StoreLimits())
    try:
        yield store
    finally:
        store.close()


def ask(store: Store, statement: str) -> list[list[int]]:
    answer: SqlAnswer = store.own.run_sql(SqlCall(json.dumps({"stmt": statement}).encode()))
    return list(json.loads(b"".join(answer.pieces))["rows"])


def shown_by(folder: Path, charges: int = CHARGES) -> Shown:
    """Open a copy and look: a whole state, of which the ledger tells the same."""
    try:
        with opened(folder) as store:
            entries = store.own.deliveries()
            settled = [entry for entry in entries if entry.state is not State.OPEN]
            assert all(entry.balanced for entry in settled)
            assert len(entries) - len(settled) <= 1
            if not settled:
                return Shown()
            ((rows, lowest, highest),) = ask(
                store, "SELECT count(*), min(BilledCost), max(BilledCost) FROM charges"
            )
            assert lowest == highest
            assert (settled[-1].generation - NOW).total_seconds() == lowest
            lost, doubled = max(0, charges - rows), max(0, rows - charges)
            return Shown(int(lowest), lost=lost, doubled=doubled)
    except CannotOpen as refusal:
        return Shown(refused=str(refusal))
    except StoreDamaged as refusal:
        return Shown(refused=refusal.detail)
    except EngineFailed as refusal:
        return Shown(refused=refusal.text)


def copied(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target, ignore=lambda *_: ["spill"]))


def cut_off(log: bytes, dice: random.Random) -> bytes:
    return log[: dice.randrange(len(log))]


def zeros_at_the_end(log: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(log))
    return log[:at] + bytes(len(log) - at)


def a_torn_sector(log: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(log)) // SECTOR * SECTOR
    return (log[:at] + dice.randbytes(SECTOR) + log[at + SECTOR :])[: len(log)]


def outcome_of(shown: Shown) -> str:
    if shown.refused is None:
        return "opened"
    assert "put back a copy" in shown.refused
    return "refused, and told what to do"


def told(seen: list[Shown]) -> str:
    outcomes = Counter(map(outcome_of, seen))
    return ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))


@pytest.fixture
def three_states(tmp_path: Path) -> Path:
    """Copies of a folder after each of three commits, none of them checkpointed."""
    folder = tmp_path / "data"
    with opened(folder) as store:
        for number in range(3):
            deliver(store, number)
            copied(folder, tmp_path / f"state {number}")
    return tmp_path


def deliver(store: Store, number: int) -> None:
    rows = [a_charge(BilledCost=str(number), ResourceId=f"disk-{n}") for n in range(60)]
    report = a_report(rows).generated(seconds=number)
    entry = store.own.open_delivery(report.manifest, clock)
    for seq, part in enumerate(report.parts):
        store.own.stage_part(entry.commit, seq, part, str(seq))
    store.own.commit(entry.commit, clock)


def test_zeros_behind_the_last_commit_are_left_out_and_kept_beside(three_states: Path) -> None:
    copy = three_states / "state 2"
    log = copy / LOG_NAME
    whole = log.read_bytes()
    before = (three_states / "state 1" / LOG_NAME).stat().st_size
    torn = whole[: before + 700] + bytes(len(whole) - before - 700)
    log.write_bytes(torn)
    assert shown_by(copy, charges=60) == Shown(1)
    assert log.with_name(f"{LOG_NAME}.torn").read_bytes() == torn


def test_damage_before_a_commit_is_never_left_out(three_states: Path) -> None:
    log = three_states / "state 2" / LOG_NAME
    damaged = bytearray(log.read_bytes())
    before = (three_states / "state 0" / LOG_NAME).stat().st_size
    damaged[before + 700 : before + 800] = bytes(100)
    log.write_bytes(damaged)
    shown = shown_by(log.parent, charges=60)
    assert shown.refused is not None
    assert "put back a copy of the data folder" in shown.refused
    assert log.read_bytes() == damaged


def test_log_of_a_later_state_of_the_file_is_refused_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with opened(folder) as store:
        deliver(store, 0)
    older = (folder / FILE_NAME).read_bytes()
    with opened(folder) as store:
        deliver(store, 1)
    with opened(folder) as store:
        deliver(store, 2)
        copy = copied(folder, tmp_path / "copy")
    (copy / FILE_NAME).write_bytes(older)
    assert outcome_of(shown_by(copy, charges=60)) == "refused, and told what to do"


@pytest.mark.faults
@pytest.mark.timeout(1_200)
def test_damage_of_the_file_is_told_and_never_read(
    tmp_path: Path, record_fault: RecordFault
) -> None:
    folder = tmp_path / "data"
    with opened(folder) as store:
        deliver(store, 1)
    file = folder / FILE_NAME
    whole, dice = file.read_bytes(), random.Random(SEED)  # noqa: S311 (no secret)
    seen: list[Shown] = []
    for _ in range(times(10, 200)):
        at = dice.randrange(len(whole)) // SECTOR * SECTOR
        file.write_bytes(whole[:at] + dice.randbytes(SECTOR) + whole[at + SECTOR :])
        (folder / LOG_NAME).unlink(missing_ok=True)
        shown = shown_by(folder, charges=60)
        if shown.refused is None:
            assert shown.state == 1  # the sector was of no use
        seen.append(shown)
    assert any(shown.refused for shown in seen)
    record_fault(
        "the store's file with other bytes in a sector",
        times=len(seen),
        outcome=told(seen),
        lost=sum(each.lost for each in seen),
        doubled=sum(each.doubled for each in seen),
    )


@pytest.mark.faults
@pytest.mark.timeout(1_200)
def test_copy_of_one_moment_shows_all_that_was_confirmed(
    delivering: Delivering, tmp_path: Path, record_fault: RecordFault
) -> None:
    dice, count = random.Random(SEED), times(4, 100)  # noqa: S311 (no secret)
    checkpoints = lost = doubled = 0
    for _ in range(count):
        time.sleep(dice.uniform(0, 0.5))
        with delivering.frozen():
            confirmed = delivering.confirmed
            copy = copied(delivering.folder, tmp_path / "copy")
        checkpoints += (copy / FILE_NAME).stat().st_size > 1 << 20
        shown = shown_by(copy)
        assert shown.refused is None
        assert shown.state <= confirmed + 2
        lost += shown.lost + CHARGES * max(0, confirmed - shown.state)
        doubled += shown.doubled
    record_fault(
        "power loss: copy of the store at one moment, while commits run",
        times=count,
        outcome=f"all opened, {checkpoints} after a checkpoint; every confirmed state shown",
        lost=lost,
        doubled=doubled,
    )


@pytest.mark.faults
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("order", [(FILE_NAME, LOG_NAME), (LOG_NAME, FILE_NAME)], ids=str)
def test_copy_of_one_file_after_the_other_shows_a_whole_state_or_is_refused(
    delivering: Delivering, tmp_path: Path, record_fault: RecordFault, order: tuple[str, str]
) -> None:
    dice, count = random.Random(SEED), times(3, 50)  # noqa: S311 (no secret)
    shown: list[Shown] = []
    for _ in range(count):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in order:
            time.sleep(dice.uniform(0, 1))
            if (delivering.folder / name).exists():
                shutil.copyfile(delivering.folder / name, copy / name)
        shown.append(shown_by(copy))
        assert shown[-1].state <= delivering.confirmed + 2
    record_fault(
        f"copy of {order[0]}, later of {order[1]}, while commits run",
        times=count,
        outcome=told(shown),
        lost=sum(each.lost for each in shown),
        doubled=sum(each.doubled for each in shown),
    )


@pytest.mark.faults
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("spoil", [cut_off, zeros_at_the_end, a_torn_sector])
def test_spoilt_log_shows_a_whole_state_or_is_refused(
    delivering: Delivering, tmp_path: Path, record_fault: RecordFault, spoil: Spoil
) -> None:
    dice, count = random.Random(SEED), times(3, 100)  # noqa: S311 (no secret)
    seen: list[Shown] = []
    while len(seen) < count:
        time.sleep(dice.uniform(0, 0.3))
        with delivering.frozen():
            copy = copied(delivering.folder, tmp_path / "copy")
        log = copy / LOG_NAME
        if log.exists() and log.stat().st_size:
            log.write_bytes(spoil(log.read_bytes(), dice))
            shown = shown_by(copy)
            assert shown.state <= delivering.confirmed + 2
            assert shown.refused is None or spoil is a_torn_sector
            seen.append(shown)
    record_fault(
        f"the store's log with {spoil.__name__.replace('_', ' ')}, at random bytes",
        times=count,
        outcome=told(seen),
        lost=sum(each.lost for each in seen),
        doubled=sum(each.doubled for each in seen),
    )

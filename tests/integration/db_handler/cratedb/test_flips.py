"""Readers never see a mixture: not of two states, not while one is written, not at any flip."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.factories import a_charge, a_report

from costwire_db_handler.ledger import State
from costwire_db_handler.sql.answers import SqlCall
from costwire_db_handler.stores import CostStore
from costwire_db_handler.stores.cratedb.cluster import Session

from .deliver import deliver

OpenReplica = Any
FLIPS = int(os.environ.get("COSTWIRE_TEST_FLIPS", "12"))
ROWS = 60
ONCE = "SELECT count(*), min(billedcost)::text, max(billedcost)::text FROM charges"
TWICE = (
    "SELECT (SELECT count(*) FROM charges), (SELECT min(billedcost)::text FROM charges), "
    "(SELECT max(billedcost)::text FROM charges)"
)


def a_state(number: int) -> Any:
    """Every charge of a state costs its number, and no two states have as many."""
    rows = [
        a_charge(BilledCost=str(number), ResourceId=f"disk-{n}") for n in range(ROWS + number % 7)
    ]
    return a_report(rows).generated(hours=number)


@pytest.fixture
def store(replica: OpenReplica) -> CostStore:
    opened: CostStore = replica().own
    return opened


class Readers:
    """Reads in a loop, each way of reading in a thread of its own."""

    def __init__(self, store: CostStore, session: Session) -> None:
        self._store = store
        self._session = session
        self._done = threading.Event()
        self.reads: Counter[str] = Counter()
        self.mixed: Counter[str] = Counter()

    def direct(self, statement: str, name: str) -> None:
        """As a client of CrateDB's own."""
        while not self._done.is_set():
            self._note(name, self._session.execute(statement).rows[0])

    def through_us(self, statement: str, name: str) -> None:
        """Through `/_sql`."""
        body = json.dumps({"stmt": statement}).encode()
        while not self._done.is_set():
            answer = self._store.run_sql(SqlCall(body))
            told = json.loads(b"".join(answer.pieces))
            assert answer.status == 200, told
            self._note(name, told["rows"][0])

    def stop(self) -> None:
        self._done.set()

    def _note(self, name: str, row: list[Any]) -> None:
        self.reads[name] += 1
        rows, least, most = row[0], *(int(float(cost)) for cost in row[1:])
        self.mixed[name] += not (least == most and rows == ROWS + least % 7)


@pytest.mark.timeout(120 + 5 * FLIPS)
def test_readers_see_whole_states_at_every_flip(store: CostStore, session: Session) -> None:
    deliver(store, a_state(1))
    readers = Readers(store, session)
    with ThreadPoolExecutor(3) as pool:
        reading = [
            pool.submit(readers.direct, ONCE, "direct"),
            pool.submit(readers.through_us, ONCE, "through us"),
            pool.submit(readers.through_us, TWICE, "through us, named three times"),
        ]
        try:
            for number in range(2, FLIPS + 2):
                assert deliver(store, a_state(number)).state is State.COMMITTED
        finally:
            readers.stop()
        for reader in reading:
            reader.result(timeout=30)
    sys.stdout.write(
        f"{FLIPS} flips; reads {dict(readers.reads)}; mixtures {dict(+readers.mixed)}\n"
    )
    assert min(readers.reads.values()) > FLIPS
    assert not +readers.mixed


def test_any_state_can_be_read_afterwards(store: CostStore, session: Session) -> None:
    states = {number: deliver(store, a_state(number)).commit for number in (1, 2, 3)}
    for number, commit in states.items():
        rows = session.execute(
            'SELECT count(*), min(billedcost)::text FROM doc."charges__versions" '
            "WHERE _commit <= ? AND _last >= ?",
            [commit, commit],
        ).rows
        assert (rows[0][0], int(float(rows[0][1]))) == (ROWS + number % 7, number)

"""Two sources are delivered at once while every process is killed or ended, again and again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.faults import RecordFault, lost_and_doubled, times
from tests.support.fleet import Fleet
from tests.support.reports import EXACT, LONG_AGO, numbered, write_report
from tests.support.store import Entry
from tests.support.waiting import until

from costwire_runtime.client import HttpError

KILLS = int(os.environ.get("COSTWIRE_TEST_KILLS", times(sampled=2, full=100)))
ENDS = int(os.environ.get("COSTWIRE_TEST_KILLS", times(sampled=1, full=100)))
SEED = int(os.environ.get("COSTWIRE_TEST_SEED", "20240901"))
CHARGES = 2_500
CHANGED = 90
TABLE = "killed"
MOMENT_SECONDS = 3.0

Charges = Counter[tuple[str, Decimal]]
Seen = tuple[int, Decimal]


class Reports:
    """A source whose report moves on to its next state as soon as the last one has arrived."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.rows = numbered(CHARGES, x_Source=name)
        self.states: list[Charges] = []
        self._write()

    def _write(self) -> None:
        self.states.append(
            Counter((row["ResourceId"], Decimal(row["BilledCost"])) for row in self.rows)
        )
        write_report(self.path, self.rows, at=LONG_AGO + 60 * len(self.states))

    def move_on(self, dice: random.Random) -> None:
        """The next state: some charges corrected, some withdrawn, some new, some twice."""
        dice.shuffle(self.rows)
        corrected, kept = self.rows[:CHANGED], self.rows[2 * CHANGED :]
        more = [{**row, "BilledCost": row["BilledCost"] + "1"} for row in corrected]
        new = [
            {**row, "ResourceId": f"late-{len(self.states)}-{number}"}
            for number, row in enumerate(kept[:CHANGED])
        ]
        self.rows = [*kept, *more, *new, *kept[:5]]
        self._write()

    def seen(self) -> list[Seen]:
        """What readers may see of it: each state as a whole, or nothing yet."""
        return [(0, Decimal(0))] + [figures(state) for state in self.states]


def figures(state: Charges) -> Seen:
    """How many charges, and what they add up to."""
    billed = Decimal(0)
    for (_, cost), count in state.items():
        billed = EXACT.fma(cost, count, billed)
    return state.total(), billed


class Pipelines(Fleet):
    """Two exporters, two scrapers, one handler."""

    def __init__(self, folder: Path) -> None:
        self.reports = [Reports(name, folder / f"{name}.csv") for name in ("one", "two")]
        paths = {reports.name: reports.path for reports in self.reports}
        super().__init__(folder, paths, table=TABLE)

    def ledger(self) -> list[Entry]:
        """All entries, of both sources."""
        return self.store.ledger(TABLE)

    def seen(self, reports: Reports) -> Seen:
        """What readers see of a source."""
        ((count, total),) = self.store.sql(
            "SELECT count(*), sum(BilledCost)::text FROM killed WHERE x_Source = ?", reports.name
        )
        return count, Decimal(total or 0)


def committed(ledger: list[Entry], reports: Reports) -> list[Entry]:
    """The deliveries of a source that readers were shown."""
    own = [entry for entry in ledger if entry["source"] == str(reports.path)]
    return [entry for entry in own if entry["state"] == "committed"]


def has_arrived(ledger: list[Entry], reports: Reports) -> bool:
    """Whether the report's present state is what readers were shown last."""
    return len(committed(ledger, reports)) == len(reports.states)


@pytest.fixture
def pipelines(tmp_path: Path) -> Iterator[Pipelines]:
    running = Pipelines(tmp_path)
    yield running
    running.stop()


def look(pipelines: Pipelines, dice: random.Random) -> set[str]:
    """As a reader: every source is seen in one of its states. Those that have arrived move on.

    Gives what goes on: `reading` when a report has moved on, `delivering` when one is under way.
    """
    goes_on = set()
    try:
        ledger = pipelines.ledger()
        for reports in pipelines.reports:
            if committed(ledger, reports):
                assert pipelines.seen(reports) in reports.seen()[-2:]
            if has_arrived(ledger, reports):
                reports.move_on(dice)
                goes_on.add("reading")
        if any(entry["state"] == "open" for entry in ledger):
            goes_on.add("delivering")
    except HttpError:
        return set()  # the handler is down
    return goes_on


def await_moment(pipelines: Pipelines, dice: random.Random) -> None:
    """A random moment while a report is read or delivered."""
    moment = dice.choice(("reading", "delivering", "delivering"))
    gives_up = time.monotonic() + MOMENT_SECONDS
    while moment not in look(pipelines, dice) and time.monotonic() < gives_up:
        time.sleep(0.05)
    time.sleep(dice.uniform(0, 0.6))


@pytest.mark.faults
@pytest.mark.timeout(60 + 60 * (KILLS + ENDS))
def test_every_delivery_arrives_whole_and_once_whatever_is_killed(
    pipelines: Pipelines, record_fault: RecordFault
) -> None:
    dice = random.Random(SEED)  # noqa: S311 (no secret)
    victims = [
        (name, how)
        for name in pipelines.processes
        for how in KILLS * [signal.SIGKILL] + ENDS * [signal.SIGTERM]
    ]
    dice.shuffle(victims)
    for victim, how in victims:
        await_moment(pipelines, dice)
        pipelines.strike(victim, how, dice.uniform(0, 0.2))
    pipelines.wait_until_ready()
    until("the last states have arrived", lambda: all_arrived(pipelines), 60)

    ledger = pipelines.ledger()
    for reports in pipelines.reports:
        check_ledger(committed(ledger, reports), reports)
    assert all(entry["balanced"] for entry in ledger if entry["state"] != "aborted")
    assert {entry["state"] for entry in ledger} <= {"committed", "unchanged", "aborted"}
    lost, doubled = lost_and_doubled(
        sum((reports.states[-1] for reports in pipelines.reports), Counter()),
        Counter(
            (name, Decimal(cost))
            for name, cost in pipelines.store.sql("SELECT ResourceId, BilledCost FROM killed")
        ),
    )
    struck = Counter((victim.split()[0], how.name) for victim, how in victims)
    states = sum(len(reports.states) for reports in pipelines.reports)
    for (service, signal_name), count in struck.items():
        record_fault(
            f"{signal_name} of the {service} while reports are read, delivered and asked for",
            times=count,
            outcome=f"all {states} states arrived whole and once",
            lost=lost,
            doubled=doubled,
        )


def all_arrived(pipelines: Pipelines) -> bool:
    ledger = pipelines.ledger()
    return all(has_arrived(ledger, reports) for reports in pipelines.reports)


def check_ledger(committed: list[Entry], reports: Reports) -> None:
    """One delivery for each state, which added and removed exactly what differs."""
    before: Charges = Counter()
    for entry, state in zip(committed, reports.states, strict=True):
        told = entry["rows"]
        assert told["read"] == told["stored"] == state.total()
        assert told["added"] == (state - before).total()
        assert told["removed"] == (before - state).total()
        stored = entry["sums"]["USD"]["BilledCost"]["stored"]
        assert Decimal(stored) == figures(state)[1]
        before = state

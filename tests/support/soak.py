"""A soak: bills that move on for as long as told, while processes are killed and readers ask."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from costwire_runtime.client import HttpError, HttpFailure
from tests.support.bills import KINDS, Bill, Journal
from tests.support.faults import lost_and_doubled
from tests.support.fleet import Fleet
from tests.support.recompute import COSTS, Charges, Delivery, sums
from tests.support.store import Entry, Refused
from tests.support.waiting import until

TABLE = "soak"
CHARGES_PER_MONTH = 300
ARRIVAL_SECONDS = 300.0
MOST_STRIKES = 8
"""In one round: a process that is struck ever again never gets to do its work."""
_CALM_SHARE = 1 / 3
_SETTLED_LATER = ("open", "aborted")
_MIB = 1 << 20

Figures = tuple[int, Decimal]


class Soak:
    """Everything that takes part in it, and what was counted."""

    def __init__(self, folder: Path, names: tuple[str, ...], dice: random.Random) -> None:
        self._dice = dice
        self.journal = Journal(folder / "states")
        self.bills = {
            name: Bill(folder / f"{name}.csv", self.journal, dice, CHARGES_PER_MONTH)
            for name in names
        }
        self.counted: Counter[str] = Counter()
        self.contradictions: list[str] = []
        self.lost = self.doubled = 0
        self.memory: dict[str, list[int]] = {}
        self.handles: dict[str, list[int]] = {}
        self._allowed: dict[str, set[Figures]] = {}
        self._done = threading.Event()
        self.fleet = Fleet(
            folder, {name: bill.path for name, bill in self.bills.items()}, table=TABLE
        )

    def run(self, seconds: float) -> None:
        """Go on for so long; in the last third nobody is killed, and processes are measured."""
        began = time.monotonic()
        readers = threading.Thread(target=self._ask_on, name="readers", daemon=True)
        self._move_all("correct")
        readers.start()
        try:
            while (elapsed := time.monotonic() - began) < seconds and not self.contradictions:
                calm = elapsed > seconds * (1 - _CALM_SHARE)
                self._round(calm=calm)
                self.counted["rounds"] += 1
            if not self.memory and not self.contradictions:
                self._round(calm=True)
        except AssertionError as broken:
            self.contradictions.append(str(broken))
        finally:
            self._done.set()
            readers.join(60)
            self.fleet.stop()

    def _round(self, *, calm: bool) -> None:
        storm = threading.Thread(target=self._strike_on, name="storm", daemon=True)
        self._quiet = threading.Event()
        if not calm:
            storm.start()
        try:
            self._move_all()
        finally:
            self._quiet.set()
            if not calm:
                storm.join(120)
        self.fleet.wait_until_ready()
        until("all has arrived", self._nothing_is_open, ARRIVAL_SECONDS)
        self._compare()
        if calm:
            self._measure()

    def _move_all(self, kind: str = "") -> None:
        """Every bill moves on, all at once; what is held is decided on, or left."""
        moved = []
        for bill in self.bills.values():
            chosen = kind or self._dice.choices(list(KINDS), weights=[*KINDS.values()])[0]
            before = self._figures(bill)
            number = bill.deliver(chosen)
            self._allowed[str(bill.path)] = {before, self._figures(bill)}
            self.counted[f"deliveries: {chosen}"] += 1
            moved.append((bill, number))
        for bill, number in moved:
            self._await(number)
            if self.journal.books.deliveries[number].state == "held":
                self._decide(bill, number)

    def _await(self, number: int) -> None:
        until(f"state {number} has arrived", lambda: self._entry(number), ARRIVAL_SECONDS)

    def _decide(self, bill: Bill, number: int) -> None:
        acts = ["accept", "reject", "leave"]
        if not self.journal.books.deliveries[number].charges:
            acts.remove("accept")
        act = self._dice.choice(acts)
        self.counted[f"held ones: {act}"] += 1
        if act == "leave":
            return
        before = self._figures(bill)
        entry = self._entry(number)
        assert entry is not None
        self.journal.decided(act, number)
        self._allowed[str(bill.path)] = {before, self._figures(bill)}
        if act == "accept":
            bill.accepted()
        until(f"{number} is decided", lambda: self._asked(entry["commit"], act), ARRIVAL_SECONDS)

    def _asked(self, commit: int, act: str) -> bool:
        """Decide; an answer that a kill took away is looked for in the ledger."""
        try:
            self.fleet.store.http.post(f"/deliveries/{commit}/{act}")
        except HttpFailure:
            wanted = {"accept": "committed", "reject": "rejected"}[act]
            with suppress(HttpError):
                told = self.fleet.store.http.get(f"/deliveries/{commit}").json()
                return bool(told["state"] == wanted)
            return False
        except HttpError:
            return False
        return True

    def _entry(self, number: int) -> Entry | None:
        """The first entry that a delivery settled as; None while there is none."""
        delivery = self.journal.books.deliveries[number]
        with suppress(HttpError):
            mine = self._by_state(self.fleet.store.ledger(TABLE)).get(_key_of(delivery), [])
            return mine[0] if mine else None
        return None

    def _by_state(self, ledger: list[Entry]) -> dict[tuple[str, float], list[Entry]]:
        """The settled entries of each state of each source."""
        found: dict[tuple[str, float], list[Entry]] = {}
        for entry in ledger:
            if entry["state"] not in _SETTLED_LATER:
                found.setdefault((entry["source"], _instant(entry["generation"])), []).append(entry)
        return found

    def _nothing_is_open(self) -> bool:
        with suppress(HttpError):
            ledger = self.fleet.store.ledger(TABLE)
            return all(entry["state"] != "open" for entry in ledger)
        return False

    def _strike_on(self) -> None:
        """Kill, or end, one process after the other at random moments."""
        names = list(self.fleet.processes)
        for _ in range(self._dice.randint(1, MOST_STRIKES)):
            if self._quiet.wait(self._dice.uniform(0.1, 1.5)):
                return
            name = self._dice.choice(names)
            how = self._dice.choice((signal.SIGKILL, signal.SIGTERM))
            try:
                self.fleet.strike(name, how, self._dice.uniform(0, 0.3))
            except AssertionError as broken:
                self.contradictions.append(str(broken))
                return
            self.counted[how.name] += 1

    def _ask_on(self) -> None:
        """As a reader: each answer is of a whole state of each source."""
        while not self._done.wait(0.05):
            for bill in self.bills.values():
                source = str(bill.path)
                try:
                    allowed = self._allowed[source]
                    found = self._shown(source)
                    allowed = allowed | self._allowed[source]
                except (HttpError, Refused):
                    continue  # the handler is down, or being started
                self.counted["queries"] += 1
                if found not in allowed:
                    self.contradictions.append(f"{source}: readers saw {found}, not {allowed}")

    def _shown(self, source: str) -> Figures:
        if self._dice.random() < 0.5:
            ((count, total),) = self.fleet.store.sql(
                f"SELECT count(*), sum(BilledCost)::text FROM {TABLE} WHERE x_Source = ?",  # noqa: S608
                source,
            )
            return count, Decimal(total or 0)
        told = self.fleet.store.http.get(
            "/costs", params={"table": TABLE, "filter": f"x_Source = '{source}'"}
        ).json()
        rows = told["rows"]
        return (rows[0]["charges"], Decimal(rows[0]["sums"]["BilledCost"])) if rows else NOTHING

    def _figures(self, bill: Bill) -> Figures:
        """What readers of a bill must see."""
        return figures(self.journal.books.of(str(bill.path)))

    def _compare(self) -> None:
        """Hold the ledger and `/costs` against what the files themselves add up to."""
        found = self._by_state(self.fleet.store.ledger(TABLE))
        for delivery in self.journal.books.deliveries:
            first, *more = found.pop(_key_of(delivery))
            self._hold(f"{_key_of(delivery)}", _told(first), delivery.expected())
            for again in more:
                if again["state"] != "unchanged" or not again["balanced"]:
                    self.contradictions.append(f"{_key_of(delivery)} came twice: {again}")
            self.counted["ledger entries compared"] += 1 + len(more)
        self._hold("states that nobody delivered", list(found), [])
        self._hold("/costs", self._costs(), self.journal.books.costs())
        for bill in self.bills.values():
            self._compare_rows(str(bill.path))
        self.counted["comparisons with the files"] += 1

    def _compare_rows(self, source: str) -> None:
        """Hold the charges that readers see against those of the files, one by one."""
        rows = self.fleet.store.sql(
            f"SELECT ResourceId, BilledCost::text FROM {TABLE} WHERE x_Source = ?",  # noqa: S608
            source,
        )
        expected: Counter[tuple[str, Decimal]] = Counter()
        for charge, count in self.journal.books.of(source).items():
            cells = dict(charge)
            expected[str(cells["ResourceId"]), Decimal(cells["BilledCost"])] += count
        lost, doubled = lost_and_doubled(
            expected, Counter((name, Decimal(cost)) for name, cost in rows)
        )
        self.lost, self.doubled = self.lost + lost, self.doubled + doubled
        self._hold(f"rows of {source} lost and doubled", (lost, doubled), (0, 0))

    def _costs(self) -> dict[tuple[str, str, str], tuple[int, dict[str, str]]]:
        told = self.fleet.store.http.get(
            "/costs",
            params={"table": TABLE, "by": "x_Source,ServiceName,month", "metric": ",".join(COSTS)},
        ).json()
        assert told["next"] is None
        return {
            (row["by"]["x_Source"], row["by"]["ServiceName"], row["by"]["month"]): (
                row["charges"],
                {name: cost or "0" for name, cost in row["sums"].items()},
            )
            for row in told["rows"]
        }

    def _hold(self, what: str, found: Any, expected: Any) -> None:
        if found != expected:
            self.contradictions.append(f"{what}: found {found}, expected {expected}")

    def _measure(self) -> None:
        for name, service in self.fleet.processes.items():
            assert service.process is not None
            process = psutil.Process(service.process.pid)
            self.memory.setdefault(name, []).append(process.memory_info().rss // _MIB)
            self.handles.setdefault(name, []).append(process.num_fds())


NOTHING: Figures = (0, Decimal(0))


def figures(state: Charges) -> Figures:
    """How many charges, and what they add up to."""
    return state.total(), sums(state)["BilledCost"]


def _key_of(delivery: Delivery) -> tuple[str, float]:
    return delivery.source, delivery.generation


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _told(entry: Entry) -> dict[str, Any]:
    """The members of an entry that the files tell, too."""
    rows, lines = entry["rows"], entry["sums"].get("USD", {})
    assert entry["balanced"], entry
    return {
        "state": entry["state"],
        **{name: rows[name] for name in ("read", "quarantined", "stored")},
        **{name: rows[name] for name in ("added", "removed", "corrected")},
        "sums": {name: line["stored"] if (line := lines.get(name)) else "0" for name in COSTS},
    }
